'use strict';

// Connections that have had several lives: which of them can have another one, and what a server says of its clock. That no
// nonce repeats is shown in src/proto/tests/nonces.rs.

const assert = require('node:assert/strict');
const process = require('node:process');
const { describe, test } = require('node:test');

const { createServer } = require('../..');
const { BOB, HOST, event, startServer } = require('../support/endpoints.js');
const { openDevice } = require('../support/device.js');

const CHACHA = 'PSK-CHACHA20-POLY1305';
const HOUR = 3_600_000;

/** A device, and its connection as it was saved when its server ended without a word. */
async function savedDevice(t, ciphers) {
  const server = createServer({ psk: BOB.psk, ciphers, sendClose: false });
  server.listen(0, HOST);
  await event(server, 'listening');
  const secure = event(server, 'secureConnection');
  const device = await openDevice(t, server.address().port, { ciphers });
  const [{ session }] = await secure;
  await new Promise((resolve) => server.close(resolve));
  return { device, session, address: device.address };
}

/** Codes of the warnings that come until the end of the test. */
function warningsOf(t) {
  const codes = [];
  const note = ({ code }) => codes.push(code);
  process.on('warning', note);
  t.after(() => process.off('warning', note));
  return codes;
}

/** Warnings come in a later tick. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('a connection whose nonces are its record numbers', () => {
  test('says when it is saved that it cannot go on', async (t) => {
    const { session } = await savedDevice(t, CHACHA);
    assert.equal(session.restorable, false);
    assert.equal(JSON.parse(JSON.stringify(session)).restorable, false);
    for (const ciphers of ['PSK-AES128-CCM8', 'PSK-AES128-GCM-SHA256', 'PSK-AES128-CBC-SHA256']) {
      const { session: other } = await savedDevice(t, ciphers);
      assert.equal('restorable' in other, false, ciphers);
    }
  });

  test('is refused by resumeSocket(), whatever its session says, and a warning says why', async (t) => {
    const codes = warningsOf(t);
    const { session, address } = await savedDevice(t, CHACHA);
    const server = await startServer(t, { psk: BOB.psk });
    assert.equal(server.resumeSocket(address, { ...session, restorable: true }), false);
    await settled();
    assert.deepEqual(codes, ['ERR_DTLS_UNRESTORABLE_CIPHER']);
  });

  test("is refused as an answer to 'resumeSession', and the application can ask for a handshake", async (t) => {
    const { device, session, address } = await savedDevice(t, CHACHA);
    const server = await startServer(t, { psk: BOB.psk });
    device.port = server.address().port;
    server.on('resumeSession', (_key, _socket, callback) => callback(null, session));
    const events = [event(server, 'clientError'), event(server, 'forceDeviceRehandshake')];
    device.client.write('is anybody there?');
    const [[error], [remote]] = await Promise.all(events);
    assert.equal(error.code, 'ERR_DTLS_UNRESTORABLE_CIPHER');
    assert.equal(error.port, address.port);
    assert.equal(remote.port, address.port);
    assert.equal(server.getConnections(), 0);
  });
});

describe('a server that restores a connection', () => {
  test('says once when its clock is behind that of the copy', async (t) => {
    const codes = warningsOf(t);
    const { session, address } = await savedDevice(t, 'PSK-AES128-CCM8');
    const server = await startServer(t, { psk: BOB.psk });
    const late = { ...session, saved_at: Date.now() + HOUR };
    for (let time = 0; time < 2; time++) {
      assert.equal(server.resumeSocket(address, late), true);
      server.sockets[`${HOST}:${address.port}`].reset();
    }
    await settled();
    assert.deepEqual(codes, ['ERR_DTLS_CLOCK_BEHIND']);
  });

  test('says nothing of a clock that is right, or of a copy that does not say when it was made', async (t) => {
    const codes = warningsOf(t);
    const { session, address } = await savedDevice(t, 'PSK-AES128-CCM8');
    assert(Math.abs(session.saved_at - Date.now()) < HOUR);
    const server = await startServer(t, { psk: BOB.psk });
    for (const saved_at of [session.saved_at, session.saved_at - HOUR, undefined]) {
      assert.equal(server.resumeSocket(address, { ...session, saved_at }), true);
      server.sockets[`${HOST}:${address.port}`].reset();
    }
    await settled();
    assert.deepEqual(codes, []);
  });
});
