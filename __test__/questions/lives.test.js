'use strict';

// Lives of a connection: that it has only one at a time, whether it can have another one, and what a server says of its clock.
// That no nonce repeats is shown in src/proto/tests/nonces.rs.

const assert = require('node:assert/strict');
const process = require('node:process');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { createServer } = require('../..');
const { BOB, HOST, event, heardBy, messages, startServer } = require('../support/endpoints.js');
const { openDevice } = require('../support/device.js');

const CCM = 'PSK-AES128-CCM8';
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

describe('a saved session', () => {
  test('does not go on at another address while its connection lives', async (t) => {
    const { session, address } = await savedDevice(t, CCM);
    const server = await startServer(t, { psk: BOB.psk });
    assert.equal(server.resumeSocket(address, session), true);
    const [socket] = Object.values(server.sockets);
    assert.equal(server.resumeSocket({ ...address, port: 9 }, session), false);
    assert.deepEqual(Object.keys(server.sockets), [`${HOST}:${address.port}`]);
    assert.equal(server.getConnections(), 1);
    socket.reset();
    assert.equal(server.resumeSocket({ ...address, port: 9 }, session), true);
  });

  test('is no second life: what comes from elsewhere is heard by the socket that is open, which moves', async (t) => {
    const server = await startServer(t, { psk: BOB.psk });
    const secure = event(server, 'secureConnection');
    const device = await openDevice(t, server.address().port, { id: Buffer.from('d'), ciphers: CCM });
    const [socket] = await secure;
    const { session } = socket;
    const order = [];
    socket.on('ipChanged', ({ port }) => order.push(['ipChanged', port]));
    socket.on('data', (data) => order.push(['data', data.toString()]));
    server.on('secureConnection', () => order.push(['secureConnection']));
    server.on('resumeSession', (_key, unplaced, callback) => {
      unplaced.on('close', () => order.push(['close']));
      callback(null, session);
    });
    const oldPort = socket.remotePort;
    await device.move();
    const echoed = messages(device.client, 1);
    device.client.write('from elsewhere');
    while (order.length < 3) await sleep(1);
    socket.write('echo');
    await echoed;
    await heardBy(server, () => device.sendRaw(device.sent.at(-1)));
    assert.deepEqual(order.sort(), [['close'], ['data', 'from elsewhere'], ['ipChanged', oldPort]]);
    assert.equal(server.getConnections(), 1);
    assert.equal(server.stats.connections, 1);
  });
});

describe('a connection whose nonces are its record numbers', () => {
  test('says when it is saved that it cannot go on', async (t) => {
    const { session } = await savedDevice(t, CHACHA);
    assert.equal(session.restorable, false);
    assert.equal(JSON.parse(JSON.stringify(session)).restorable, false);
    for (const ciphers of [CCM, 'PSK-AES128-GCM-SHA256', 'PSK-AES128-CBC-SHA256']) {
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
    const { session, address } = await savedDevice(t, CCM);
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
    const { session, address } = await savedDevice(t, CCM);
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
