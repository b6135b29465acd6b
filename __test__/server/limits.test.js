'use strict';

// What a server's limits mean to an application: who is displaced or refused, and about whom it is asked.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { describe, test } = require('node:test');

const { BOB, HOST, connectedPair, event, openClient, startServer } = require('../support/endpoints.js');

test('a handshake that gives way ends with ERR_DTLS_HANDSHAKE_DISPLACED, and its client may try again', async (t) => {
  const keys = [];
  const pskCallback = (_socket, _identity, callback) => {
    keys.push(callback);
  };
  const server = await startServer(t, { pskCallback, maxHandshakes: 2 });
  const failed = event(server, 'clientError');
  openClient(t, server);
  while (keys.length < 1) await new Promise(setImmediate);
  const second = openClient(t, server);
  while (keys.length < 2) await new Promise(setImmediate);
  openClient(t, server);
  const [[error], [told]] = await Promise.all([failed, event(second, 'error')]);
  assert.equal(error.code, 'ERR_DTLS_HANDSHAKE_DISPLACED');
  assert.equal(error.alert, 80);
  assert.deepEqual([told.code, told.alert], ['ERR_DTLS_ALERT_RECEIVED', 80]);
  const { handshakes, handshakesDisplaced, handshakesRefused } = server.stats;
  assert.deepEqual([handshakes, handshakesDisplaced, handshakesRefused], [2, 1, 0]);
  while (keys.length < 3) await new Promise(setImmediate);
  for (const callback of keys) callback(null, BOB.psk);
  const secured = event(openClient(t, server), 'secureConnect');
  while (keys.length < 4) await new Promise(setImmediate);
  for (const callback of keys) callback(null, BOB.psk);
  await secured;
});

test('maxConnectionsPerAddress refuses handshakes, and leaves connections alone', async (t) => {
  const serverOptions = { maxConnectionsPerAddress: 1 };
  const { server, client } = await connectedPair(t, { serverOptions });
  const [error] = await event(openClient(t, server, { ...BOB, handshakeTimeout: 300 }), 'error');
  assert.equal(error.code, 'ERR_DTLS_HANDSHAKE_TIMEOUT');
  assert.equal(server.stats.handshakesRefused, 1);
  client.end();
  client.resume();
  await event(client, 'close');
  while (server.getConnections() > 0) await new Promise(setImmediate);
  await event(openClient(t, server), 'secureConnect');
});

describe('expectAddresses()', () => {
  async function stranger(t) {
    const socket = dgram.createSocket('udp4');
    socket.bind(0, HOST);
    t.after(() => socket.close());
    await event(socket, 'listening');
    // It looks like data of some connection.
    const junk = Buffer.alloc(64, 1);
    Buffer.from([23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 5, 0, 51]).copy(junk);
    const key = `${HOST}:${socket.address().port}`;
    return { key, say: (server) => socket.send(junk, server.address().port, HOST) };
  }

  test("lets no other address lead to 'resumeSession', until it is lifted", async (t) => {
    const server = await startServer(t);
    const asked = [];
    server.on('resumeSession', (key, _socket, callback) => {
      asked.push(key);
      callback(null, null);
    });
    const all = [await stranger(t), await stranger(t), await stranger(t)];
    const [first, second, third] = all.map(({ key }) => key);
    async function ask() {
      asked.length = 0;
      const before = server.stats.datagramsReceived;
      for (const { say } of all) say(server);
      while (server.stats.datagramsReceived < before + all.length) await new Promise(setImmediate);
      return [...asked].sort();
    }
    assert.deepEqual(await ask(), [first, second, third].sort());
    server.expectAddresses(new Map([[first, 'saved']]).keys());
    assert.deepEqual(await ask(), [first]);
    server.expectAddresses([{ address: HOST, port: Number(third.split(':')[1]) }]);
    assert.deepEqual(await ask(), [first, third].sort());
    server.expectAddresses(null);
    assert.deepEqual(await ask(), [first, second, third].sort());
  });

  test('refuses what is no address', async (t) => {
    const server = await startServer(t);
    for (const wrong of [undefined, 7, '127.0.0.1:5684', {}, ['nobody'], ['nobody:7'], [null], [{ address: HOST }]]) {
      assert.throws(() => server.expectAddresses(wrong), { code: 'ERR_INVALID_ARG_TYPE' }, String(wrong));
    }
    for (const wrong of [['127.0.0.1:0'], ['127.0.0.1:65536'], [{ address: HOST, port: 1.5 }]]) {
      assert.throws(() => server.expectAddresses(wrong), { code: 'ERR_OUT_OF_RANGE' });
    }
    server.expectAddresses(['::1:5684', '2001:db8::1:5684']);
  });
});
