'use strict';

// Mbed TLS's own test programs, ssl_client2 and ssl_server2: the engine that we wrap, without our code around it.

const fs = require('node:fs');
const path = require('node:path');

const { event } = require('../../support/endpoints.js');
const { installed } = require('./installed.js');
const { LineProgram } = require('./line.js');
const { IDENTITY, KEY, ecdsa, psk, rsa } = require('./scenarios.js');

const DIRECTORY = installed('mbedtls', 'programs', 'ssl');
const GCM = 'ECDHE-ECDSA-AES128-GCM-SHA256';

const both = [
  psk('PSK-AES128-CCM8'),
  psk('PSK-AES128-CCM'),
  psk('PSK-AES128-GCM-SHA256'),
  psk('PSK-AES128-CBC-SHA256'),
  psk('ECDHE-PSK-CHACHA20-POLY1305'),
  psk('ECDHE-PSK-AES128-CBC-SHA256'),
  ecdsa(GCM),
  ecdsa('ECDHE-ECDSA-AES128-CCM8'),
  rsa('ECDHE-RSA-AES128-GCM-SHA256'),
  ecdsa(GCM, { mutual: true }),
  ecdsa(GCM, { mutual: true, loss: true }),
];

class Client extends LineProgram {
  /** ssl_client2 sends its request at once, and ends after the answer. */
  async connected() {}

  async exchange() {
    await this.printed('bytes read');
    const [, heard] = this.output.split('Read from server:');
    if (!heard.includes('GET /from-the-peer')) throw new Error(`no echo of its request:\n${this.output}`);
  }
}

class Server extends LineProgram {
  /** ssl_server2 reads a request, and answers with a page. */
  async exchange(client) {
    const answer = event(client, 'data');
    client.write('GET /from-us HTTP/1.0\r\n\r\n');
    const [page] = await answer;
    if (!page.includes('Successful connection using')) throw new Error(`its answer: ${page}`);
    await this.printed('GET /from-us');
  }
}

function common(port, { auth }, { ca, cert, key }) {
  const args = ['dtls=1', `server_port=${port}`, 'read_timeout=0', 'allow_sha1=0'];
  if (auth === 'psk') args.push(`psk=${KEY.toString('hex')}`, `psk_identity=${IDENTITY}`);
  args.push(`ca_file=${ca ?? 'none'}`, `crt_file=${cert ?? 'none'}`, `key_file=${key ?? 'none'}`);
  return args;
}

function client(t, port, scenario, files) {
  const args = common(port, scenario, files);
  args.push('server_addr=127.0.0.1', 'server_name=localhost', 'request_page=/from-the-peer');
  if (files.ca) args.push('auth_mode=required');
  return new Client(t, [path.join(DIRECTORY, 'ssl_client2'), ...args], {});
}

function server(t, port, scenario, files) {
  const args = [...common(port, scenario, files), 'server_addr=127.0.0.1'];
  args.push(`auth_mode=${scenario.mutual ? 'required' : 'none'}`);
  const command = [path.join(DIRECTORY, 'ssl_server2'), ...args];
  return new Server(t, command, { listening: 'Waiting for a remote connection' });
}

function probe() {
  if (!fs.existsSync(path.join(DIRECTORY, 'ssl_server2'))) return { missing: 'ssl_client2 not built' };
  return { version: fs.readFileSync(installed('mbedtls', 'version'), 'utf8').trim() };
}

module.exports = {
  name: 'Mbed TLS',
  programs: 'ssl_client2, ssl_server2',
  from: "built from the crate mbedtls-sys-auto's sources, unchanged",
  probe,
  clients: both,
  servers: both,
  client,
  server,
};
