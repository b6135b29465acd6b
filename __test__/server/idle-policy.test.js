'use strict';

// Which connections a server keeps, and which give way.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { BOB, connectedPair, event, messages, openClient, startServer } = require('../support/endpoints.js');
const { keyPair } = require('../support/keys.js');
const { SAVED, inOlderVersion } = require('../support/older-version.js');

const ALICE = { psk: 'secret of alice', pskIdentity: 'alice' };
const KEYS = { bob: BOB.psk, alice: ALICE.psk };

async function join(t, server, options) {
  const client = openClient(t, server, options);
  const [[socket]] = await Promise.all([event(server, 'secureConnection'), event(client, 'secureConnect')]);
  return { client, socket };
}

test('With evictIdleConnections, the connection that has been silent longest gives way', async (t) => {
  const server = await startServer(t, { psk: KEYS, maxConnections: 2, evictIdleConnections: true });
  const first = await join(t, server, BOB);
  const second = await join(t, server, BOB);
  const heard = event(first.socket, 'data');
  first.client.write('here');
  await heard;
  second.client.resume();
  const ends = Promise.all([event(second.socket, 'close'), event(second.client, 'end')]);
  second.socket.resume();
  await join(t, server, BOB);
  assert.deepEqual((await ends)[0], [false]);
  assert.equal(first.socket.connected, true);
  assert.equal(server.getConnections(), 2);
  assert.equal(server.stats.ends.evicted, 1);
});

describe('With replaceByIdentity', () => {
  test('the newest connection of an identity takes the place of the earlier one', async (t) => {
    const server = await startServer(t, { psk: KEYS, replaceByIdentity: true });
    const first = await join(t, server, BOB);
    const other = await join(t, server, ALICE);
    first.socket.resume();
    const events = Promise.all([event(first.socket, 'reconnect'), event(first.socket, 'close')]);
    const second = await join(t, server, BOB);
    assert.deepEqual(await events, [[second.socket], [false]]);
    assert.deepEqual([first.client.connected, second.socket.connected, other.socket.connected], [true, true, true]);
    assert.equal(server.getConnections(), 2);
    second.socket.resume();
    second.client.end();
    await event(second.socket, 'close');
    const third = await join(t, server, BOB);
    assert.equal(third.socket.connected, true);
  });

  test("who only claims an identity takes nobody's place", async (t) => {
    const server = await startServer(t, { psk: KEYS, replaceByIdentity: true });
    const { socket } = await join(t, server, BOB);
    const impostor = openClient(t, server, { ...BOB, psk: 'another key' });
    impostor.on('error', () => {});
    await event(server, 'clientError');
    assert.equal(socket.connected, true);
  });

  test('public keys are identities as well', async (t) => {
    const [own, device] = [keyPair(), keyPair()];
    const options = { key: own.key, peerPublicKey: device.publicKey, replaceByIdentity: true };
    const server = await startServer(t, options);
    const clientOptions = { key: device.key, peerPublicKey: own.publicKey };
    const first = await join(t, server, clientOptions);
    const replaced = event(first.socket, 'reconnect');
    const second = await join(t, server, clientOptions);
    assert.deepEqual(await replaced, [second.socket]);
  });

  test('a connection that comes from another process is not the newest', async (t) => {
    inOlderVersion(t, SAVED);
    const key = randomBytes(32);
    const { socket } = await connectedPair(t);
    const exported = await socket.exportConnection({ key });
    const server = await startServer(t, { psk: KEYS, replaceByIdentity: true });
    const live = await join(t, server, BOB);
    server.on('secureConnection', () => assert.fail('It has been announced'));
    assert.deepEqual(await server.importConnections(exported, { key }), { imported: 1, refused: 0 });
    await sleep(20);
    assert.deepEqual([server.getConnections(), live.socket.connected], [1, true]);
  });
});

describe('setTimeout() of a socket', () => {
  test("emits 'timeout' after silence, again after more, and ends nothing", async (t) => {
    const { socket, client } = await connectedPair(t);
    assert.equal(socket.timeout, undefined);
    let count = 0;
    assert.equal(
      socket.setTimeout(60, () => count++),
      socket,
    );
    assert.equal(socket.timeout, 60);
    socket.on('timeout', () => count++);
    const received = messages(socket, 10);
    for (let index = 0; index < 10; index++) {
      client.write('message');
      await sleep(10);
    }
    await received;
    assert.equal(count, 0);
    await event(socket, 'timeout');
    assert.equal(count, 2);
    await sleep(100);
    assert.equal(count, 2, 'silence is told once');
    socket.write('something');
    await event(socket, 'timeout');
    assert.equal(count, 3);
    assert.equal(socket.connected, true);
  });

  test('with 0 stops, and checks its arguments', async (t) => {
    const { socket } = await connectedPair(t);
    const fail = () => assert.fail('It has not stopped');
    socket.setTimeout(20, fail);
    socket.setTimeout(0, fail);
    assert.deepEqual([socket.timeout, socket.listenerCount('timeout')], [undefined, 0]);
    await sleep(50);
    for (const wrong of [-1, NaN, '5', 2 ** 31]) {
      assert.throws(() => socket.setTimeout(wrong), { code: /^ERR_(OUT_OF_RANGE|INVALID_ARG_TYPE)$/ });
    }
    assert.throws(() => socket.setTimeout(1, 'listener'), { code: 'ERR_INVALID_ARG_TYPE' });
    socket.setTimeout(20, fail);
    socket.destroy();
    await sleep(50);
  });
});
