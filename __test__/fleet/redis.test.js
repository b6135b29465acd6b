'use strict';

// Nodes that share their connections through a real Redis.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { createRedisStore, createServer } = require('../..');
const { BOB, event } = require('../support/endpoints.js');
const { KEY, ask, connectDevice, nonces, startChild, startNode, storedKey } = require('../support/fleet.js');
const { lacking, startRedis } = require('../support/redis.js');
const { WIRE, inOlderVersion } = require('../support/older-version.js');

describe('Nodes that share a store in Redis', { skip: lacking }, () => {
  test('take a connection over from each other, one owner at a time, as exactly as it was', async (t) => {
    inOlderVersion(t, WIRE);
    const redis = await startRedis(t);
    const [a, b] = [await startNode(t, 'A', redis.client), await startNode(t, 'B', redis.client)];
    const { balancer, client } = await connectDevice(t, a.address().port);
    assert.equal(await ask(client, '1'), 'A 1');
    const [old] = Object.values(a.sockets);
    await storedKey(redis.client);
    balancer.target = b.address().port;
    assert.equal(await ask(client, '2'), 'B 2');
    assert.deepEqual([old.exported, old.destroyed, a.getConnections(), b.getConnections()], [true, true, 0, 1]);
    const [socket] = Object.values(b.sockets);
    assert.deepEqual(socket.data, { first: 'A' });
    assert.equal(socket.pskIdentity.toString(), 'bob');
    // What was heard there is not heard here once more.
    const recorded = balancer.received.filter((datagram) => datagram[0] === 23);
    for (const datagram of recorded) balancer.forge(datagram);
    balancer.target = a.address().port;
    assert.equal(await ask(client, '3'), 'A 3');
    assert.deepEqual([a.getConnections(), b.getConnections()], [1, 0]);
    const all = nonces(balancer);
    assert.equal(all.length, 3, 'no record was answered twice');
    assert.equal(new Set(all).size, all.length);
    client.end();
    await event(client, 'close');
    for (let count = 0; count < 100 && (await redis.client.keys('*')).length > 0; count++) await sleep(10);
    assert.deepEqual(await redis.client.keys('*'), []);
  });

  test('take a connection over from a node that was killed', async (t) => {
    const redis = await startRedis(t);
    const { child, port } = await startChild(t, redis.port);
    const { balancer, client } = await connectDevice(t, port);
    assert.equal(await ask(client, '1'), `${child.pid} 1`);
    const key = await storedKey(redis.client);
    const b = await startNode(t, 'B', redis.client);
    child.kill('SIGKILL');
    await once(child, 'exit');
    balancer.target = b.address().port;
    const start = performance.now();
    assert.equal(await ask(client, '2'), 'B 2');
    assert.ok(performance.now() - start < 1000);
    assert.equal(await redis.client.hGet(key, 'g'), '2');
    assert.deepEqual(Object.values(b.sockets)[0].data, { first: child.pid });
    assert.equal(new Set(nonces(balancer)).size, nonces(balancer).length);
  });

  test('lose no connection to somebody who sends from its address', async (t) => {
    inOlderVersion(t, WIRE);
    const redis = await startRedis(t);
    const [a, b] = [await startNode(t, 'A', redis.client), await startNode(t, 'B', redis.client)];
    const { balancer, client } = await connectDevice(t, a.address().port);
    assert.equal(await ask(client, '1'), 'A 1');
    const key = await storedKey(redis.client);
    const owner = await redis.client.hGet(key, 'o');
    const forged = Buffer.from(balancer.received.findLast((datagram) => datagram[0] === 23));
    forged[forged.length - 1] ^= 1;
    for (let count = 0; count < 10; count++) balancer.forge(forged, b.address().port);
    await sleep(100);
    assert.equal(await redis.client.hGet(key, 'o'), owner);
    assert.equal(await ask(client, '2'), 'A 2');
    assert.equal(b.getConnections(), 0);
  });

  test('go on without it, and write when it is back', async (t) => {
    const redis = await startRedis(t);
    const a = await startNode(t, 'A', redis.client);
    const first = await connectDevice(t, a.address().port);
    await storedKey(redis.client);
    const warning = event(process, 'warning');
    redis.child.kill('SIGSTOP');
    const second = await connectDevice(t, a.address().port);
    assert.equal(await ask(first.client, '1'), 'A 1');
    assert.equal(await ask(second.client, '2'), 'A 2');
    assert.equal((await warning)[0].code, 'ERR_DTLS_STORE_UNAVAILABLE');
    redis.child.kill('SIGCONT');
    for (let count = 0; count < 300 && (await redis.client.keys('*')).length < 2; count++) await sleep(10);
    assert.equal((await redis.client.keys('*')).length, 2);
  });

  test('believe nothing that is not sealed under their key, and for that address', async (t) => {
    const redis = await startRedis(t);
    const [a, b] = [await startNode(t, 'A', redis.client), await startNode(t, 'B', redis.client)];
    const [one, two] = [await connectDevice(t, a.address().port), await connectDevice(t, a.address().port)];
    for (let count = 0; count < 100 && (await redis.client.keys('*')).length < 2; count++) await sleep(10);
    const key = `mbed-dtls:connection:${one.balancer.address}`;
    const good = await redis.client.hGet(key, 's');
    const another = await redis.client.hGet(`mbed-dtls:connection:${two.balancer.address}`, 's');
    for (const bad of ['', 'nonsense', good.slice(4), another]) {
      await redis.client.hSet(key, 's', bad);
      one.balancer.target = b.address().port;
      one.client.write('who hears this?');
      await sleep(50);
      assert.equal(b.getConnections(), 0);
    }
    one.balancer.target = a.address().port;
    assert.equal(await ask(one.client, '1'), 'A 1');
  });

  test('keep sessions in it as well', async (t) => {
    const redis = await startRedis(t);
    const store = createRedisStore(redis.client, { key: KEY, prefix: 'mine:' });
    assert.equal(await store.get('00ff'), undefined);
    await store.set('00ff', Buffer.from('a session'), 60_000);
    assert.equal(String(await store.get('00ff')), 'a session');
    assert.equal((await redis.client.get('mine:session:00ff')).includes('session'), false);
    assert.ok((await redis.client.pTTL('mine:session:00ff')) > 50_000);
    const stranger = createRedisStore(redis.client, { key: randomBytes(32), prefix: 'mine:' });
    await assert.rejects(stranger.get('00ff'), { code: 'ERR_DTLS_EXPORT_WRONG_KEY' });
    await store.delete('00ff');
    assert.equal(await store.get('00ff'), undefined);
  });
});

test('The arguments of createRedisStore() are checked', () => {
  const client = { sendCommand() {}, duplicate() {}, on() {} };
  const code = (expected) => ({ code: expected });
  assert.throws(() => createRedisStore({}, { key: KEY }), code('ERR_INVALID_ARG_TYPE'));
  assert.throws(() => createRedisStore(client, {}), code('ERR_INVALID_ARG_TYPE'));
  assert.throws(() => createRedisStore(client, { key: 'text' }), code('ERR_INVALID_ARG_TYPE'));
  assert.throws(() => createRedisStore(client, { key: Buffer.alloc(5) }), code('ERR_INVALID_ARG_VALUE'));
  assert.throws(() => createRedisStore(client, { key: KEY, timeout: 0 }), code('ERR_OUT_OF_RANGE'));
  assert.throws(() => createRedisStore(client, { key: KEY, prefix: 1 }), code('ERR_INVALID_ARG_TYPE'));
  const psk = { bob: BOB.psk };
  assert.throws(() => createServer({ psk, connectionStore: {} }), code('ERR_INVALID_ARG_TYPE'));
});
