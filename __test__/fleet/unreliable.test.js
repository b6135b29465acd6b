'use strict';

// Connections of DTLS 1.3 in a store that forgets, goes back in time, answers late, twice or never. Whatever it does, short of
// somebody who writes old copies into it, no number of a record is used twice, and the device takes no record twice.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const {
  IMPATIENT,
  NEWER,
  ask,
  assertNoNonceTwice,
  connectDevice,
  countNonces,
  lackingNewer,
  push,
  startChild,
  startNode,
  storedKey,
  until,
} = require('../support/fleet.js');
const { lacking, startRedis } = require('../support/redis.js');
const { Dice, cutOff, replaying, unreliable } = require('../support/unreliable.js');

const skip = lacking || lackingNewer;

/** A client of whichever Redis its `current` one is connected to, as of one whose name leads to another server. */
function movable(client) {
  const movable = {
    current: client,
    on() {},
    sendCommand: (...args) => movable.current.sendCommand(...args),
    duplicate: () => client.duplicate(),
  };
  return movable;
}

/** Has each of these sockets send, and the device hear, more than their numbers last for without other keys. */
async function pushFromAll(balancer, sockets, rounds) {
  let sent = 0;
  for (let round = 0; round < rounds; round++) {
    for (const [server, socket] of sockets) {
      // What it sends is acknowledged to it.
      balancer.target = server.address().port;
      sent += await push(socket, 150);
      await sleep(5);
    }
  }
  return sent;
}

/**
 * A device at A, whose connection B takes over while A lives on without the store. Then the store goes back to what it had before.
 *
 * @param {(redis: object) => Promise<() => Promise<object>>} remember answers what brings the past back
 */
async function goBackInTime(t, redis, remember) {
  const [cut, moved] = [cutOff(redis.client), movable(redis.client)];
  const a = await startNode(t, 'A', cut, NEWER);
  const b = await startNode(t, 'B', moved, NEWER);
  const { balancer, client, nonces } = await connectDevice(t, a.address().port, NEWER);
  assert.equal(await ask(client, '1'), 'A 1');
  const key = await storedKey(redis.client);
  const [old] = Object.values(a.sockets);
  const goBack = await remember(key);
  cut.isReady = false;
  balancer.target = b.address().port;
  assert.equal(await ask(client, '2'), 'B 2');
  const [socket] = Object.values(b.sockets);
  client.resume();
  // It has more numbers confirmed, which the store will have forgotten.
  await until(async () => (await push(socket, 1500)) === 1500);
  const client2 = await goBack();
  moved.current = client2;
  assert.equal(await client2.hGet(key, 'g'), '1', 'the store knows nothing of the second owner');
  // Another node asks it, and gets nothing.
  const c = await startNode(t, 'C', client2, NEWER);
  balancer.target = c.address().port;
  client.write('to whom?');
  await until(() => c.fleetStats.lookups > 0);
  await sleep(50);
  assert.deepEqual([c.getConnections(), c.fleetStats.takeovers], [0, 0]);
  const nodes = [
    [a, old],
    [b, socket],
  ];
  assert.ok((await pushFromAll(balancer, nodes, 20)) > 2000);
  const count = await countNonces(balancer, nonces);
  assert.ok(count > 3000, `${count}`);
  // It hears so when it asks for more numbers.
  balancer.target = b.address().port;
  await until(async () => {
    await push(socket, 300);
    return b.fleetStats.unstored === 1;
  });
  // Its device has not lost it.
  assert.equal(await ask(client, '3'), 'B 3');
  assertNoNonceTwice(balancer, nonces);
}

describe('A store on which nobody can rely', { skip }, () => {
  for (const seed of [1, 2, 3]) {
    test(`repeats no number whatever it does with commands and messages (${seed})`, async (t) => {
      const redis = await startRedis(t);
      const dice = new Dice(0x9e3779b9 ^ seed);
      const nodes = [];
      const clients = [];
      for (const name of ['A', 'B', 'C']) {
        const client = unreliable(redis.client, dice, { lateness: 500 });
        nodes.push(await startNode(t, name, client, { ...NEWER, storeTimeout: IMPATIENT }));
        clients.push(client);
      }
      const { balancer, client, nonces } = await connectDevice(t, nodes[0].address().port, NEWER);
      assert.equal(await ask(client, 'hello'), 'A hello');
      await storedKey(redis.client);
      for (const each of clients) each.isReliable = false;
      const heard = [];
      client.on('data', (message) => heard.push(String(message)));
      // Owners live on, as far as they have not heard that they are none any more.
      const sockets = new Set();
      for (const node of nodes) node.on('secureConnection', (socket) => sockets.add(socket));
      for (const socket of Object.values(nodes[0].sockets)) sockets.add(socket);
      let pushes = 0;
      // How many numbers the nodes get to use depends on what the store does when: 40 rounds have led to 99 records once.
      for (let round = 0; round < 40 || (balancer.sent.length < 400 && round < 400); round++) {
        const node = nodes[dice.roll(nodes.length)];
        balancer.target = node.address().port;
        client.write(`round ${round}`);
        await sleep(dice.roll(60));
        for (const socket of sockets) {
          if (socket.destroyed) sockets.delete(socket);
          else await push(socket, [1, 20, 200][dice.roll(3)], `push ${++pushes}`);
        }
      }
      const takeovers = nodes.reduce((sum, { fleetStats }) => sum + fleetStats.takeovers, 0);
      assert.ok(takeovers >= 3, `${takeovers} take-overs`);
      const count = await countNonces(balancer, nonces);
      assert.ok(count > 300, `${count}`);
      assert.equal(new Set(heard).size, heard.length, 'no message is heard twice');
    });
  }

  test('is not believed when it tells of a handover a second time', async (t) => {
    const redis = await startRedis(t);
    const bad = replaying(redis.client);
    const [a, b] = [await startNode(t, 'A', redis.client, NEWER), await startNode(t, 'B', bad, NEWER)];
    const { balancer, client, nonces } = await connectDevice(t, a.address().port, NEWER);
    for (const [question, node] of ['A', 'B', 'A', 'B'].entries()) {
      bad.isReplaying = question === 3;
      balancer.target = (node === 'A' ? a : b).address().port;
      assert.equal(await ask(client, String(question)), `${node} ${question}`);
      await storedKey(redis.client);
      const [socket] = Object.values((node === 'A' ? a : b).sockets);
      await push(socket, 100);
    }
    const count = await countNonces(balancer, nonces);
    assert.ok(count > 400, `${count}`);
    assert.deepEqual([a.fleetStats.takeovers, b.fleetStats.takeovers], [1, 2]);
  });

  test('is not believed when it is restarted from an older state', async (t) => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-'));
    t.after(() => fs.rmSync(directory, { recursive: true }));
    const redis = await startRedis(t, { directory });
    await goBackInTime(t, redis, async () => {
      await redis.client.sendCommand(['SAVE']);
      return async () => {
        redis.child.kill('SIGKILL');
        await once(redis.child, 'exit');
        return (await startRedis(t, { port: redis.port, directory })).client;
      };
    });
  });

  test('is not believed when a replica that was behind takes its place', async (t) => {
    const redis = await startRedis(t);
    const replica = await startRedis(t, { options: ['--replicaof', '127.0.0.1', String(redis.port)] });
    await goBackInTime(t, redis, async (key) => {
      await until(
        async () => (await replica.client.hGet(key, 'g')) === '1',
        () => 'it is replicated',
      );
      // It hears nothing of its master from now on.
      await replica.client.sendCommand(['REPLICAOF', 'NO', 'ONE']);
      return async () => {
        redis.child.kill('SIGKILL');
        await once(redis.child, 'exit');
        return replica.client;
      };
    });
  });

  test('loses nodes in the middle of what they write, and no number is used twice', async (t) => {
    const redis = await startRedis(t);
    let owner = await startChild(t, redis.port);
    const { balancer, client, nonces } = await connectDevice(t, owner.port, NEWER);
    assert.equal(await ask(client, 'hello'), `${owner.child.pid} hello`);
    await storedKey(redis.client);
    client.resume();
    for (let round = 0; round < 5; round++) {
      const next = await startChild(t, redis.port);
      // Thousands of answers, which take more numbers than it has, so that it is killed while it reserves others.
      const [{ child }] = [owner];
      const died = once(child, 'exit');
      for (let count = 0; count < 1000 + 700 * round; count++) {
        client.write('more');
        if (count % 100 === 0) await sleep(1);
      }
      child.kill('SIGKILL');
      await died;
      owner = next;
      balancer.target = owner.port;
      assert.equal(await ask(client, `round ${round}`), `${owner.child.pid} round ${round}`);
      assertNoNonceTwice(balancer, nonces);
    }
    assert.ok(nonces.count > 2000, `${nonces.count}`);
  });

  test('hears nothing of a node that dies with numbers that were confirmed and not used', async (t) => {
    const redis = await startRedis(t);
    const cut = cutOff(redis.client);
    const a = await startNode(t, 'A', cut, NEWER);
    const { balancer, client, nonces } = await connectDevice(t, a.address().port, NEWER);
    assert.equal(await ask(client, '1'), 'A 1');
    const key = await storedKey(redis.client);
    const first = await redis.client.hGet(key, 'b');
    client.resume();
    await push(Object.values(a.sockets)[0], 2100);
    await until(async () => (await redis.client.hGet(key, 'b')) > first);
    // From here on it is as if it were dead.
    cut.isReady = false;
    for (const name of ['B', 'C', 'D']) {
      const node = await startNode(t, name, redis.client, NEWER);
      balancer.target = node.address().port;
      assert.equal(await ask(client, 'anybody?'), `${name} anybody?`);
    }
    // It was not, and sends all that it was given.
    await push(Object.values(a.sockets)[0], 10_000);
    const count = await countNonces(balancer, nonces);
    assert.ok(count > 8000, `${count}`);
  });
});
