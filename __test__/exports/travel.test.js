'use strict';

// Batches of connections on their way, by themselves: made-up endpoints, and exports in pieces of any length.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const {
  Arrivals,
  ExportStream,
  copyForStore,
  importOptions,
  isClaimed,
  keyOf,
  openAtOnce,
  openExport,
  sealAtOnce,
  succeed,
  takeOut,
  unclaimed,
} = require('../../lib/exports/travel');

const KEY = Buffer.alloc(32, 1);
const DAMAGED = 'These are no exported connections, or somebody has changed them: ';

/** As the native object writes connections: each behind its length. */
function travellersOf(...texts) {
  return Buffer.concat(
    texts.flatMap((text) => [Buffer.from([text.length >> 8, text.length & 0xff]), Buffer.from(text)]),
  );
}

function socket(handle, more) {
  return {
    connected: true,
    data: undefined,
    authorized: false,
    servername: false,
    alpnProtocol: false,
    authorizationError: null,
    _identity: `id ${handle}`,
    _publicKey: '',
    _details: null,
    _handle: handle,
    _takeUnread: () => undefined,
    ...more,
  };
}

/** An endpoint whose connections with even numbers cannot leave. */
function endpoint() {
  const calls = [];
  const takeOutOf = (handles) => {
    calls.push(handles.length);
    return travellersOf(...Array.from(handles, (handle) => (handle % 2 === 0 ? '' : `c${handle}`)));
  };
  return { calls, native: { takeOut: takeOutOf } };
}

const arrivalsOf = ({ plaintext }) => new Arrivals(plaintext, 'id');
const identities = ({ batches }) =>
  batches.flatMap(({ peers }) => Array.from({ length: peers.length }, (_, index) => peers.at(index).pskIdentity));

async function rejection(promise) {
  try {
    await promise;
  } catch ({ code, message }) {
    return [code, message];
  }
  return assert.fail('nothing was thrown');
}

describe('connections that leave', () => {
  test('are those that are open and can, with what is known of each', () => {
    const before = Date.now();
    const sockets = [1, 2, 3, 5].map((handle) => socket(handle));
    sockets[2].connected = false;
    sockets[3].data = { x: 1 };
    sockets[3]._takeUnread = () => [Buffer.from('m')];
    const taken = takeOut(endpoint(), sockets, 7);
    assert.deepEqual(taken.left, [sockets[0], sockets[3]]);
    const arrivals = arrivalsOf(taken);
    assert(arrivals.savedAt >= before && arrivals.savedAt <= Date.now());
    assert.equal(arrivals.id, 'id');
    assert.deepEqual(identities(arrivals), ['id 1', 'id 5']);
    const [{ travellers, peers }] = arrivals.batches;
    assert.deepEqual(travellers, travellersOf('c1', 'c5'));
    const [one, five] = [peers.at(0), peers.at(1)];
    assert.deepEqual([one.localPort, one.data, one.messages], [7, undefined, undefined]);
    assert.deepEqual([five.data, five.messages], [{ x: 1 }, [Buffer.from('m')]]);
    // The plaintext has been wiped.
    assert(taken.plaintext.every((piece) => piece.every((byte) => byte === 0)));
  });

  test('leave 256 at a time', () => {
    const one = endpoint();
    const { plaintext, left } = takeOut(
      one,
      Array.from({ length: 513 }, (_, index) => socket(2 * index + 1)),
    );
    assert.deepEqual([one.calls, left.length, plaintext.length], [[256, 256, 1], 513, 1 + 3 * 4]);
    const arrivals = arrivalsOf({ plaintext });
    assert.deepEqual(
      arrivals.batches.map(({ peers }) => peers.length),
      [256, 256, 1],
    );
    assert.deepEqual(takeOut(endpoint(), []).left, []);
  });

  test('stay, all of them, where their data is no JSON', () => {
    const one = endpoint();
    assert.throws(() => takeOut(one, [socket(1), socket(3, { data: 5n })]), TypeError);
    assert.deepEqual(one.calls, []);
  });

  test('may leave a copy in a store, now or later', () => {
    const copies = [null, {}, { traveller: travellersOf('t'), bound: 'b', before: 'a' }];
    const native = { copyForStore: (handle) => (handle === 7 ? copies.shift() : assert.fail()) };
    const copy = () => copyForStore({ native }, socket(7, { data: [1] }));
    assert.equal(copy(), null);
    assert.deepEqual(copy(), { isLater: true });
    const { isLater, plaintext, bound, before } = copy();
    assert.deepEqual([isLater, bound, before], [false, 'b', 'a']);
    const arrivals = arrivalsOf({ plaintext });
    const [{ travellers, peers }] = arrivals.batches;
    assert.deepEqual([travellers, peers.at(0).data, peers.at(0).pskIdentity], [travellersOf('t'), [1], 'id 7']);
    const stored = arrivals.stored(0);
    assert.deepEqual(stored.subarray(8), travellersOf('t'));
    assert.equal(stored.readDoubleBE(), arrivals.savedAt);
    const next = succeed(
      { succeed: (bytes) => ({ traveller: Buffer.concat([bytes, travellersOf('u')]), bound: 'c' }) },
      { stored, peers },
    );
    assert.equal(next.bound, 'c');
    const successor = arrivalsOf(next);
    assert.deepEqual([successor.savedAt, successor.batches[0].travellers], [arrivals.savedAt, travellersOf('t', 'u')]);
    assert.deepEqual(identities(successor), ['id 7']);
    arrivals.wipe();
    assert.deepEqual(travellers, Buffer.alloc(travellers.length));
  });
});

describe('an export', () => {
  const pieces = (...lengths) => lengths.map((length, index) => Buffer.alloc(length, index + 1));

  test('is sealed in full chunks, whatever it is made of, and wiped', () => {
    for (const lengths of [[8], [8, 65_528], [8, 65_529], [8, 70_000, 0, 5, 70_000]]) {
      const plaintext = pieces(...lengths);
      const expected = Buffer.concat(plaintext);
      const key = Buffer.from(KEY);
      const sealed = sealAtOnce(key, plaintext);
      assert.deepEqual(
        [key, plaintext],
        [Buffer.alloc(32), pieces(...lengths).map(({ length }) => Buffer.alloc(length))],
      );
      const chunks = Math.max(1, Math.ceil(expected.length / 65_536));
      assert.equal(sealed.length, 58 + 20 * chunks + expected.length);
    }
  });

  test('is a stream that begins in the next tick, and fails as what takes them out', async () => {
    const stream = new ExportStream(Buffer.from(KEY), () => ({ plaintext: [Buffer.alloc(8)], left: [1, 2] }));
    assert.equal(stream.connections, 0);
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    assert.equal(stream.connections, 2);
    assert.deepEqual(openAtOnce(Buffer.concat(chunks), KEY).batches, []);
    const failing = new ExportStream(Buffer.from(KEY), () => {
      throw new Error('why');
    });
    await assert.rejects(failing.toArray(), { message: 'why' });
  });

  test('comes in from bytes, or from whatever has them piece by piece', async () => {
    const taken = takeOut(endpoint(), [socket(1)]);
    const sealed = sealAtOnce(Buffer.from(KEY), taken.plaintext);
    async function* inPieces(step) {
      for (let at = 0; at < sealed.length; at += step) yield new Uint8Array(sealed.subarray(at, at + step));
    }
    const all = [
      await openExport(new Uint8Array(sealed), KEY),
      await openExport(inPieces(7), KEY),
      openAtOnce(sealed, KEY),
    ];
    for (const arrivals of all) {
      assert.deepEqual(identities(arrivals), ['id 1']);
      assert.equal(arrivals.id, sealed.toString('hex', 10, 42));
    }
    const wrong = (source) => rejection(openExport(source, KEY));
    const source = (shown) => [
      'ERR_INVALID_ARG_TYPE',
      `The "source" argument must be an instance of Buffer, Uint8Array or Readable. Received ${shown}`,
    ];
    assert.deepEqual([await wrong(null), await wrong([])], [source('null'), source('an instance of Array')]);
    const text = (async function* () {
      yield 'text';
    })();
    assert.match((await wrong(text))[1], /^The "chunk" argument must be an instance of Buffer or Uint8Array/);
    async function* half() {
      yield sealed.subarray(0, 70);
    }
    assert.equal((await wrong(half()))[0], 'ERR_DTLS_EXPORT_INCOMPLETE');
    assert.throws(() => openAtOnce(sealed.subarray(0, 70), KEY), { code: 'ERR_DTLS_EXPORT_INCOMPLETE' });
  });

  test('is refused where its batches are no such thing', () => {
    const length = (number) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(number);
      return bytes;
    };
    const refused = (...parts) => {
      try {
        arrivalsOf({ plaintext: [Buffer.concat([Buffer.alloc(8), ...parts])] });
      } catch ({ code, message }) {
        return [code, message];
      }
      return assert.fail('nothing was thrown');
    };
    const damaged = (why) => ['ERR_DTLS_EXPORT_DAMAGED', DAMAGED + why];
    assert.throws(() => arrivalsOf({ plaintext: [Buffer.alloc(7)] }), { message: `${DAMAGED}they have no time` });
    assert.deepEqual(refused(Buffer.alloc(3)), damaged('a batch has no length'));
    assert.deepEqual(refused(length(0)), damaged('a batch has no length'));
    assert.deepEqual(refused(length(1)), damaged('a batch is cut'));
    assert.deepEqual(refused(length(1), Buffer.alloc(1), length(2), Buffer.alloc(1)), damaged('a batch is cut'));
    const one = takeOut(endpoint(), [socket(1)]);
    const arrivals = arrivalsOf(one);
    arrivals.check({ countTravellers: () => 1 });
    assert.throws(() => arrivals.check({ countTravellers: () => 2 }), {
      message: `${DAMAGED}a batch has too few connections`,
    });
    const native = {
      countTravellers() {
        throw new Error('no traveller');
      },
    };
    assert.throws(() => arrivals.check(native), { code: 'ERR_DTLS_EXPORT_DAMAGED', message: `${DAMAGED}no traveller` });
  });

  test('has a key, and perhaps somebody who claims it', async () => {
    const claim = () => true;
    assert.deepEqual({ ...importOptions({ key: KEY, claim }) }, { key: KEY, claim });
    assert.deepEqual(keyOf({ key: KEY }), KEY);
    assert.notEqual(keyOf({ key: KEY }), KEY);
    assert.throws(() => keyOf({ key: KEY, claim }), { code: 'ERR_INVALID_ARG_VALUE', message: /"options\.claim"/ });
    assert.throws(() => importOptions({}), {
      code: 'ERR_INVALID_ARG_TYPE',
      message: /^The "options\.key" property must be .* Received undefined$/,
    });
    assert.throws(() => importOptions({ key: KEY, claim: 5 }), {
      message: /^The "options\.claim" property must be of type function/,
    });
    assert.equal(await isClaimed(undefined, 'id'), false);
    const asked = [];
    assert.equal(await isClaimed((id) => asked.push(id) > 0, 'id'), true);
    assert.deepEqual(asked, ['id']);
    for (const answer of [false, 1, 'yes', undefined]) assert.equal(await isClaimed(async () => answer, 'id'), false);
    const fails = () => {
      throw new Error('away');
    };
    assert.deepEqual(await rejection(isClaimed(fails, 'id')), [
      'ERR_DTLS_LOOKUP_FAILED',
      'The export was not claimed: away',
    ]);
    assert.equal(unclaimed(3).code, 'ERR_DTLS_EXPORT_UNCLAIMED');
    assert.match(
      unclaimed(3).message,
      /^3 exported connections of DTLS 1\.3 do not go on here: 'claim' has not answered true/,
    );
  });
});
