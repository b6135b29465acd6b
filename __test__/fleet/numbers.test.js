'use strict';

// Connections of DTLS 1.3 that nodes take over from each other through a real Redis. Their nonces are their record numbers, which are
// read from the wire: none is used twice, whoever lives on.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { versions } = require('../..');
const { event } = require('../support/endpoints.js');
const { clockAhead } = require('../support/clock.js');
const { startChild, startNode, storedKey } = require('../support/fleet.js');
const { NEWER, ask, assertNoNumberTwice, connectNewer, push, until } = require('../support/fleet-newer.js');
const { lacking, startRedis } = require('../support/redis.js');
const { cutOff } = require('../support/unreliable.js');

const HOUR = 3600;

const skip = lacking || (versions['aws-lc'] === undefined && 'this build has no AWS-LC');

describe('Nodes that share connections of DTLS 1.3', { skip }, () => {
  test('take one over from each other, as exactly as it was', async (t) => {
    const redis = await startRedis(t);
    const [a, b] = [await startNode(t, 'A', redis.client, NEWER), await startNode(t, 'B', redis.client, NEWER)];
    const { balancer, client, numbers } = await connectNewer(t, a.address().port);
    assert.equal(await ask(client, '1'), 'A 1');
    const key = await storedKey(redis.client);
    const [old] = Object.values(a.sockets);
    const recorded = balancer.received.at(-1);
    balancer.target = b.address().port;
    assert.equal(await ask(client, '2'), 'B 2');
    assert.deepEqual([old.exported, old.destroyed, a.getConnections(), b.getConnections()], [true, true, 0, 1]);
    const [socket] = Object.values(b.sockets);
    assert.deepEqual(
      [socket.data, socket.getProtocol(), socket.pskIdentity.toString()],
      [{ first: 'A' }, 'DTLSv1.3', 'bob'],
    );
    // What was heard there is not heard here once more.
    balancer.forge(recorded);
    balancer.target = a.address().port;
    assert.equal(await ask(client, '3'), 'A 3');
    // Whoever was asked has let go, so that nobody counts as an owner that may live.
    assert.match(await redis.client.hGet(key, 'b'), /^0{14}3\d{15}$/);
    assertNoNumberTwice(balancer, numbers);
    client.end();
    await event(client, 'close');
    await until(async () => (await redis.client.keys('*')).length === 0);
  });

  test('take one over from a node that was killed, by its ID', async (t) => {
    const redis = await startRedis(t);
    const { child, port } = await startChild(t, redis.port, { CONNECTION_ID: '8' });
    const { balancer, client, numbers } = await connectNewer(t, port, { connectionId: 0 });
    assert.equal(await ask(client, '1'), `${child.pid} 1`);
    const key = await storedKey(redis.client);
    assert.match(key, /:id:[0-9a-f]{16}$/);
    const b = await startNode(t, 'B', redis.client, { ...NEWER, connectionId: 8 });
    child.kill('SIGKILL');
    await once(child, 'exit');
    await balancer.rebind();
    balancer.target = b.address().port;
    assert.equal(await ask(client, '2'), 'B 2');
    assert.equal(await redis.client.hGet(key, 'g'), '2');
    assert.deepEqual(Object.values(b.sockets)[0].data, { first: child.pid });
    assertNoNumberTwice(balancer, numbers);
  });

  test('go on between clocks that are an hour apart, in either direction', async (t) => {
    const ahead = clockAhead(t, HOUR);
    if (ahead === null) {
      t.skip('skipped (no clock can be shifted here: it takes cc and Linux)');
      return;
    }
    const redis = await startRedis(t);
    const first = await startChild(t, redis.port, ahead);
    const { balancer, client, numbers } = await connectNewer(t, first.port);
    assert.equal(await ask(client, '1'), `${first.child.pid} 1`);
    await storedKey(redis.client);
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    const behind = await startNode(t, 'B', redis.client, NEWER);
    balancer.target = behind.address().port;
    assert.equal(await ask(client, '2'), 'B 2');
    // And to one that is ahead, from one that lives.
    const second = await startChild(t, redis.port, ahead);
    balancer.target = second.port;
    assert.equal(await ask(client, '3'), `${second.child.pid} 3`);
    balancer.target = behind.address().port;
    assert.equal(await ask(client, '4'), 'B 4');
    assertNoNumberTwice(balancer, numbers);
  });

  test('use no number twice when an owner lives on that is cut off from the store', async (t) => {
    const redis = await startRedis(t);
    const cut = cutOff(redis.client);
    const [a, b] = [await startNode(t, 'A', cut, NEWER), await startNode(t, 'B', redis.client, NEWER)];
    const { balancer, client, numbers } = await connectNewer(t, a.address().port);
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
    assert.ok(assertNoNumberTwice(balancer, numbers) > 500);
    assert.equal(old.destroyed, false);
    cut.isReady = true;
    await until(() => old.destroyed);
    assert.deepEqual([a.fleetStats.lost, a.getConnections(), b.getConnections()], [1, 0, 1]);
  });

  test('have one owner when two of them hear each record', async (t) => {
    const redis = await startRedis(t);
    const { child, port } = await startChild(t, redis.port);
    const { balancer, client, numbers } = await connectNewer(t, port);
    assert.equal(await ask(client, '1'), `${child.pid} 1`);
    await storedKey(redis.client);
    const nodes = [await startNode(t, 'B', redis.client, NEWER), await startNode(t, 'C', redis.client, NEWER)];
    child.kill('SIGKILL');
    await once(child, 'exit');
    const answers = [];
    client.on('data', (message) => answers.push(String(message).split(' ')[1]));
    for (let number = 2; number <= 5; number++) {
      const received = balancer.received.length;
      client.write(String(number));
      await until(() => balancer.received.length > received);
      for (const node of nodes) balancer.forge(balancer.received.at(-1), node.address().port);
      await until(() => answers.length === number - 1);
      await sleep(30);
    }
    assert.deepEqual(answers, ['2', '3', '4', '5']);
    assert.ok(nodes.reduce((sum, node) => sum + node.getConnections(), 0) <= 1);
    assertNoNumberTwice(balancer, numbers);
  });

  test('go on without the store with other keys, and write when it is back', async (t) => {
    const redis = await startRedis(t);
    const cut = cutOff(redis.client);
    const a = await startNode(t, 'A', cut, NEWER);
    const { balancer, client, numbers } = await connectNewer(t, a.address().port);
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
      await until(() => heard >= sent, 'what was sent has arrived');
    }
    assert.ok(sent >= 5000, `${sent}`);
    assert.ok(numbers.epoch === 3 && assertNoNumberTwice(balancer, numbers) > sent && numbers.epoch > 4);
    cut.isReady = true;
    await until(async () => (await redis.client.hGet(key, 'b')) > before);
    await until(async () => (await push(socket, 1000)) === 1000);
    assert.deepEqual([a.fleetStats.unstored, a.fleetStats.lost], [0, 0]);
  });

  test('write a connection again as fast as it uses its numbers', async (t) => {
    const redis = await startRedis(t);
    const a = await startNode(t, 'A', redis.client, NEWER);
    const { balancer, client, numbers } = await connectNewer(t, a.address().port);
    assert.equal(await ask(client, '1'), 'A 1');
    await storedKey(redis.client);
    client.resume();
    const [socket] = Object.values(a.sockets);
    for (let round = 0; round < 100; round++) {
      assert.equal(await push(socket, 200), 200);
      await sleep(1);
    }
    assertNoNumberTwice(balancer, numbers);
    const { writes } = a.fleetStats;
    assert.ok(writes >= 3 && writes < 30, `${writes} writes for 20,000 messages`);
  });

  test('do not take over what another process of Redis has had, and let its owner go on', async (t) => {
    const redis = await startRedis(t);
    const [a, b] = [await startNode(t, 'A', redis.client, NEWER), await startNode(t, 'B', redis.client, NEWER)];
    const { balancer, client, numbers } = await connectNewer(t, a.address().port);
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
    assertNoNumberTwice(balancer, numbers);
  });

  test('do not write a connection again that the store has forgotten', async (t) => {
    const redis = await startRedis(t);
    const a = await startNode(t, 'A', redis.client, NEWER);
    const { client } = await connectNewer(t, a.address().port);
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
