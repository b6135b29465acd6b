'use strict';

// A node of a fleet with a made-up server and store: when it writes what, whom it asks, and what it lets go.

const assert = require('node:assert/strict');
const process = require('node:process');
const { describe, test } = require('node:test');

const { Fleet } = require('../../lib/fleet/fleet');
const { createRedisStore } = require('../../lib/fleet/redis-store');

const later = async (rounds = 3) => {
  for (let count = 0; count < rounds; count++) await new Promise(setImmediate);
};

const ASSOCIATION = Buffer.from('aa', 'hex');

/** As the native object writes a connection: its ID and where its peer is, behind its length. */
function travellerOf({ address = '192.0.2.1', port = 7, connectionId = null, bound = null } = {}) {
  const text = JSON.stringify({ address, port, connectionId, bound });
  return Buffer.concat([Buffer.from([text.length >> 8, text.length & 0xff]), Buffer.from(text)]);
}

function readTraveller(bytes) {
  const { connectionId, bound, ...rest } = JSON.parse(bytes.subarray(2).toString());
  return {
    association: ASSOCIATION,
    ciphersuite: 0xc0a8,
    connectionId: connectionId === null ? undefined : Buffer.from(connectionId, 'hex'),
    bound: bound ?? undefined,
    ...rest,
  };
}

function start(t, { idleTimeout = 0, answers = {}, store: more = {}, native: moreNative = {} } = {}) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const log = [];
  const asked =
    (name) =>
    async (...args) => {
      log.push([name, ...args]);
      const answer = answers[name];
      return typeof answer === 'function' ? answer(...args) : answer;
    };
  const store = {
    isReady: true,
    node: 'me',
    another: () => store,
    seal: (name, pieces) => `${name}|${Buffer.concat(pieces).toString('base64')}`,
    open: (_name, sealed) => Buffer.from(sealed.split('|')[1], 'base64'),
    ...Object.fromEntries(
      ['listen', 'close', 'peek', 'put', 'update', 'remove', 'claim', 'release'].map((name) => [name, asked(name)]),
    ),
    ...more,
  };
  const native = {
    copyForStore: () => ({ traveller: travellerOf() }),
    takeOut: (handles) => Buffer.concat(Array.from(handles, () => travellerOf())),
    readTraveller,
    proves: () => true,
    confirmCopy: (...args) => log.push(['confirm', ...args]),
    succeed: () => ({ traveller: travellerOf({ bound: 'next' }), bound: 'next' }),
    ...moreNative,
  };
  const endpoint = { native, close: (...args) => log.push(['abort', ...args]) };
  const fleet = new Fleet({ _endpoint: endpoint }, store, idleTimeout);
  const socketOf = (handle, socketMore) => ({
    connected: true,
    connectionId: undefined,
    remoteAddress: '192.0.2.1',
    remotePort: 7,
    addressConfirmed: true,
    data: undefined,
    authorized: false,
    servername: false,
    alpnProtocol: false,
    authorizationError: null,
    _identity: undefined,
    _publicKey: '',
    _details: null,
    _handle: handle,
    _endpoint: endpoint,
    _takeUnread: () => undefined,
    _goElsewhere() {
      this.connected = false;
      log.push(['elsewhere', handle]);
    },
    destroy: () => log.push(['destroy', handle]),
    ...socketMore,
  });
  const take = () =>
    log
      .splice(0)
      .map(([name, ...args]) => [name, ...args.map((arg) => (typeof arg === 'function' ? 'function' : arg))]);
  const names = () => take().map(([name]) => name);
  const tick = (ms = 100) => {
    now += ms;
    t.mock.timers.tick(100);
  };
  return { fleet, store, native, endpoint, socketOf, take, names, tick, answers, move: (ms) => (now += ms) };
}

async function warned(act) {
  const warnings = [];
  const listen = ({ code, message }) => warnings.push([code, message]);
  process.on('warning', listen);
  await act();
  await later();
  process.off('warning', listen);
  return warnings;
}

const NAME = '192.0.2.1:7';

describe('a connection of our own', () => {
  test('is written when it begins, behind the listeners, and again when it is due', async (t) => {
    const { fleet, socketOf, take, names, tick } = start(t, { answers: { put: '1', update: 'written' } });
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
