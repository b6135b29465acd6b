'use strict';

// A node of a fleet with a made-up server and store: when it writes what, and what it lets go.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { NAME, later, start, travellerOf, warned } = require('../support/made-up-node.js');

describe('a connection of our own', () => {
  test('is written when it begins, behind the listeners, and again when it is due', async (t) => {
    const { fleet, socketOf, take, names, tick } = start(t, { answers: { put: '1', update: 'written' } });
    const { writes, lookups, takeovers, released, lost, unstored, failures } = fleet.stats;
    assert.deepEqual([writes, lookups, takeovers, released, lost, unstored, failures], [0, 0, 0, 0, 0, 0, 0]);
    fleet.open();
    assert.deepEqual(take(), [['listen', 'function']]);
    const socket = socketOf(5);
    fleet.onSecure(socket);
    assert.deepEqual(take(), []);
    socket.data = { x: 1 };
    await later();
    const [[put, name, state]] = take();
    assert.deepEqual(
      [put, name, state.association, state.generation, state.timeout, state.isFirst, state.before],
      ['put', NAME, 'aa', null, 30 * 86_400_000, true, undefined],
    );
    assert(Buffer.from(state.sealed.split('|')[1], 'base64').includes('{"x":1}'));
    tick(599_000);
    await later();
    assert.deepEqual(names(), []);
    tick(1000);
    await later();
    const [[update, , again]] = take();
    assert.deepEqual([update, again.generation, again.association], ['update', '1', 'aa']);
    fleet.close();
    assert.deepEqual(take(), [['close']]);
    tick(600_000);
    await later();
    assert.deepEqual(take(), []);
  });

  test('is written three times within its idle timeout at least', async (t) => {
    const { fleet, socketOf, take, names, tick } = start(t, {
      idleTimeout: 3000,
      answers: { put: '1', update: 'written' },
    });
    fleet.open();
    fleet.onSecure(socketOf(5));
    await later();
    assert.equal(take().at(-1)[2].timeout, 3000);
    tick(999);
    await later();
    assert.deepEqual(names(), []);
    tick(1);
    await later();
    assert.deepEqual(names(), ['update']);
  });

  test('that ends is taken out of the store, unless it goes on elsewhere', async (t) => {
    const { fleet, socketOf, names, take } = start(t, { answers: { put: '1' } });
    const [one, other, early] = [socketOf(5), socketOf(6, { remotePort: 8 }), socketOf(7, { remotePort: 9 })];
    for (const socket of [one, other]) fleet.onSecure(socket);
    await later();
    names();
    fleet.onClosed(one, false);
    fleet.onClosed(other, true);
    fleet.onClosed(other, true);
    const [[remove, name, entry]] = take();
    assert.deepEqual([remove, name, entry.generation, entry.association], ['remove', NAME, '1', 'aa']);
    fleet.onSecure(early);
    fleet.onClosed(early, false);
    await later();
    assert.deepEqual(names(), []);
  });

  test('that ends while it is written is taken out when that is over', async (t) => {
    let answer;
    const { fleet, socketOf, names } = start(t, {
      answers: { put: () => new Promise((resolve) => (answer = resolve)) },
    });
    const socket = socketOf(5);
    fleet.onSecure(socket);
    await later();
    fleet.onClosed(socket, false);
    assert.deepEqual(names(), ['put']);
    answer('1');
    await later();
    assert.deepEqual(names(), ['remove']);
  });

  test('that moves is written anew, under another name if that is of its address', async (t) => {
    const { fleet, socketOf, take, names, tick } = start(t, { answers: { put: '1', update: 'written' } });
    fleet.open();
    const [byAddress, byId] = [socketOf(5), socketOf(6, { connectionId: Buffer.from([1]) })];
    for (const socket of [byAddress, byId]) fleet.onSecure(socket);
    await later();
    take();
    byAddress.remotePort = 8;
    byId.remotePort = 9;
    byId.addressConfirmed = false;
    fleet.onMoved(byAddress);
    fleet.onMoved(byId);
    fleet.onMoved(socketOf(7));
    await later();
    assert.deepEqual(
      take().map(([name, key]) => [name, key]),
      [
        ['remove', NAME],
        ['put', '192.0.2.1:8'],
      ],
    );
    tick();
    await later();
    assert.deepEqual(names(), []);
    byId.addressConfirmed = true;
    tick();
    await later();
    assert.deepEqual(
      take().map(([name, key]) => [name, key]),
      [['update', 'id:01']],
    );
    tick();
    await later();
    assert.deepEqual(names(), []);
  });

  test('with a bound is confirmed when the store has it, and written again when it has changed meanwhile', async (t) => {
    let answer;
    const copies = [
      { traveller: travellerOf(), bound: 'b1', before: 'b0' },
      { traveller: travellerOf(), bound: 'b2' },
    ];
    const { fleet, socketOf, take, names } = start(t, {
      answers: { put: () => new Promise((resolve) => (answer = resolve)), update: 'written' },
      native: { copyForStore: () => copies.shift() },
    });
    const socket = socketOf(5, { _lacksNumbers: true });
    fleet.onSecure(socket);
    await later();
    const [[, , state]] = take();
    assert.deepEqual([state.bound, state.before, state.isFirst], ['b1', 'b0', false]);
    fleet.onCopyDue(socket);
    fleet.onCopyDue(socketOf(9));
    assert.deepEqual(names(), []);
    answer('1');
    await later();
    const all = take();
    assert.deepEqual(
      all.map(([name]) => name),
      ['confirm', 'update', 'confirm'],
    );
    assert.deepEqual([all[0].slice(1), all[1][2].bound, all[2].slice(1)], [[5, 'b1'], 'b2', [5, 'b2']]);
    assert.equal(socket._lacksNumbers, false);
  });

  test('that cannot go on elsewhere is none of the store, and one that has no copy yet is asked again', async (t) => {
    const copies = [null];
    const { fleet, socketOf, names, tick } = start(t, {
      answers: { put: '1' },
      native: { copyForStore: () => copies.shift() },
    });
    fleet.open();
    fleet.onSecure(socketOf(5));
    await later();
    names();
    tick(1e9);
    await later();
    assert.deepEqual([names(), copies], [[], []]);
    copies.push({}, { traveller: travellerOf() });
    fleet.onSecure(socketOf(6));
    await later();
    assert.deepEqual([names(), copies.length], [[], 1]);
    tick();
    await later();
    assert.deepEqual(names(), ['put']);
  });

  test('whose data is no JSON is none of the store, with a warning', async (t) => {
    const { fleet, socketOf, names } = start(t, { answers: { put: '1' } });
    const warnings = await warned(() => fleet.onSecure(socketOf(5, { data: 5n })));
    assert.equal(warnings[0][0], 'ERR_DTLS_LOOKUP_FAILED');
    assert.match(warnings[0][1], /^The data of a socket: .*BigInt/);
    assert.deepEqual(names(), []);
  });

  test('whose data is no JSON any more is let go all the same, with a warning', async (t) => {
    const { fleet, socketOf, names, tick } = start(t, { answers: { put: '1', update: 'lost' } });
    const socket = socketOf(5);
    fleet.open();
    fleet.onSecure(socket);
    await later();
    names();
    const warnings = await warned(() => {
      tick(600_000);
      socket.data = 5n;
    });
    assert.match(warnings[0][1], /^The data of a socket: .*BigInt/);
    assert.deepEqual(names(), ['update', 'elsewhere', 'destroy', 'abort']);
  });

  test('that another node has is let go, and one that the store has forgotten goes on here', async (t) => {
    const { fleet, socketOf, take, names, tick, answers } = start(t, { answers: { put: '1', update: 'lost' } });
    fleet.open();
    fleet.onSecure(socketOf(5));
    await later();
    names();
    tick(600_000);
    await later();
    assert.deepEqual(names(), ['update', 'elsewhere', 'destroy']);
    assert.equal(fleet.stats.lost, 1);
    Object.assign(answers, { update: 'forgotten' });
    fleet.onSecure(socketOf(6));
    await later();
    tick(600_000);
    await later();
    assert.deepEqual([take().at(-1)[0], fleet.stats.unstored], ['update', 1]);
    answers.put = null;
    fleet.onSecure(socketOf(7));
    await later();
    assert.equal(fleet.stats.unstored, 2);
    tick(600_000);
    await later();
    assert.deepEqual(
      names().filter((name) => name === 'update'),
      [],
    );
  });

  test('is one of 32 that are written in one tick, and fewer while peers are looked up', async (t) => {
    const { fleet, socketOf, names, tick } = start(t, {
      answers: { put: '1', update: 'written', peek: () => new Promise(() => {}) },
    });
    fleet.open();
    for (let handle = 1; handle <= 40; handle++) fleet.onSecure(socketOf(handle, { remotePort: handle }));
    await later();
    names();
    tick(600_000);
    await later();
    assert.equal(names().length, 32);
    tick();
    await later();
    assert.equal(names().length, 8);
    for (let count = 0; count < 40; count++) fleet.find({ question: 1, address: 'x', port: count });
    await later();
    assert.equal(names().filter((name) => name === 'peek').length, 32);
    tick(600_000);
    await later();
    assert.equal(names().length, 4);
  });
});

describe('a store that is away', () => {
  test('is a warning once, until it is back, when everything is written', async (t) => {
    const away = () => {
      throw new Error('no route');
    };
    const { fleet, socketOf, names, tick, answers } = start(t, { answers: { put: '1', update: 'written' } });
    fleet.open();
    const sockets = [1, 2].map((handle) => socketOf(handle, { remotePort: handle }));
    for (const socket of sockets) fleet.onSecure(socket);
    await later();
    names();
    answers.update = away;
    const warnings = await warned(async () => {
      tick(600_000);
      await later();
      tick();
      await later();
    });
    assert.deepEqual(warnings, [['ERR_DTLS_STORE_UNAVAILABLE', 'The store of connections does not answer: no route']]);
    const failures = fleet.stats.failures;
    assert(failures >= 2);
    answers.update = 'written';
    names();
    tick();
    await later();
    tick();
    await later();
    assert(names().length >= 2);
    answers.update = away;
    tick(600_000);
    const again = await warned(() => later());
    assert.equal(again.length, 1);
    assert.equal(fleet.stats.failures > failures, true);
  });

  test('finds nobody, and keeps nobody waiting', async (t) => {
    const { fleet } = start(t, {
      answers: {
        peek: () => {
          throw new Error('no route');
        },
      },
    });
    const event = { question: 1, address: '192.0.2.1', port: 7 };
    await warned(async () => {
      await assert.rejects(fleet.find(event), { message: 'no route' });
      await assert.rejects(fleet.find(event), { message: 'no route' });
    });
    assert.deepEqual([fleet.stats.lookups, fleet.stats.failures, fleet._lookups.busy], [2, 2, 0]);
  });
});
