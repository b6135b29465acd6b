'use strict';

// Mbed TLS's own test programs, ssl_client2 and ssl_server2: the engine that we wrap, without our code around it, and a later
// version, which has connection IDs.

const fs = require('node:fs');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');

const { event } = require('../../support/endpoints.js');
const { installed } = require('./installed.js');
const { LineProgram } = require('./line.js');
const { IDENTITY, KEY, THEIR_ID, ecdsa, psk, rsa, withIds } = require('./scenarios.js');

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

/** One that sends a request again as soon as it is answered, and after a second without an answer. */
class PersistentClient extends LineProgram {
  async connected() {}

  /** The first answer after a move may have been under way before it. */
  async exchange() {
    const answers = () => this.output.split('bytes read').length - 1;
    const enough = answers() + 2;
    while (answers() < enough) await sleep(20);
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

/** An ID of the length that the matrix asks for, in hexadecimal. */
const ID = '5a'.repeat(THEIR_ID);

function common(port, { auth, ids }, { ca, cert, key }) {
  const args = ['dtls=1', `server_port=${port}`, 'allow_sha1=0'];
  if (ids) args.push('cid=1', `cid_val=${ID}`);
  if (auth === 'psk') args.push(`psk=${KEY.toString('hex')}`, `psk_identity=${IDENTITY}`);
  args.push(`ca_file=${ca ?? 'none'}`, `crt_file=${cert ?? 'none'}`, `key_file=${key ?? 'none'}`);
  return args;
}

function client(directory) {
  return (t, port, scenario, files) => {
    const args = common(port, scenario, files);
    args.push('server_addr=127.0.0.1', 'server_name=localhost', 'request_page=/from-the-peer');
    if (files.ca) args.push('auth_mode=required');
    const command = [path.join(directory, 'programs', 'ssl', 'ssl_client2'), ...args];
    if (!scenario.ids) return new Client(t, [...command, 'read_timeout=0'], {});
    return new PersistentClient(t, [...command, 'read_timeout=1000', 'max_resend=100', 'exchanges=1000000'], {});
  };
}

function server(directory) {
  return (t, port, scenario, files) => {
    const args = [...common(port, scenario, files), 'read_timeout=0', 'server_addr=127.0.0.1'];
    // It goes on with a connection after an answer only if it is told so.
    if (scenario.ids) args.push('exchanges=2');
    args.push(`auth_mode=${scenario.mutual ? 'required' : 'none'}`);
    const command = [path.join(directory, 'programs', 'ssl', 'ssl_server2'), ...args];
    return new Server(t, command, { listening: 'Waiting for a remote connection' });
  };
}

function peer({ directory, ...rest }) {
  return { programs: 'ssl_client2, ssl_server2', ...rest, probe, client: client(directory), server: server(directory) };

  function probe() {
    const recorded = path.join(directory, 'version');
    if (!fs.existsSync(recorded)) return { missing: 'ssl_client2 not built' };
    return { version: fs.readFileSync(recorded, 'utf8').trim() };
  }
}

module.exports = [
  {
    name: 'Mbed TLS',
    directory: installed('mbedtls'),
    from: "built from the crate mbedtls-sys-auto's sources, unchanged",
    clients: both,
    servers: both,
  },
  {
    name: 'Mbed TLS 3.6',
    directory: installed('mbedtls3'),
    from: "built from Debian's sources of mbedtls, unchanged",
    remarks: 'ssl_server2 hears one port of its client alone: with connection IDs, the client stays where it is',
    clients: withIds(true),
    servers: withIds('still'),
  },
].map(peer);
