'use strict';

// A store of sessions that is the application's: whatever it does, no handshake fails by it.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { BOB, event, openClient, startServer } = require('../support/endpoints.js');
const { SESSIONS, fileInOlderVersion } = require('../support/older-version.js');

fileInOlderVersion(SESSIONS);

const OPTIONS = { psk: { bob: BOB.psk }, pskSessions: true, sessionTimeout: 60 };

/** A store that is a Map, and notes what it is asked. */
class NotingStore extends Map {
  calls = [];

  get(id) {
    this.calls.push(['get', id]);
    return super.get(id);
  }

  set(id, ...rest) {
    this.calls?.push(['set', id, ...rest]);
    return super.set(id, ...rest);
  }

  delete(id) {
    this.calls.push(['delete', id]);
    return super.delete(id);
  }
}

/** Connects, and answers whether a session was resumed, with the session that is left. */
async function visit(t, server, session) {
  const client = openClient(t, server, { ...BOB, session });
  await event(client, 'secureConnect');
  const left = client.getSession();
  const reused = client.isSessionReused();
  client.end();
  await event(client, 'close');
  return { reused, session: left };
}

/** The warnings of this process while `act` runs, by their codes. */
async function warnings(act) {
  const codes = [];
  const note = ({ code }) => codes.push(code);
  process.on('warning', note);
  await act();
  await new Promise(setImmediate);
  process.removeListener('warning', note);
  return codes;
}

test('a store gets sessions by id in hex, with the time for which they are good', async (t) => {
  const sessionStore = new NotingStore();
  const server = await startServer(t, { ...OPTIONS, sessionStore });
  const { session } = await visit(t, server);
  assert.equal((await visit(t, server, session)).reused, true);
  const [[set, id, kept, timeout], get, ...rest] = sessionStore.calls;
  assert.deepEqual([set, timeout, get, rest], ['set', 60_000, ['get', id], []]);
  assert.match(id, /^[0-9a-f]{64}$/);
  assert.equal(Buffer.isBuffer(kept), true);
});

test('two servers that share a store resume the sessions of each other', async (t) => {
  const sessionStore = new Map();
  const one = await startServer(t, { ...OPTIONS, sessionStore });
  const other = await startServer(t, { ...OPTIONS, sessionStore });
  const { session } = await visit(t, one);
  assert.equal((await visit(t, other, session)).reused, true);
});

describe('a session is resumed when the store answers', () => {
  for (const [title, get] of Object.entries({
    'at once': (kept) => kept,
    'with a promise': async (kept) => kept,
    'a little later': (kept) => new Promise((resolve) => setTimeout(resolve, 20, kept)),
    'with a Uint8Array': (kept) => new Uint8Array(kept),
  })) {
    test(title, async (t) => {
      const kept = new Map();
      const sessionStore = { get: (id) => get(kept.get(id)), set: (id, data) => kept.set(id, data), delete() {} };
      const server = await startServer(t, { ...OPTIONS, sessionStore });
      const { session } = await visit(t, server);
      assert.equal((await visit(t, server, session)).reused, true);
    });
  }
});

describe('a full handshake follows when the store', () => {
  for (const [title, get, warned] of [
    ['knows nothing', () => undefined, false],
    ['promises nothing', async () => null, false],
    [
      'throws',
      () => {
        throw new Error('away');
      },
      true,
    ],
    ['rejects', () => Promise.reject(new Error('away')), true],
    ['rejects with nothing', () => Promise.reject(), true],
    ['answers with a number', () => 7, true],
    ['answers with a string', () => 'session', true],
    ['answers with nonsense', () => Buffer.from('nonsense'), false],
    ['answers with an empty Buffer', () => Buffer.alloc(0), false],
    ['answers with a megabyte', () => Buffer.alloc(1_000_000, 1), false],
    ["answers with another's session", (_id, kept) => [...kept.values()].at(-1), false],
    ['never answers', () => new Promise(() => {}), true],
  ]) {
    test(title, async (t) => {
      const kept = new Map();
      const sessionStore = { get: (id) => get(id, kept), set: (id, data) => void kept.set(id, data), delete() {} };
      const server = await startServer(t, { ...OPTIONS, sessionStore });
      const { session } = await visit(t, server);
      await visit(t, server);
      const codes = await warnings(async () => {
        assert.equal((await visit(t, server, session)).reused, false);
      });
      assert.deepEqual(codes, warned ? ['ERR_DTLS_SESSION_STORE'] : []);
    });
  }
});

test('a store that answers after a second, or twice, is too late', async (t) => {
  const kept = new Map();
  const sessionStore = {
    get: (id) => ({
      // biome-ignore lint/suspicious/noThenProperty: a promise that settles twice is what is tested
      then(resolve, reject) {
        setTimeout(() => {
          resolve(kept.get(id));
          reject(new Error('twice'));
        }, 1100);
      },
    }),
    set: (id, data) => kept.set(id, data),
    delete() {},
  };
  const server = await startServer(t, { ...OPTIONS, sessionStore });
  const { session } = await visit(t, server);
  assert.equal((await visit(t, server, session)).reused, false);
});

test('a store that cannot keep or forget anything is reported once and harms nobody', async (t) => {
  const sessionStore = {
    get() {},
    set: () => Promise.reject(new Error('full')),
    delete() {
      throw new Error('away');
    },
  };
  const server = await startServer(t, { ...OPTIONS, sessionStore });
  const codes = await warnings(async () => {
    await visit(t, server);
    await visit(t, server);
  });
  assert.deepEqual(codes, ['ERR_DTLS_SESSION_STORE']);
});
