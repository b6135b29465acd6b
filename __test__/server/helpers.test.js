'use strict';

// Parts of servers and clients by themselves: what they keep, whom they ask and whom they tell, without a connection.

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const { describe, test } = require('node:test');
const { abortError, onAbort } = require('../../lib/abort');
const { Gate } = require('../../lib/fleet/gate');
const { Identities } = require('../../lib/identities');
const { MadeIds } = require('../../lib/made-ids');
const { promisesFor } = require('../../lib/promises');
const { SessionStore } = require('../../lib/session-store');
const { WatchedEmitter } = require('../../lib/watched-emitter');
const { warned } = require('../support/observed.js');

const warnedInFull = (act) => warned(act, ({ name, code, message }) => [name, code, message]);

describe('a signal', () => {
  test('acts once, and in a later tick when it has been aborted already', async () => {
    const calls = [];
    const controller = new AbortController();
    onAbort(controller.signal, () => calls.push('late'));
    controller.abort();
    assert.deepEqual(calls, ['late']);
    controller.signal.dispatchEvent(new Event('abort'));
    assert.deepEqual(calls, ['late']);
    onAbort(controller.signal, () => calls.push('early'));
    assert.deepEqual(calls, ['late']);
    await new Promise(setImmediate);
    assert.deepEqual(calls, ['late', 'early']);
  });

  test('does nothing any more when nobody waits for it', async () => {
    const controller = new AbortController();
    onAbort(controller.signal, assert.fail)();
    controller.abort();
    onAbort(controller.signal, assert.fail)();
    await new Promise(setImmediate);
    const { name, code, message, cause } = abortError({ reason: 'why' });
    assert.deepEqual([name, code, message, cause], ['AbortError', 'ABORT_ERR', 'The operation was aborted', 'why']);
  });
});

describe('identities', () => {
  const socket = (more) => ({ publicKey: Buffer.alloc(0), handshakeTime: 1, ...more });
  const psk = (text) => ({ pskIdentity: Buffer.from(text) });

  test('have their newest connection, and nobody else has it', () => {
    const identities = new Identities();
    const [first, second] = [socket(psk('a')), socket(psk('a'))];
    assert.equal(identities.add(first), null);
    assert.equal(identities.add(second), first);
    identities.remove(first);
    const third = socket(psk('a'));
    assert.equal(identities.add(third), second);
    identities.remove(third);
    assert.equal(identities.add(first), null);
  });

  test('keep the connection that they have when an older one goes on from elsewhere', () => {
    const identities = new Identities();
    const [here, elsewhere] = [socket(psk('a')), socket({ ...psk('a'), handshakeTime: undefined })];
    assert.equal(identities.add(elsewhere), null);
    assert.equal(identities.add(here), elsewhere);
    assert.equal(identities.add(elsewhere), elsewhere);
    assert.equal(identities.add(socket(psk('a'))), here);
  });

  test('are PSK identities or public keys, which are never the same, and none for a peer without either', () => {
    const identities = new Identities();
    const key = { publicKey: Buffer.from('a') };
    assert.equal(identities.add(socket(psk('a'))), null);
    assert.equal(identities.add(socket(key)), null);
    assert.notEqual(identities.add(socket(key)), null);
    assert.equal(identities.add(socket({ ...key, ...psk('b') })), null);
    for (let count = 0; count < 2; count++) assert.equal(identities.add(socket({})), null);
    identities.remove(socket({}));
    assert.equal(identities.add(socket({ pskIdentity: Buffer.alloc(0) })), null);
    assert.notEqual(identities.add(socket({ pskIdentity: Buffer.alloc(0) })), null);
  });
});

describe('connection IDs of the application', () => {
  const NAME = 'options.connectionId()';
  const error = (code, message) => ({ code, message });

  /** A native object that is told of them. */
  function native(free = (ids) => ids.length) {
    const told = [];
    return {
      told,
      expectConnectionIds: (low) => told.push(['low', low]),
      supplyConnectionIds: (ids) => {
        told.push(ids.toString());
        return free(ids);
      },
    };
  }

  const ids = (prefix = '') => {
    let number = 0;
    return () => Buffer.from(`${prefix}${String.fromCharCode(97 + number++)}`);
  };

  test('begin with one, by whose length all are known', () => {
    assert.deepEqual(
      MadeIds.first(() => Buffer.from('ab')),
      Buffer.from('ab'),
    );
    assert.equal(MadeIds.first(() => Buffer.alloc(32)).length, 32);
    assert.equal(MadeIds.first(() => new Uint8Array([7]), 7).length, 1);
    const type = (shown) =>
      error('ERR_INVALID_ARG_TYPE', `The "${NAME}" property must be an instance of Uint8Array. Received ${shown}`);
    const range = (what, is, was) =>
      error('ERR_OUT_OF_RANGE', `The value of "${NAME}${what}" is out of range. It must be ${is}. Received ${was}`);
    assert.throws(() => MadeIds.first(() => undefined), type('undefined'));
    assert.throws(() => MadeIds.first(() => 'ab'), type("type string ('ab')"));
    for (const length of [0, 33]) {
      assert.throws(() => MadeIds.first(() => Buffer.alloc(length)), range('.length', '>= 1 && <= 32', length));
    }
    assert.throws(() => MadeIds.first(() => Buffer.from([8]), 7), range('[0]', '7 ("options.nodeId")', 8));
  });

  test('are made ahead for a server, and again when few are left', () => {
    const one = native();
    const make = ids();
    const made = new MadeIds(one, make, { count: 3, low: 2, first: make() });
    assert.deepEqual(one.told, [['low', 2], 'abc']);
    made.refill();
    assert.deepEqual(one.told.slice(2), ['def']);
  });

  test('are made for a client when it needs one', () => {
    const one = native();
    const make = ids();
    const made = new MadeIds(one, make, { count: 1, low: 0, first: make() });
    assert.deepEqual(one.told, [['low', 0]]);
    made.refill();
    made.refill();
    assert.deepEqual(one.told.slice(1), ['a', 'b']);
  });

  test('that differ from no other are refused', () => {
    const make = () => Buffer.from('a');
    const message = `${NAME} answers connection IDs that differ from no other in their last 8 bytes`;
    assert.throws(
      () =>
        new MadeIds(
          native(() => 1),
          make,
          { count: 2, low: 1, first: make() },
        ),
      error('ERR_DTLS_CONNECTION_ID', message),
    );
    assert.ok(
      new MadeIds(
        native(() => 2),
        make,
        { count: 2, low: 1, first: make() },
      ),
    );
  });

  test('that cannot be made are none, and only the first failure is a warning', async () => {
    const one = native();
    const make = ids();
    const made = new MadeIds(one, () => Buffer.from('toolong'), { count: 1, low: 0, first: make() });
    const failed = new MadeIds(one, () => assert.fail('why'), { count: 1, low: 0, first: make() });
    made.refill();
    one.told.length = 0;
    const warnings = await warnedInFull(() => {
      made.refill();
      made.refill();
      failed.refill();
      failed.refill();
    });
    const says = (why) => `The connectionId function has failed, and connections go without IDs: ${why}`;
    assert.deepEqual(warnings, [
      [
        'DtlsWarning',
        'ERR_DTLS_CONNECTION_ID',
        says(`The value of "${NAME}.length" is out of range. It must be 1, as the first was. Received 7`),
      ],
      ['DtlsWarning', 'ERR_DTLS_CONNECTION_ID', says('why')],
    ]);
    assert.deepEqual(one.told, ['', '', 'b', '']);
    const none = new MadeIds(
      native(() => 0),
      ids(),
      { count: 1, low: 0, first: Buffer.from('a') },
    );
    const [[, , message]] = await warnedInFull(() => none.refill());
    assert.match(message, /differ from no other/);
  });

  test('are not asked for while they are asked for', () => {
    const one = native();
    let made;
    let calls = 0;
    const make = () => {
      calls += 1;
      made?.refill();
      return Buffer.from('a');
    };
    made = new MadeIds(one, make, { count: 2, low: 0, first: Buffer.from('a') });
    made.refill();
    assert.equal(calls, 1);
    made.refill();
    assert.equal(calls, 3);
  });
});

describe("an application's store of sessions", () => {
  const ID = Buffer.from([0xab, 1]);

  test('has them under their ids in hex, for so many milliseconds', () => {
    const calls = [];
    const record =
      (name) =>
      (...args) => {
        calls.push([name, ...args]);
        return name;
      };
    const store = new SessionStore({ get: record('get'), set: record('set'), delete: record('delete') }, 7);
    assert.equal(store.get(ID), 'get');
    store.keep(ID, 'session');
    store.forget(ID);
    assert.deepEqual(calls, [
      ['get', 'ab01'],
      ['set', 'ab01', 'session', 7000],
      ['delete', 'ab01'],
    ]);
  });

  test('may fail in any way, of which one is a warning', async () => {
    const fails = () => {
      throw new Error('away');
    };
    for (const act of [fails, async () => fails()]) {
      const store = new SessionStore({ set: act, delete: act }, 1);
      const warnings = await warnedInFull(() => {
        store.keep(ID, 'session');
        store.forget(ID);
      });
      assert.deepEqual(warnings, [
        ['DtlsWarning', 'ERR_DTLS_SESSION_STORE', 'The sessionStore has failed, and full handshakes follow: away'],
      ]);
    }
  });
});

describe('a watched emitter', () => {
  class Watched extends WatchedEmitter {
    changes = 0;
    _onListenersChanged() {
      this.changes += 1;
    }
  }
  const nothing = () => {};

  test('tells of each listener that comes or goes, in whatever way', () => {
    const acts = {
      on: (one) => one.on('x', nothing),
      addListener: (one) => one.addListener('x', nothing),
      prependListener: (one) => one.prependListener('x', nothing),
      once: (one) => one.once('x', nothing),
      prependOnceListener: (one) => one.prependOnceListener('x', nothing),
      removeListener: (one) => one.removeListener('x', nothing),
      off: (one) => one.off('x', nothing),
      removeAllListeners: (one) => one.removeAllListeners('x'),
      'removeAllListeners of all': (one) => one.removeAllListeners(),
    };
    for (const [name, act] of Object.entries(acts)) {
      const one = new Watched().on('x', nothing);
      const before = one.changes;
      assert.equal(act(one), one, name);
      assert(one.changes > before, name);
      const expected = /^(remove|off)/.test(name) ? 0 : 2;
      assert.equal(one.listenerCount('x'), expected, name);
    }
  });

  test('has its listeners in their order', () => {
    const one = new Watched();
    const heard = [];
    one.on('x', () => heard.push('second'));
    one.prependListener('x', () => heard.push('first'));
    one.emit('x');
    assert.deepEqual(heard, ['first', 'second']);
  });
});

describe('promises', () => {
  class Client extends EventEmitter {}
  const counts = (emitter) => emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0);

  test('of connect() are settled by what comes first', async () => {
    let client;
    const { connect } = promisesFor((options) => {
      assert.deepEqual(options, { port: 1, host: 'h' });
      client = new Client();
      return client;
    });
    const opened = connect(1, 'h');
    client.emit('secureConnect');
    assert.equal(await opened, client);
    // Errors are the application's from now on.
    assert.equal(client.listenerCount('error'), 0);
    const failed = connect(1, 'h');
    client.emit('error', new Error('why'));
    await assert.rejects(failed, { message: 'why' });
    const closed = connect(1, 'h');
    client.emit('close');
    await assert.rejects(closed, { message: 'The client was closed before the handshake was over' });
  });

  test('of listen() are settled by what comes first, and leave no listener behind', async () => {
    const { listen } = promisesFor();
    for (const [event, settled] of [
      [['listening'], 'server'],
      [['error', new Error('why')], 'why'],
      [['close'], 'The server was closed before it was listening'],
    ]) {
      const server = new EventEmitter();
      let args;
      server.listen = (...given) => {
        args = given;
      };
      const promise = listen(server, 1, 'h');
      assert.deepEqual(args, [1, 'h']);
      assert.equal(counts(server), 3);
      server.emit(...event);
      assert.equal(counts(server), 0);
      assert.equal(
        await promise.then(
          (value) => value === server && 'server',
          ({ message }) => message,
        ),
        settled,
      );
    }
    const refusing = new EventEmitter();
    refusing.listen = () => {
      throw new Error('wrong');
    };
    await assert.rejects(listen(refusing), { message: 'wrong' });
    assert.equal(counts(refusing), 0);
  });
});

test('a gate lets so many through at a time, in order, whatever becomes of them', async () => {
  const gate = new Gate(2);
  const going = [];
  const act = (name) =>
    gate.pass(
      () =>
        new Promise((resolve, reject) => {
          going.push({ name, resolve, reject });
        }),
    );
  const passes = ['a', 'b', 'c', 'd'].map((name) => act(name).catch((error) => `failed ${error}`));
  await new Promise(setImmediate);
  assert.deepEqual([going.map(({ name }) => name), gate.busy], [['a', 'b'], 2]);
  going[1].reject('b');
  await new Promise(setImmediate);
  assert.deepEqual([going.map(({ name }) => name), gate.busy], [['a', 'b', 'c'], 2]);
  going[0].resolve(1);
  await new Promise(setImmediate);
  going[2].resolve(3);
  await new Promise(setImmediate);
  assert.equal(gate.busy, 1);
  going[3].resolve(4);
  assert.deepEqual(await Promise.all(passes), [1, 'failed b', 3, 4]);
  assert.equal(gate.busy, 0);
  assert.equal(await gate.pass(async () => 5), 5);
});
