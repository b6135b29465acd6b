'use strict';

// Nodes that share their connections through a real Redis.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { createRedisStore, createServer } = require('../..');
const { BOB, event } = require('../support/endpoints.js');
const { IMPATIENT, KEY, ask, connectDevice, startNode, storedKey, until } = require('../support/fleet.js');
const { lacking, startRedis } = require('../support/redis.js');
const { WIRE, inOlderVersion } = require('../support/older-version.js');

const PEERS = 200;

describe('Nodes that share a store in Redis', { skip: lacking }, () => {
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
    const a = await startNode(t, 'A', redis.client, { storeTimeout: IMPATIENT });
    const first = await connectDevice(t, a.address().port);
    await storedKey(redis.client);
    const warning = event(process, 'warning');
    redis.child.kill('SIGSTOP');
    const second = await connectDevice(t, a.address().port);
    assert.equal(await ask(first.client, '1'), 'A 1');
    assert.equal(await ask(second.client, '2'), 'A 2');
    assert.equal((await warning)[0].code, 'ERR_DTLS_STORE_UNAVAILABLE');
    redis.child.kill('SIGCONT');
    await until(async () => (await redis.client.keys('*')).length === 2);
  });

  test('believe nothing that is not sealed under their key, and for that address', async (t) => {
    const redis = await startRedis(t);
    const [a, b] = [await startNode(t, 'A', redis.client), await startNode(t, 'B', redis.client)];
    const [one, two] = [await connectDevice(t, a.address().port), await connectDevice(t, a.address().port)];
    await until(async () => (await redis.client.keys('*')).length === 2);
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

  test('write a connection with an ID anew when its peer has moved', async (t) => {
    const redis = await startRedis(t);
    const a = await startNode(t, 'A', redis.client, { connectionId: 8, addressValidation: 'none' });
    const { balancer, client } = await connectDevice(t, a.address().port, { connectionId: 0 });
    assert.equal(await ask(client, '1'), 'A 1');
    const key = await storedKey(redis.client);
    const before = await redis.client.hGet(key, 's');
    await balancer.rebind();
    assert.equal(await ask(client, '2'), 'A 2');
    await until(async () => (await redis.client.hGet(key, 's')) !== before);
    assert.deepEqual(await redis.client.keys('*'), [key]);
  });

  test('ask about some peers at a time and about all of them in turn, so that no answer is too late', async (t) => {
    inOlderVersion(t, WIRE);
    const redis = await startRedis(t);
    let underWay = 0;
    let most = 0;
    const client = {
      sendCommand: async (args) => {
        most = Math.max(most, ++underWay);
        await sleep(5);
        const answer = await redis.client.sendCommand(args);
        underWay--;
        return answer;
      },
      duplicate: () => redis.client.duplicate(),
      on() {},
    };
    const connectionStore = createRedisStore(client, { key: KEY, timeout: 30_000 });
    const limits = { maxAddressQuestions: PEERS, addressQuestionsPerSecond: 10 * PEERS };
    const node = await startNode(t, 'A', client, { ...limits, connectionStore });
    const record = Buffer.concat([Buffer.of(23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 1, 0, 40), Buffer.alloc(40)]);
    for (let port = 1; port <= PEERS; port++) {
      const remote = { address: '192.0.2.1', family: 'IPv4', port, size: record.length };
      node.dgramSocket.emit('message', record, remote);
    }
    await until(() => node.fleetStats.lookups === PEERS && underWay === 0);
    assert.ok(most > 1 && most < PEERS / 2, `${most} at a time`);
    assert.equal(node.fleetStats.failures, 0);
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
