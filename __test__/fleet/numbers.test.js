'use strict';

// Connections of DTLS 1.3 in a real Redis: nodes use no record number, which is a nonce, that the store has not confirmed to them, so that
// none is used twice, whoever lives on.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const {
  NEWER,
  ask,
  assertNoNonceTwice,
  connectDevice,
  lackingNewer,
  push,
  startNode,
  storedKey,
  until,
} = require('../support/fleet.js');
const { lacking, startRedis } = require('../support/redis.js');
const { cutOff } = require('../support/unreliable.js');

const skip = lacking || lackingNewer;

describe('Nodes that share connections of DTLS 1.3', { skip }, () => {
  test('use no number twice when an owner lives on that is cut off from the store', async (t) => {
    const redis = await startRedis(t);
    const cut = cutOff(redis.client);
    const [a, b] = [await startNode(t, 'A', cut, NEWER), await startNode(t, 'B', redis.client, NEWER)];
    const { balancer, client, nonces } = await connectDevice(t, a.address().port, NEWER);
    assert.equal(await ask(client, '1'), 'A 1');
    await storedKey(redis.client);
    const [old] = Object.values(a.sockets);
    cut.isReady = false;
    balancer.target = b.address().port;
    assert.equal(await ask(client, '2'), 'B 2');
    const [socket] = Object.values(b.sockets);
    client.resume();
    let sent = 0;
    for (let round = 0; round < 24; round++) {
      // Each of them goes beyond its numbers, and hears the device only now and then.
      balancer.target = (round % 2 === 0 ? a : b).address().port;
      sent += await push(old, 180);
      sent += await push(socket, 60);
      await sleep(10);
    }
    assert.ok(sent > 4000, `${sent}`);
    assert.ok(assertNoNonceTwice(balancer, nonces) > 500);
    assert.equal(old.destroyed, false);
    cut.isReady = true;
    await until(() => old.destroyed);
    assert.deepEqual([a.fleetStats.lost, a.getConnections(), b.getConnections()], [1, 0, 1]);
  });

  test('go on without the store with other keys, and write when it is back', async (t) => {
    const redis = await startRedis(t);
    const cut = cutOff(redis.client);
    const a = await startNode(t, 'A', cut, NEWER);
    const { balancer, client, nonces } = await connectDevice(t, a.address().port, NEWER);
    assert.equal(await ask(client, '1'), 'A 1');
    const key = await storedKey(redis.client);
    const before = await redis.client.hGet(key, 'b');
    const [socket] = Object.values(a.sockets);
    let heard = 0;
    client.on('data', () => heard++);
    cut.isReady = false;
    let sent = 0;
    for (let round = 0; round < 1000 && sent < 5000; round++) {
      // The acknowledgment of other keys may come later than what is heard.
      await sleep(1);
      sent += await push(socket, 40);
      await until(
        () => heard >= sent,
        () => `${heard} of ${sent} have arrived: ${JSON.stringify(client.stats)}`,
      );
    }
    assert.ok(sent >= 5000, `${sent}`);
    assert.ok(nonces.epoch === 3 && assertNoNonceTwice(balancer, nonces) > sent && nonces.epoch > 4);
    cut.isReady = true;
    await until(async () => (await redis.client.hGet(key, 'b')) > before);
    await until(async () => (await push(socket, 1000)) === 1000);
    assert.deepEqual([a.fleetStats.unstored, a.fleetStats.lost], [0, 0]);
  });

  test('write a connection again as fast as it uses its numbers', async (t) => {
    const redis = await startRedis(t);
    const a = await startNode(t, 'A', redis.client, NEWER);
    const { balancer, client, nonces } = await connectDevice(t, a.address().port, NEWER);
    assert.equal(await ask(client, '1'), 'A 1');
    await storedKey(redis.client);
    client.resume();
    const [socket] = Object.values(a.sockets);
    for (let round = 0; round < 100; round++) {
      assert.equal(await push(socket, 200), 200);
      await sleep(1);
    }
    assertNoNonceTwice(balancer, nonces);
    const { writes } = a.fleetStats;
    assert.ok(writes >= 3 && writes < 30, `${writes} writes for 20,000 messages`);
  });

  test('do not take over what another process of Redis has had, and let its owner go on', async (t) => {
    const redis = await startRedis(t);
    const [a, b] = [await startNode(t, 'A', redis.client, NEWER), await startNode(t, 'B', redis.client, NEWER)];
    const { balancer, client, nonces } = await connectDevice(t, a.address().port, NEWER);
    assert.equal(await ask(client, '1'), 'A 1');
    const key = await storedKey(redis.client);
    // As after a restart from disk, or in a replica: it may be older than what was confirmed.
    await redis.client.hSet(key, 'p', 'another process');
    balancer.target = b.address().port;
    client.write('nobody hears this');
    await until(() => b.fleetStats.lookups > 0);
    await sleep(50);
    assert.deepEqual([a.getConnections(), b.getConnections()], [1, 0]);
    balancer.target = a.address().port;
    const [socket] = Object.values(a.sockets);
    client.resume();
    await push(socket, 3000);
    await until(() => a.fleetStats.unstored === 1);
    await sleep(50);
    assert.ok((await push(socket, 50)) > 0);
    assert.equal(await ask(client, '2'), 'A 2');
    assertNoNonceTwice(balancer, nonces);
  });

  test('do not write a connection again that the store has forgotten', async (t) => {
    const redis = await startRedis(t);
    const a = await startNode(t, 'A', redis.client, NEWER);
    const { client } = await connectDevice(t, a.address().port, NEWER);
    assert.equal(await ask(client, '1'), 'A 1');
    await storedKey(redis.client);
    await redis.client.flushAll();
    client.resume();
    await push(Object.values(a.sockets)[0], 3000);
    await until(() => a.fleetStats.unstored === 1);
    assert.deepEqual(await redis.client.keys('*'), []);
    assert.equal(a.getConnections(), 1);
  });
});
