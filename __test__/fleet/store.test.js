'use strict';

// The store of a fleet in Redis with a made-up client: its options, its commands, and what becomes of silence.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { createRedisStore } = require('../../lib/fleet/redis-store');

describe('a store in Redis', () => {
  const KEY = Buffer.alloc(32, 1);

  function client(answers = {}) {
    const sent = [];
    const made = {
      isReady: true,
      on() {},
      duplicate: () => made,
      sendCommand: async (args, options) => {
        sent.push([args, options]);
        const answer = answers[args[0]];
        return typeof answer === 'function' ? answer(...args) : (answer ?? null);
      },
    };
    return { made, sent };
  }

  test('has options, and a client of the package redis', () => {
    const { made } = client();
    const message = (one, options) => {
      try {
        createRedisStore(one, options);
      } catch (error) {
        return error.message;
      }
      return assert.fail('nothing was thrown');
    };
    for (const method of ['sendCommand', 'duplicate', 'on']) {
      assert.match(
        message({ ...made, [method]: 5 }, { key: KEY }),
        /^The "client" argument must be a client of the package redis/,
      );
    }
    assert.match(message(null, { key: KEY }), /^The "client" argument/);
    assert.match(message(made, {}), /^The "options\.key" property must be an instance of Buffer/);
    assert.match(message(made, { key: KEY, prefix: 5 }), /"options\.prefix" property must be of type string/);
    for (const timeout of [0, 60_001])
      assert.match(
        message(made, { key: KEY, timeout }),
        /"options\.timeout" is out of range\. It must be >= 1 && <= 60000/,
      );
    const store = createRedisStore(made, { key: KEY });
    assert.deepEqual([store._prefix, store._timeout, store.node.length, store.isReady], ['mbed-dtls:', 1000, 16, true]);
    const other = createRedisStore(made, { key: KEY, prefix: 'p:', timeout: 60_000 }).another();
    assert.deepEqual([other._prefix, other._timeout], ['p:', 60_000]);
    assert.notEqual(store.another().node, store.node);
  });

  test('keeps sessions sealed, for as long as they live', async () => {
    const { made, sent } = client();
    const store = createRedisStore(made, { key: KEY, prefix: 'p:' });
    await store.set('ab', Buffer.from('session'), 1000.5);
    const [[set, options]] = sent.splice(0);
    assert.deepEqual(
      [set.slice(0, 2), set.slice(3), options],
      [['SET', 'p:session:ab'], ['PX', '1001'], { timeout: 0 }],
    );
    made.sendCommand = async (args) => {
      sent.push(args);
      return args[0] === 'GET' ? set[2] : null;
    };
    assert.equal(`${await store.get('ab')}`, 'session');
    await store.delete(Buffer.from([0xab]));
    assert.deepEqual(sent, [
      ['GET', 'p:session:ab'],
      ['DEL', 'p:session:ab'],
    ]);
    made.sendCommand = async () => null;
    assert.equal(await store.get('ab'), undefined);
  });

  test('says each command of a node in one script, with its arguments in order', async () => {
    const results = { EVAL: () => 0, HGET: 'sealed' };
    const { made, sent } = client(results);
    const store = createRedisStore(made, { key: KEY, prefix: 'p:' });
    const { node } = store;
    const args = () => {
      const [[[word, script, count, key, ...rest]]] = sent.splice(0);
      assert.deepEqual([word, typeof script, count, key], ['EVAL', 'string', '1', 'p:connection:n']);
      return rest;
    };
    const state = { association: 'a', sealed: 's', timeout: 5, generation: '2' };
    assert.equal(await store.put('n', state), null);
    assert.deepEqual(args(), [node, 'a', 's', '5', 'p:node:', 'n', '', '', '0']);
    results.EVAL = () => 3;
    assert.equal(await store.put('n', { ...state, bound: 'b', before: 'c', isFirst: true }), '3');
    assert.deepEqual(args(), [node, 'a', 's', '5', 'p:node:', 'n', 'b', 'c', '1']);
    results.EVAL = () => 'written';
    assert.equal(await store.update('n', state), 'written');
    assert.deepEqual(args(), [node, '2', 'a', 's', '5', '']);
    await store.update('n', { ...state, bound: 'b' });
    assert.deepEqual(args(), [node, '2', 'a', 's', '5', 'b']);
    await store.remove('n', state);
    assert.deepEqual(args(), [node, '2', 'a']);
    results.EVAL = () => ['none'];
    assert.deepEqual(await store.claim('n', { isForced: false, timeout: 5, sealed: 's' }), ['none']);
    assert.deepEqual(args(), [node, '0', '5', 'p:node:', 'n', '', '', '']);
    await store.claim('n', { isForced: true, timeout: 5, sealed: 's', successor: { sealed: 't', bound: 'b' } });
    assert.deepEqual(args(), [node, '1', '5', 'p:node:', 'n', 's', 't', 'b']);
    await store.release('n', { ...state, to: 'other' });
    assert.deepEqual(args(), [node, '2', 'a', 's', '5', 'p:node:', 'other', 'n', '']);
    await store.release('n', { ...state, to: 'other', bound: 'b' });
    assert.equal(args().at(-1), 'b');
    assert.equal(await store.peek('n'), 'sealed');
    assert.deepEqual(sent[0][0], ['HGET', 'p:connection:n', 's']);
  });

  test('listens on a channel of its own, until it is closed', async () => {
    const calls = [];
    let hear;
    const subscriber = {
      on: (name) => calls.push(['on', name]),
      connect: async () => calls.push(['connect']),
      subscribe: async (channel, listener) => {
        calls.push(['subscribe', channel]);
        hear = listener;
      },
      destroy: () => calls.push(['destroy']),
    };
    const store = createRedisStore({ ...client().made, duplicate: () => subscriber }, { key: KEY });
    await store.close();
    const heard = [];
    await store.listen((...message) => heard.push(message));
    hear('lost 3 other name');
    assert.deepEqual(heard, [['lost', '3', 'other', 'name']]);
    await store.close();
    await store.close();
    assert.deepEqual(calls, [['on', 'error'], ['connect'], ['subscribe', `mbed-dtls:node:${store.node}`], ['destroy']]);
  });

  test('that is not connected, or does not answer in time, fails', async () => {
    const { made } = client();
    const store = createRedisStore(made, { key: KEY, timeout: 5 });
    made.sendCommand = () => new Promise(() => {});
    await assert.rejects(store.peek('n'), { message: 'Redis has not answered within 5 ms' });
    made.isReady = false;
    assert.equal(store.isReady, false);
    await assert.rejects(store.peek('n'), { message: 'Redis is not connected' });
    delete made.isReady;
    assert.equal(store.isReady, true);
  });
});
