'use strict';

// An LwM2M server on node-mbedtls-server, matasarei's fork.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const dtls = require('../..');
const { event } = require('../support/endpoints.js');
const { closeAfter, keyPair } = require('../support/legacy.js');

const CLIENTS = new Map([['urn:imei:1', 'key of one']]);

function startLwM2MServer(t, options, onMessage) {
  const server = dtls.createServer(options);
  server.on('secureConnection', (socket) => {
    socket.on('data', (message) => onMessage(socket, message));
    socket.on('error', (error, message) => options.log.push(`error ${error} ${message}`));
    socket.on('close', () => options.log.push('close'));
  });
  server.on('newSession', (key, session) =>
    options.log.push(`newSession ${key.includes(':')} ${session.id.length >= 0}`),
  );
  server.on('endSession', (key) => options.log.push(`endSession ${key.includes(':')}`));
  closeAfter(t, server);
  return new Promise((resolve) => server.listen(0, () => resolve(server)));
}

test('devices register and are answered', async (t) => {
  const log = [];
  const options = {
    compat: 'matasarei',
    // Applications had to end their keys with a NUL, like C strings.
    key: Buffer.from(`${keyPair().pem}\0`),
    debug: 0,
    handshakeTimeoutMin: 3000,
    handshakeTimeoutMax: 12_000,
    identityPskCallback(identity, sessionId) {
      assert(Buffer.isBuffer(identity) && Buffer.isBuffer(sessionId));
      return CLIENTS.get(identity.toString()) ?? '';
    },
    log,
  };
  const server = await startLwM2MServer(t, options, (socket, message) => socket.write(`2.01 ${message}`));
  const remote = { host: '127.0.0.1', port: server.address().port, compat: 'matasarei' };
  const client = closeAfter(
    t,
    dtls.connect({ ...remote, psk: Buffer.from('key of one'), PSKIdent: Buffer.from('urn:imei:1') }),
  );
  client.write('POST /rd');
  const [answer] = await event(client, 'data');
  assert.equal(answer.toString(), '2.01 POST /rd');
  assert.deepEqual(log, ['newSession true true']);
  client.end();
  await event(server, 'endSession');
  assert.deepEqual(log.toSorted(), ['close', 'endSession true', 'newSession true true']);

  const refused = event(server, 'clientError');
  const stranger = closeAfter(
    t,
    dtls.connect({ ...remote, psk: Buffer.from('a guess'), PSKIdent: Buffer.from('urn:imei:2') }),
  );
  const [code, message] = await event(stranger, 'error');
  assert(code < 0 && typeof message === 'string');
  assert.equal(typeof (await refused)[0], 'string');
});

test('its options are checked as they were', () => {
  const { key } = keyPair();
  assert.throws(() => dtls.createServer({ compat: 'matasarei', key, identityPskCallback: 'no function' }), Error);
  assert.throws(() => dtls.createServer({ compat: 'matasarei' }), Error);
  dtls.createServer({ compat: 'matasarei', key });
  assert.throws(
    () => dtls.connect({ compat: 'matasarei', port: 5684 }),
    (thrown) => thrown === 'you must define either a PSK or a private key.',
  );
});
