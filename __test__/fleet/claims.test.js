'use strict';

// Connections of other nodes of a fleet, with a made-up server and store: how they are found and claimed, and given up.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { NAME, later, start, travellerOf, warned } = require('../support/made-up-node.js');

describe("a connection of another node's", () => {
  const EVENT = { question: 3, address: '192.0.2.1', port: 7 };

  /** What the store has of a connection. */
  async function copyOf(t, more) {
    const { fleet, socketOf, take } = start(t, {
      answers: { put: '1' },
      native: { copyForStore: () => ({ traveller: travellerOf(more), bound: more?.bound }) },
    });
    const id = more?.connectionId;
    fleet.onSecure(socketOf(5, { connectionId: id === undefined ? undefined : Buffer.from(id, 'hex'), data: 'data' }));
    await later();
    const [[, , { sealed }]] = take();
    t.mock.timers.reset();
    t.mock.restoreAll();
    return sealed;
  }

  test('is found, proved, claimed, and announced with its generation', async (t) => {
    const sealed = await copyOf(t);
    const proofs = [];
    const { fleet, take, socketOf, names, tick } = start(t, {
      answers: { peek: sealed, claim: ['taken', '8', sealed], update: 'written' },
      native: { proves: (...args) => proofs.push(args) > 0 },
    });
    fleet.open();
    take();
    const found = await fleet.find(EVENT);
    assert.deepEqual(
      [found.name, found.association, found.generation, found.ciphersuite, found.peer.data],
      [NAME, 'aa', '8', 0xc0a8, 'data'],
    );
    const [peek, [claim, name, how]] = take();
    assert.deepEqual(
      [peek, claim, name, how.isForced, how.sealed, how.successor],
      [['peek', NAME], 'claim', NAME, false, sealed, undefined],
    );
    assert.deepEqual([proofs[0][0], proofs[0][1].subarray(8)], [3, travellerOf()]);
    const socket = socketOf(5);
    fleet.goOn(found, () => fleet.onSecure(socket));
    await later();
    assert.deepEqual([names(), fleet.stats.takeovers, fleet._found], [[], 1, null]);
    tick();
    await later();
    const [[update, , state]] = take();
    assert.deepEqual([update, state.generation], ['update', '8']);
    assert.throws(
      () =>
        fleet.goOn(found, () => {
          throw new Error('of the application');
        }),
      { message: 'of the application' },
    );
    assert.equal(fleet._found, null);
  });

  test('by its connection ID is found by that', async (t) => {
    const sealed = await copyOf(t, { connectionId: '01' });
    const { fleet, take } = start(t, { answers: { peek: sealed, claim: ['taken', '8', sealed] } });
    const found = await fleet.find({ ...EVENT, ownId: Buffer.from([1]) });
    assert.deepEqual([found.name, take()[0]], ['id:01', ['peek', 'id:01']]);
  });

  test('is none where there is none, where nothing is proved, or where it is gone', async (t) => {
    const sealed = await copyOf(t);
    for (const [answers, native] of [
      [{ peek: null }, {}],
      [{ peek: sealed }, { proves: () => false }],
      [{ peek: sealed, claim: ['none'] }, {}],
    ]) {
      const { fleet } = start(t, { answers, native });
      assert.equal(await fleet.find(EVENT), null);
      t.mock.timers.reset();
      t.mock.restoreAll();
    }
    const { fleet, names } = start(t, { answers: { peek: sealed, claim: ['changed'] } });
    assert.equal(await fleet.find(EVENT), null);
    assert.deepEqual(names(), ['peek', 'claim', 'peek', 'claim', 'peek', 'claim']);
  });

  test('under a name that is not its own is a warning', async (t) => {
    const sealed = await copyOf(t);
    const { fleet } = start(t, { answers: { peek: sealed } });
    let found;
    const warnings = await warned(async () => {
      found = await fleet.find({ ...EVENT, port: 8 });
    });
    assert.deepEqual(
      [found, warnings],
      [
        null,
        [['ERR_DTLS_LOOKUP_FAILED', 'What the store of connections has cannot be used: It is another connection']],
      ],
    );
  });

  test('with a bound has a successor, or cannot go on', async (t) => {
    const sealed = await copyOf(t, { bound: 'b' });
    const { fleet, take } = start(t, {
      answers: { peek: sealed, claim: (_name, { successor }) => ['taken', '9', successor.sealed] },
    });
    const found = await fleet.find(EVENT);
    assert.deepEqual([found.generation, found.bound, take()[1][2].successor.bound], ['9', 'next', 'next']);
    t.mock.timers.reset();
    t.mock.restoreAll();
    const none = start(t, {
      answers: { peek: sealed },
      native: {
        succeed: () => {
          throw Object.assign(new Error('no numbers'), { code: 'ERR_DTLS_NO_RECORD_NUMBERS' });
        },
      },
    });
    const warnings = await warned(async () => assert.equal(await none.fleet.find(EVENT), null));
    assert.deepEqual(warnings, [
      ['ERR_DTLS_NO_RECORD_NUMBERS', 'A connection in the store cannot go on any more: no numbers'],
    ]);
  });

  test('is handed over by its owner, or taken by force when that does not answer', async (t) => {
    const sealed = await copyOf(t);
    const handing = start(t, {});
    Object.assign(handing.answers, {
      peek: sealed,
      claim: () => {
        // It may let go before we hear that it has been asked.
        handing.fleet._onMessage('released', '4', 'other', NAME, sealed);
        return ['asked', '4'];
      },
    });
    assert.equal((await handing.fleet.find(EVENT)).generation, '4');
    assert.equal(handing.fleet._waiting.size, 0);
    handing.fleet._onMessage('released', '4', 'other', NAME, sealed);
    t.mock.timers.reset();
    t.mock.restoreAll();
    for (const generation of [undefined, '0', '3']) {
      const forced = start(t, {});
      const claims = [];
      Object.assign(forced.answers, {
        peek: sealed,
        claim: (_name, { isForced }) => {
          claims.push(isForced);
          if (generation !== undefined && !isForced)
            forced.fleet._onMessage('released', generation, 'other', NAME, sealed);
          return isForced ? ['taken', '5', sealed] : ['asked', '4'];
        },
      });
      const alive = setInterval(() => {}, 1000);
      assert.equal((await forced.fleet.find(EVENT)).generation, '5');
      clearInterval(alive);
      assert.deepEqual(claims, [false, true]);
      t.mock.timers.reset();
      t.mock.restoreAll();
    }
  });

  test('that cannot go on here is given back', (t) => {
    const { fleet, take } = start(t);
    fleet.giveBack({ name: NAME, association: 'aa', generation: '8' });
    assert.deepEqual(take(), [
      ['release', NAME, { generation: '8', association: 'aa', sealed: '', timeout: 30 * 86_400_000, to: 'me' }],
    ]);
  });
});

describe('what other nodes want', () => {
  test('is given up exactly as it is, and nothing else', async (t) => {
    const { fleet, socketOf, take, names } = start(t, {
      answers: { put: '1' },
      native: { takeOut: () => travellerOf({ bound: 'b' }) },
    });
    const socket = socketOf(5);
    fleet.onSecure(socket);
    await later();
    names();
    fleet._onMessage('release', '2', 'other', NAME);
    assert.deepEqual(take(), [
      ['release', NAME, { sealed: '', generation: '2', association: 'aa', timeout: 30 * 86_400_000, to: 'other' }],
    ]);
    fleet._onMessage('release', '1', 'other', NAME);
    const [elsewhere, destroy, [release, name, state]] = take();
    assert.deepEqual([elsewhere, destroy, release, name], [['elsewhere', 5], ['destroy', 5], 'release', NAME]);
    assert.deepEqual(
      [state.bound, state.generation, state.association, state.to, state.sealed.startsWith(NAME)],
      ['b', '1', 'aa', 'other', true],
    );
    assert.equal(fleet.stats.released, 1);
    fleet._onMessage('release', '1', 'other', NAME);
    assert.deepEqual(
      take().map(([, , one]) => [one.association, one.sealed]),
      [['', '']],
    );
  });

  test('is let go when it is lost, and ended where it cannot go on elsewhere', async (t) => {
    const { fleet, socketOf, names, take } = start(t, {
      answers: { put: '1' },
      native: { takeOut: () => Buffer.alloc(2) },
    });
    fleet.onSecure(socketOf(5));
    await later();
    names();
    fleet._onMessage('lost', '2', 'other', NAME);
    fleet._onMessage('lost', '1', 'other', 'another name');
    assert.deepEqual(names(), []);
    fleet._onMessage('lost', '1', 'other', NAME);
    assert.deepEqual(take(), [
      ['elsewhere', 5],
      ['destroy', 5],
      ['abort', 5, false],
    ]);
    fleet._onMessage('lost', '1', 'other', NAME);
    fleet._onMessage('nonsense', '1', 'other', NAME);
    assert.deepEqual(names(), []);
  });
});
