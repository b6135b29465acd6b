'use strict';

// libcoap's coap-client and coap-server, which speak CoAP over DTLS (coaps) with either of two TLS libraries.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { createPrivateKey } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { setTimeout } = require('node:timers/promises');

const coap = require('../../support/coap.js');
const { isFree } = require('../../support/endpoints.js');
const { LineProgram } = require('./line.js');
const { IDENTITY, KEY, ecdsa, psk, raw, rsa } = require('./scenarios.js');

const GCM = 'ECDHE-ECDSA-AES128-GCM-SHA256';
const both = [
  psk('PSK-AES128-CCM8'),
  psk('PSK-AES128-GCM-SHA256'),
  psk('ECDHE-PSK-CHACHA20-POLY1305'),
  ecdsa(GCM),
  ecdsa('ECDHE-ECDSA-AES128-CCM8'),
  rsa('ECDHE-RSA-AES128-GCM-SHA256'),
  ecdsa(GCM, { mutual: true }),
];
const LINE = 'a line from the peer';

/** Our server answers every request with its own payload. */
function serve(socket) {
  socket.on('data', (message) => {
    const { confirmable, payload } = coap.parse(message);
    if (confirmable) socket.write(coap.content(message, payload));
  });
}

function credentials({ auth }, { ca, cert, key, publicKey }, identity) {
  if (auth === 'psk') return ['-k', KEY.toString(), ...identity];
  if (publicKey) return ['-M', plainKey(key)];
  return [...(ca ? ['-C', ca] : ['-n']), ...(cert ? ['-c', cert, '-j', key] : [])];
}

/** A raw public key is given by a private key in the form of SEC 1. */
function plainKey(keyPath) {
  const file = path.join(path.dirname(keyPath), 'sec1.pem');
  fs.writeFileSync(file, createPrivateKey(fs.readFileSync(keyPath)).export({ type: 'sec1', format: 'pem' }));
  return file;
}

class CoapClient extends LineProgram {
  /** The first message of coap-client is its request. */
  async connected() {}

  async exchange() {
    await this.printed(LINE);
  }
}

class CoapServer extends LineProgram {
  /** coap-server does not say when it listens, but its port is taken then. */
  async listening() {
    const deadline = Date.now() + 10_000;
    while (await isFree(this.port)) {
      if (Date.now() > deadline) throw new Error(`no coap-server on port ${this.port}\n${this.output}`);
      await setTimeout(20);
    }
  }

  /** GET returns what PUT has stored. */
  async exchange(client) {
    await ask(client, coap.request('PUT', 'example_data', { id: 1, payload: 'a line from us' }));
    const { code, payload } = await ask(client, coap.request('GET', 'example_data', { id: 2 }));
    assert.deepEqual({ code, payload }, { code: '2.05', payload: 'a line from us' });
  }
}

function ask(client, request) {
  return new Promise((resolve) => {
    client.once('data', (answer) => resolve(coap.parse(answer)));
    client.write(request);
  });
}

function peer(library, name) {
  const [clientProgram, serverProgram] = [`coap-client-${library}`, `coap-server-${library}`];
  const pairs = [...both, ...(library === 'gnutls' ? [raw('P-256')] : [])];
  // With OpenSSL, coap-server shows the first certificate of its file only.
  const direct = library === 'openssl';
  return {
    name,
    programs: `${clientProgram}, ${serverProgram}`,
    from: 'Debian libcoap3-bin',
    remarks: direct ? 'coap-server shows the first certificate of its file only' : undefined,
    serve,
    probe,
    clients: pairs,
    servers: pairs.map((scenario) => (direct && scenario.auth === 'ecdsa' ? { ...scenario, direct } : scenario)),

    client(t, port, scenario, files) {
      const own = credentials(scenario, files, ['-u', IDENTITY]);
      const asks = ['-B', '20', '-m', 'post', '-e', encodeURIComponent(LINE), `coaps://localhost:${port}/`];
      return new CoapClient(t, [clientProgram, ...own, ...asks], {});
    },

    server(t, port, scenario, files) {
      const own = credentials(scenario, files, []);
      // Encrypted CoAP is one port above unencrypted CoAP.
      const program = new CoapServer(t, [serverProgram, '-A', '127.0.0.1', '-p', String(port - 1), ...own], {});
      program.port = port;
      return program;
    },
  };

  function probe() {
    const { error, stderr, stdout } = spawnSync(clientProgram, [], { encoding: 'utf8' });
    if (error) return { missing: `${clientProgram} not found` };
    return { version: `${stdout}${stderr}`.match(/v(\d+\.\d+\.\d+)/)?.[1] };
  }
}

module.exports = [peer('openssl', 'libcoap, OpenSSL'), peer('gnutls', 'libcoap, GnuTLS')];
