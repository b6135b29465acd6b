'use strict';

// What a server, or anybody who can forge its address, gets out of a client: no stream of hellos, no extension that the
// client did not offer, no handshake without the key.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { BOB, HOST, event, openClient, startServer } = require('../support/endpoints.js');
const { connect } = require('../..');
const { EXTENSION, TYPE, extension, serverName, vector } = require('./engine/handshake.js');
const { CHANGE_CIPHER_SPEC, HANDSHAKE, SUITES } = require('./engine/record.js');
const { Server } = require('./engine/server.js');

/** Alerts of RFC 5246 section 7.2. */
const ILLEGAL_PARAMETER = 47;
const DECODE_ERROR = 50;
const UNSUPPORTED_EXTENSION = 110;

/** Hellos that a handshake may take; RFC 6347 needs two. */
const FEW_HELLOS = 10;

const SUITE = 'PSK-AES128-CCM8';

/** A client of the attacker's server; `failure` is how its handshake ends. */
function victim(t, server, options = {}) {
  const client = connect({ host: HOST, port: server.port, ...BOB, ciphers: SUITE, ...options });
  t.after(() => client.destroy());
  return { client, failure: event(client, 'error').then(([error]) => error) };
}

function timeout(milliseconds) {
  return sleep(milliseconds, null, { ref: false });
}

describe('a server that answers each hello with another cookie', () => {
  for (const length of [1, 20, 32, 255]) {
    test(`gets a few hellos out of a client, and the client gives up: cookies of ${length} bytes`, async (t) => {
      const server = await Server.open(t, (_hello, self) => self.sendHelloVerifyRequest(randomBytes(length)));
      const { failure } = victim(t, server, { handshakeTimeout: 5_000 });
      const error = await Promise.race([failure, timeout(1_500)]);
      assert(server.hellos <= FEW_HELLOS, `${server.hellos} hellos`);
      assert(error !== null, 'the client goes on');
      assert.match(error.code, /^ERR_DTLS_/);
    });
  }
});

test('who forges the address of a client’s server cannot make it send more than a few hellos', async (t) => {
  // Bursts of requests that answer no hello at all.
  const server = await Server.open(t, (_hello, self) => {
    for (let count = 0; count < 50; count++) self.sendHelloVerifyRequest(randomBytes(20));
  });
  victim(t, server, { handshakeTimeout: 2_000 }).failure.catch(() => {});
  await sleep(500);
  assert(server.hellos <= FEW_HELLOS, `${server.hellos} hellos`);
});

/** A server whose ServerHello has these extensions. */
function answering(t, extensions) {
  return Server.open(t, ({ cookie }, self) => {
    if (cookie.length === 0) {
      self.sendHelloVerifyRequest(randomBytes(20));
      return;
    }
    self.send(self.serverHello({ suite: SUITES[SUITE].id, extensions }), self.serverHelloDone());
  });
}

/** How a client ends that is shown these extensions: its error's code, and the alert that the server gets. */
async function refusal(t, extensions, options) {
  const server = await answering(t, extensions);
  const { client, failure } = victim(t, server, { handshakeTimeout: 1_500, ...options });
  client.on('secureConnect', () => assert.fail('the server has no key'));
  const { code } = await failure;
  for (let tries = 0; server.alerts.length === 0 && tries < 20; tries++) await sleep(5);
  return { code, alerts: server.alerts };
}

describe('a client refuses an extension that it has not offered (RFC 5246 section 7.4.1.4, CVE-2026-89136)', () => {
  const protocols = vector(vector(Buffer.from('h2'), 1), 2);
  const unsolicited = {
    server_name: extension(EXTENSION.SERVER_NAME),
    max_fragment_length: extension(EXTENSION.MAX_FRAGMENT_LENGTH, Buffer.of(1)),
    application_layer_protocol_negotiation: extension(EXTENSION.ALPN, protocols),
    client_certificate_type: extension(EXTENSION.CLIENT_CERTIFICATE_TYPE, Buffer.of(2)),
    server_certificate_type: extension(EXTENSION.SERVER_CERTIFICATE_TYPE, Buffer.of(2)),
    heartbeat: extension(15, Buffer.of(1)),
    use_srtp: extension(14, Buffer.from('0002000100', 'hex')),
    connection_id: extension(54, Buffer.of(0)),
    'one of nobody’s': extension(0xfafa, Buffer.of(1, 2, 3)),
  };
  for (const [name, shown] of Object.entries(unsolicited)) {
    test(name, async (t) => {
      const { code, alerts } = await refusal(t, [shown]);
      assert.notEqual(code, 'ERR_DTLS_HANDSHAKE_TIMEOUT');
      assert.deepEqual(alerts, [UNSUPPORTED_EXTENSION]);
    });
  }
});

describe('a client refuses an extension that comes twice', () => {
  const twice = {
    extended_master_secret: extension(EXTENSION.EXTENDED_MASTER_SECRET),
    renegotiation_info: extension(EXTENSION.RENEGOTIATION_INFO, Buffer.of(0)),
  };
  for (const [name, shown] of Object.entries(twice)) {
    test(name, async (t) => {
      const { code, alerts } = await refusal(t, [shown, shown]);
      assert.notEqual(code, 'ERR_DTLS_HANDSHAKE_TIMEOUT');
      assert.equal(alerts.length, 1);
      assert([ILLEGAL_PARAMETER, DECODE_ERROR, UNSUPPORTED_EXTENSION].includes(alerts[0]), `alert ${alerts[0]}`);
    });
  }

  test('server_name, which it has offered', async (t) => {
    const shown = extension(EXTENSION.SERVER_NAME);
    const { code, alerts } = await refusal(t, [shown, shown], { servername: 'device.example' });
    assert.notEqual(code, 'ERR_DTLS_HANDSHAKE_TIMEOUT');
    assert([ILLEGAL_PARAMETER, DECODE_ERROR, UNSUPPORTED_EXTENSION].includes(alerts[0]), `alert ${alerts[0]}`);
  });
});

describe('a client accepts no server that lacks the key (CVE-2026-93304)', () => {
  const junk = (self, length) => self.record({ type: HANDSHAKE, epoch: 1, number: 0, content: randomBytes(length) });
  const forgeries = {
    'ChangeCipherSpec and Finished behind its ServerHelloDone': (self) => [
      self.serverHello({ suite: SUITES[SUITE].id }),
      self.serverHelloDone(),
      self.record({ type: CHANGE_CIPHER_SPEC, content: Buffer.of(1) }),
      junk(self, 40),
    ],
    'ChangeCipherSpec and Finished behind its ServerHello': (self) => [
      self.serverHello({ suite: SUITES[SUITE].id }),
      self.record({ type: CHANGE_CIPHER_SPEC, content: Buffer.of(1) }),
      junk(self, 40),
    ],
    'ChangeCipherSpec before its ServerHello': (self) => [
      self.record({ type: CHANGE_CIPHER_SPEC, content: Buffer.of(1) }),
      self.serverHello({ suite: SUITES[SUITE].id }),
      self.serverHelloDone(),
    ],
    'Finished in plaintext': (self) => [
      self.serverHello({ suite: SUITES[SUITE].id }),
      self.serverHelloDone(),
      self.record({ type: CHANGE_CIPHER_SPEC, content: Buffer.of(1) }),
      self.handshakeRecord(TYPE.FINISHED, randomBytes(12)),
    ],
  };
  for (const [title, flight] of Object.entries(forgeries)) {
    test(title, async (t) => {
      const server = await Server.open(t, (_hello, self) => self.send(...flight(self)));
      const { client, failure } = victim(t, server, { handshakeTimeout: 600, handshakeTimeoutMin: 100 });
      let isSecure = false;
      client.on('secureConnect', () => {
        isSecure = true;
      });
      const { code } = await failure;
      assert.match(code, /^ERR_DTLS_/);
      assert.equal(isSecure, false);
    });
  }
});

test('a server gets no more out of a client after the client has refused it', async (t) => {
  const server = await answering(t, [extension(0xfafa), serverName('twice')]);
  const { failure } = victim(t, server, { handshakeTimeout: 1_000 });
  await failure;
  const { hellos } = server;
  await sleep(300);
  assert.equal(server.hellos, hellos);
  // And the next handshake of the same process is undisturbed.
  const honest = await startServer(t);
  await event(openClient(t, honest), 'secureConnect');
});
