'use strict';

// Connections as bytes and as objects: everything that is known of one comes back, and whatever is no such thing is refused by name.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { inspect } = require('node:util');

const { PeerWriter, Peers } = require('../../lib/exports/peers');
const { CHUNK_LENGTH, Opener, Sealer } = require('../../lib/exports/sealing');
const { Records } = require('../../lib/fleet/records');
const { fromResumable, fromSession, toSession } = require('../../lib/saved-connection');
const { thrown } = require('../support/observed.js');

const KEY = Buffer.alloc(32, 1);
const DAMAGED = 'These are no exported connections, or somebody has changed them: ';

const damaged = (why) => ['ERR_DTLS_EXPORT_DAMAGED', DAMAGED + why];

describe('what is known of a peer', () => {
  const NOBODY = {
    authorized: false,
    servername: false,
    alpnProtocol: false,
    authorizationError: null,
    _publicKey: '',
    _details: null,
  };

  function written(...all) {
    const writer = new PeerWriter();
    for (const [socket, ...more] of all) writer.write({ ...NOBODY, ...socket }, ...more);
    return writer.bytes;
  }
  const read = (bytes) => {
    const peers = new Peers(Buffer.from(bytes));
    return Array.from({ length: peers.length }, (_, index) => peers.at(index));
  };
  const plain = (peer) => ({ ...peer, authorized: peer.authorized, details: peer.details });

  test('is nothing at least', () => {
    const bytes = written([{}]);
    assert.deepEqual(bytes, Buffer.alloc(4));
    assert.deepEqual(plain(read(bytes)[0]), {
      flags: 0,
      pskIdentity: undefined,
      publicKey: undefined,
      certificate: undefined,
      issuers: undefined,
      servername: false,
      alpnProtocol: false,
      srtpProfile: undefined,
      authorizationError: null,
      data: undefined,
      messages: undefined,
      localPort: undefined,
      authorized: false,
      details: null,
    });
    assert.equal(new Peers(Buffer.alloc(0)).length, 0);
  });

  test('comes back, all of it, with what is behind it', () => {
    const certificate = 'c'.repeat(5000);
    const socket = {
      authorized: true,
      _identity: '\u00ff id',
      _publicKey: 'k'.repeat(300),
      servername: 'host',
      alpnProtocol: 'caf\u00e9',
      authorizationError: 'CERT_HAS_EXPIRED',
      _details: { certificate, issuers: [Buffer.from('one'), Buffer.from('two')], resumed: true, srtpProfile: 'SRTP' },
    };
    const bytes = written(
      [socket, '{"x":"\u00e9"}', [Buffer.from('m1'), Buffer.alloc(0)], 5684],
      [{ authorized: true }],
      [{}],
    );
    const [all, one, none] = read(bytes).map(plain);
    assert.deepEqual(all, {
      flags: 3,
      pskIdentity: '\u00ff id',
      publicKey: Buffer.from('k'.repeat(300)),
      certificate: Buffer.from(certificate),
      issuers: [Buffer.from('one'), Buffer.from('two')],
      servername: 'host',
      alpnProtocol: 'caf\u00e9',
      srtpProfile: 'SRTP',
      authorizationError: 'CERT_HAS_EXPIRED',
      data: { x: '\u00e9' },
      messages: [Buffer.from('m1'), Buffer.alloc(0)],
      localPort: 5684,
      authorized: true,
      details: { certificate: Buffer.from(certificate), issuers: all.issuers, resumed: true, srtpProfile: 'SRTP' },
    });
    assert.deepEqual([one.authorized, one.details, none.authorized], [true, null, false]);
    assert.deepEqual(new Peers(Buffer.from(bytes)).toBytes(), bytes);
  });

  test('has details of its own where it has a certificate, a profile, or a session', () => {
    const details = (terms) => read(written([{ _details: terms }]))[0].details;
    const nothing = { certificate: undefined, issuers: undefined, resumed: false, srtpProfile: undefined };
    assert.deepEqual(details({ resumed: true }), { ...nothing, resumed: true });
    assert.deepEqual(details({ srtpProfile: 'x' }), { ...nothing, srtpProfile: 'x' });
    assert.deepEqual(details({ certificate: 'x' }), { ...nothing, certificate: Buffer.from('x') });
    assert.equal(details({}), null);
  });

  test('has texts and bytes of any length, beyond the room that there is at first', () => {
    for (const length of [0, 1, 31, 32, 33, 127, 128, 16_383, 16_384, 20_000, 2_097_152]) {
      const identity = 'x'.repeat(length);
      const [first, second] = read(written([{ _identity: 'first' }], [{ _identity: identity, servername: 'after' }]));
      assert.deepEqual([first.pskIdentity, second.pskIdentity, second.servername], ['first', identity, 'after']);
    }
    const many = written(
      ...Array.from({ length: 2000 }, (_, index) => [{ _identity: `id ${index}`, authorized: true }]),
    );
    assert.deepEqual(
      read(many).map(({ pskIdentity }) => pskIdentity),
      Array.from({ length: 2000 }, (_, index) => `id ${index}`),
    );
  });

  test('is wiped where it was before it became too long', () => {
    const writer = new PeerWriter();
    writer.write({ ...NOBODY, _identity: 'secret' });
    const before = writer.bytes;
    writer.write({ ...NOBODY, _identity: 'x'.repeat(20_000) });
    assert.deepEqual(before, Buffer.alloc(before.length));
    assert.equal(read(writer.bytes)[0].pskIdentity, 'secret');
  });

  test('is refused where it is cut, or not known', () => {
    const one = (...content) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(content.length);
      return Buffer.concat([length, Buffer.from(content)]);
    };
    const refused = (bytes) => thrown(() => new Peers(bytes));
    assert.deepEqual(refused(Buffer.alloc(3)), damaged('a length is missing'));
    assert.deepEqual(refused(Buffer.concat([one(), Buffer.alloc(1)])), damaged('a length is missing'));
    assert.deepEqual(refused(one(1, 1, 1).subarray(0, 6)), damaged('a connection is cut'));
    assert.deepEqual(refused(one(1)), damaged('a field has no length'));
    assert.deepEqual(refused(one(2, 0x80)), damaged('a field has no length'));
    assert.deepEqual(refused(one(2, 0x80, 0x80, 0x80, 0x80, 0)), damaged('a field has no length'));
    assert.deepEqual(refused(one(2, 2, 65)), damaged('a field is cut'));
    assert.deepEqual(refused(one(13, 0)), damaged('they have a field 13, which this version does not know'));
    assert.deepEqual(refused(one(0, 0)), damaged('they have a field 0, which this version does not know'));
    assert.equal(read(one(2, 0x80, 0x80, 0x80, 0))[0].pskIdentity, '');
    assert.equal(read(one(1, 2, 1, 1))[0].flags, 0);
    assert.equal(read(one(1, 1, 3))[0].flags, 3);
  });

  test('does not keep all the rest', () => {
    const bytes = Buffer.from(
      written([
        { _publicKey: 'key', _details: { certificate: 'c', issuers: [Buffer.from('i')] } },
        undefined,
        [Buffer.from('m')],
      ]),
    );
    const [peer] = read(bytes);
    bytes.fill(0);
    const { publicKey, certificate, issuers, messages } = peer;
    assert.deepEqual([publicKey, certificate, ...issuers, ...messages].map(String), ['key', 'c', 'i', 'm']);
  });
});

describe('sealed connections', () => {
  const sealed = (plaintext) => {
    const sealer = new Sealer(KEY);
    return Buffer.concat([sealer.header, ...sealer.sealAll(plaintext)]);
  };
  const opened = (bytes, { step = bytes.length, key = KEY } = {}) => {
    const opener = new Opener(key);
    const pieces = [];
    for (let at = 0; at < bytes.length; at += step) pieces.push(...opener.open(bytes.subarray(at, at + step)));
    opener.end();
    return Buffer.concat(pieces);
  };
  const HEADER = 58;

  test('come back whole, however they are cut, in chunks of 64 KiB', () => {
    assert.equal(CHUNK_LENGTH, 65_536);
    for (const [length, chunks] of [
      [0, 1],
      [1, 1],
      [CHUNK_LENGTH, 1],
      [CHUNK_LENGTH + 1, 2],
      [2 * CHUNK_LENGTH + 5, 3],
    ]) {
      const plaintext = Buffer.alloc(length, 'x');
      const bytes = sealed(plaintext);
      assert.equal(bytes.length, HEADER + 20 * chunks + length);
      for (const step of [bytes.length, 1000, 4096]) assert.deepEqual(opened(bytes, { step }), plaintext);
    }
    const bytes = sealed(Buffer.from('hello'));
    for (const step of [1, 2, 3, 5, 7, 59]) assert.equal(opened(bytes, { step }).toString(), 'hello');
    assert.equal(bytes.subarray(0, 10).toString('latin1'), 'mbed-dtls\u0001');
  });

  test('have a salt of their own each, which is their name', () => {
    const id = (bytes) => {
      const opener = new Opener(KEY);
      assert.equal(opener.id, '');
      opener.open(bytes);
      return opener.id;
    };
    const [one, other] = [sealed(Buffer.alloc(1)), sealed(Buffer.alloc(1))];
    assert.equal(id(one), one.toString('hex', 10, 42));
    assert.notEqual(id(one), id(other));
  });

  test('are refused where anything is missing, changed, or too much', () => {
    const bytes = sealed(Buffer.from('hello'));
    const changed = (at, value = bytes[at] ^ 1) => {
      const copy = Buffer.from(bytes);
      copy[at] = value;
      return copy;
    };
    const refused = (made, options) => thrown(() => opened(made, options));
    const incomplete = [
      'ERR_DTLS_EXPORT_INCOMPLETE',
      'The exported connections are not complete: what was read ends before their end',
    ];
    for (const length of [0, 9, HEADER - 1, HEADER, HEADER + 3, bytes.length - 1]) {
      assert.deepEqual(refused(bytes.subarray(0, length)), incomplete);
    }
    assert.deepEqual(refused(changed(0)), damaged('they do not begin as such'));
    assert.deepEqual(refused(changed(9)).slice(0, 1), ['ERR_DTLS_EXPORT_VERSION']);
    assert.equal(
      refused(changed(9, 2))[1],
      'The connections were exported in format 2, and this version reads format 1',
    );
    const wrongKey = ['ERR_DTLS_EXPORT_WRONG_KEY', 'The connections were exported under another key'];
    for (const at of [10, 41, 42, HEADER - 1]) assert.deepEqual(refused(changed(at)), wrongKey);
    assert.deepEqual(refused(bytes, { key: Buffer.alloc(32) }), wrongKey);
    for (const at of [HEADER + 4, bytes.length - 1])
      assert.deepEqual(refused(changed(at)), damaged('a chunk is not authentic'));
    const long = Buffer.concat([bytes, Buffer.from('x')]);
    assert.deepEqual(refused(long), damaged('something follows their end'));
    assert.deepEqual(refused(long, { step: bytes.length }), damaged('something follows their end'));
    const length = (number) => {
      const copy = Buffer.from(bytes);
      copy.writeUInt32BE(number, HEADER);
      return copy;
    };
    for (const number of [15, 0x8000_000f, CHUNK_LENGTH + 17, 0x8000_0000 + CHUNK_LENGTH + 17]) {
      assert.deepEqual(refused(length(number)), damaged('a chunk has an impossible length'));
    }
    for (const number of [CHUNK_LENGTH + 16, 0x8000_0000 + CHUNK_LENGTH + 16]) {
      assert.deepEqual(refused(length(number)), incomplete);
    }
    // The last one is not the last one by its length alone.
    assert.deepEqual(refused(length(5 + 16)), damaged('a chunk is not authentic'));
    const two = new Sealer(KEY);
    const chunks = [two.seal(Buffer.from('a'), false), two.seal(Buffer.from('b'), true)];
    assert.deepEqual(refused(Buffer.concat([two.header, chunks[1]])), damaged('a chunk is not authentic'));
    assert.deepEqual(refused(Buffer.concat([two.header, chunks[0]])), incomplete);
  });
});

describe("records of a fleet's store", () => {
  test('are opened under their own name by whoever has the key, each node with keys of its own', () => {
    const [one, other] = [new Records(KEY), new Records(KEY)];
    const pieces = [Buffer.from('he'), Buffer.from('llo')];
    const sealed = one.seal('name', pieces);
    assert.deepEqual(pieces, [Buffer.alloc(2), Buffer.alloc(3)]);
    assert.equal(sealed.length, 39 + 5 + 16);
    for (const records of [one, other]) assert.equal(records.open('name', sealed).toString(), 'hello');
    const again = one.seal('name', [Buffer.from('hello')]);
    assert.deepEqual(again.subarray(0, 33), sealed.subarray(0, 33));
    assert.deepEqual([sealed.readUIntBE(33, 6), again.readUIntBE(33, 6)], [0, 1]);
    assert.notDeepEqual(other.seal('name', [Buffer.from('x')]).subarray(1, 17), sealed.subarray(1, 17));
    assert.equal(one.seal('name', []).length, 39 + 16);
    assert.equal(other.open('name', one.seal('name', [])).length, 0);
  });

  test('are refused where they are cut, changed, or of somebody else', () => {
    const sealed = new Records(KEY).seal('name', [Buffer.from('hello')]);
    const refused = (bytes, name = 'name', key = KEY) => thrown(() => new Records(key).open(name, bytes));
    const changed = (at) => {
      const copy = Buffer.from(sealed);
      copy[at] ^= 1;
      return copy;
    };
    assert.deepEqual(refused(sealed.subarray(0, 54)), damaged('a record is cut'));
    assert.deepEqual(refused(sealed.subarray(0, 55)), damaged('a record is not authentic'));
    assert.deepEqual(refused(changed(0)), damaged('a record does not begin as such'));
    for (const at of [1, 16, 17, 32]) assert.equal(refused(changed(at))[0], 'ERR_DTLS_EXPORT_WRONG_KEY');
    for (const at of [33, 38, 39, sealed.length - 1])
      assert.deepEqual(refused(changed(at)), damaged('a record is not authentic'));
    assert.deepEqual(refused(sealed, 'other'), damaged('a record is not authentic'));
    assert.equal(refused(sealed, 'name', Buffer.alloc(32))[0], 'ERR_DTLS_EXPORT_WRONG_KEY');
  });

  test('of any number of nodes are opened', () => {
    const reader = new Records(KEY);
    const all = Array.from({ length: 70 }, (_, index) => new Records(KEY).seal('n', [Buffer.from([index])]));
    for (let round = 0; round < 2; round++) {
      for (const [index, sealed] of all.entries()) assert.equal(reader.open('n', sealed)[0], index);
    }
  });
});

describe('a saved connection', () => {
  const bytes = (length, value = 1) => Buffer.alloc(length, value);
  const SAVED = {
    ciphersuite: 0xc0a8,
    randbytes: bytes(64),
    id: bytes(32),
    master: bytes(48),
    epoch: 1,
    counter: bytes(8),
    windowTop: bytes(8),
    window: bytes(8),
    encryptThenMac: false,
    extendedMasterSecret: true,
    savedAt: 5,
    restorable: true,
  };
  const NOBODY = { pskIdentity: undefined, publicKey: Buffer.alloc(0), servername: false };
  const session = (saved, peer) => toSession({ ...SAVED, ...saved }, { ...NOBODY, ...peer });

  test('has the names of node-mbed-dtls, and what it lacked only where there is such a thing', () => {
    assert.equal(toSession(null, NOBODY), undefined);
    assert.deepEqual(
      { ...session() },
      {
        ciphersuite: 0xc0a8,
        randbytes: bytes(64),
        id: bytes(32),
        master: bytes(48),
        in_epoch: 1,
        out_ctr: bytes(8),
        in_window_top: bytes(8),
        in_window: bytes(8),
        encrypt_then_mac: false,
        extended_master_secret: true,
        saved_at: 5,
      },
    );
    const ids = { connectionId: bytes(2), peerConnectionId: Buffer.alloc(0), checksRoutability: true };
    const peer = { pskIdentity: Buffer.from('id'), publicKey: Buffer.from('key'), servername: 'host' };
    const { connection_id, peer_connection_id, return_routability, restorable, max_fragment_length, ...rest } = session(
      { ...ids, restorable: false, maxFragmentLength: 512 },
      peer,
    );
    assert.deepEqual(
      [connection_id, peer_connection_id, return_routability, restorable, max_fragment_length],
      [bytes(2), Buffer.alloc(0), true, false, 512],
    );
    assert.deepEqual([rest.psk_identity, rest.public_key, rest.servername], [peer.pskIdentity, peer.publicKey, 'host']);
  });

  test('shows all but its secret to whoever looks', () => {
    const shown = inspect(session({ master: Buffer.from('ab'.repeat(24)) }));
    assert.match(shown, /master: <48 secret bytes>/);
    assert(!shown.includes('6162') && !shown.includes('61 62'));
    assert.equal(JSON.parse(JSON.stringify(session())).master.data.length, 48);
  });

  test('comes back in every form in which it may have been kept', () => {
    const expected = {
      __proto__: null,
      ciphersuite: 0xc0a8,
      randbytes: bytes(64),
      id: bytes(32),
      master: bytes(48),
      epoch: 1,
      counter: bytes(8),
      windowTop: bytes(8),
      window: bytes(8),
      encryptThenMac: false,
      extendedMasterSecret: true,
      maxFragmentLength: undefined,
      connectionId: undefined,
      peerConnectionId: undefined,
      checksRoutability: undefined,
      savedAt: 5,
      servername: false,
      pskIdentity: undefined,
      publicKey: undefined,
    };
    const made = session();
    assert.deepEqual(fromSession(made), expected);
    assert.deepEqual(fromSession(JSON.parse(JSON.stringify(made))), expected);
    const base64 = Object.fromEntries(
      Object.entries(made).map(([name, value]) => [name, Buffer.isBuffer(value) ? value.toString('base64') : value]),
    );
    assert.deepEqual(fromSession(base64), expected);
    const old = { ...made };
    for (const name of ['in_window', 'encrypt_then_mac', 'extended_master_secret', 'saved_at']) delete old[name];
    const { windowTop, window, encryptThenMac, savedAt } = fromSession(old);
    assert.deepEqual([windowTop, window, encryptThenMac, savedAt], [undefined, undefined, undefined, undefined]);
    const more = fromSession({
      ...made,
      id: Buffer.alloc(0),
      connection_id: bytes(2),
      peer_connection_id: Buffer.alloc(0),
      return_routability: true,
      max_fragment_length: 4096,
      psk_identity: Buffer.from('id'),
      public_key: bytes(1024),
      servername: 'a.b-c_d',
      saved_at: 0,
    });
    assert.deepEqual(
      [
        more.id.length,
        more.connectionId,
        more.peerConnectionId.length,
        more.checksRoutability,
        more.maxFragmentLength,
        more.savedAt,
      ],
      [0, bytes(2), 0, true, 4096, 0],
    );
    assert.deepEqual([more.pskIdentity, more.publicKey, more.servername], [Buffer.from('id'), bytes(1024), 'a.b-c_d']);
    assert.equal(fromSession({ ...made, ciphersuite: 0xffff, in_epoch: 0 }).ciphersuite, 0xffff);
  });

  test('is refused for each field that cannot be so', () => {
    const made = session();
    const why = (changes) => {
      const [code, message] = thrown(() => fromSession(changes === null ? null : { ...made, ...changes }));
      assert.equal(code, 'ERR_DTLS_INVALID_SESSION');
      return message.replace('The saved session cannot be used: ', '');
    };
    assert.equal(why(null), 'it is not an object');
    assert.match(thrown(() => fromSession('x'))[1], /it is not an object$/);
    for (const name of ['ciphersuite', 'in_epoch']) {
      for (const value of [-1, 0x10000, 1.5, '1', undefined])
        assert.equal(why({ [name]: value }), `its '${name}' is not from 0 to 65535`);
    }
    const form = (name) => `its '${name}' is neither a Buffer, nor what JSON makes of one, nor base64`;
    const exact = { randbytes: 64, master: 48, out_ctr: 8, in_window_top: 8, in_window: 8 };
    for (const [name, length] of Object.entries(exact)) {
      for (const wrong of [length - 1, length + 1]) {
        assert.equal(why({ [name]: bytes(wrong) }), `its '${name}' has ${wrong} bytes, not ${length}`);
      }
      assert.equal(why({ [name]: '?' }), form(name));
    }
    for (const name of ['id', 'connection_id', 'peer_connection_id']) {
      assert.equal(why({ [name]: bytes(33) }), `its '${name}' has 33 bytes, not up to 32`);
      assert.equal(why({ [name]: 5 }), form(name));
    }
    const json = (data) => ({ id: { type: 'Buffer', data } });
    for (const data of ['x', [256], [-1], [1.5], [5, '5'], [300], Array(1025).fill(1)])
      assert.equal(why(json(data)), form('id'));
    assert.equal(why({ id: { type: 'Other', data: [1] } }), form('id'));
    assert.equal(why({ id: null }), form('id'));
    assert.deepEqual(fromSession({ ...made, ...json([0, 255]) }).id, Buffer.from([0, 255]));
    for (const name of ['encrypt_then_mac', 'extended_master_secret', 'return_routability']) {
      for (const value of [1, null, 'true']) assert.equal(why({ [name]: value }), `its '${name}' is not a boolean`);
    }
    for (const value of [-1, 1.5, '5', 2 ** 53, null])
      assert.equal(why({ saved_at: value }), "its 'saved_at' is not a time in milliseconds");
    for (const value of [513, null]) {
      assert.equal(why({ max_fragment_length: value }), "its 'max_fragment_length' is none of 512, 1024, 2048, 4096");
    }
    for (const value of ['A', '', 'x'.repeat(256), 5, true]) {
      assert.equal(why({ servername: value }), "its 'servername' is not a DNS name in lower case");
    }
    assert.equal(fromSession({ ...made, servername: 'x'.repeat(255) }).servername.length, 255);
    assert.equal(fromSession({ ...made, servername: null }).servername, false);
    for (const name of ['psk_identity', 'public_key']) {
      for (const value of [bytes(1025), 5, null, '?'])
        assert.equal(why({ [name]: value }), `its '${name}' is not valid`);
    }
  });

  test('is resumed by its id and its name alone', () => {
    const made = session({}, { pskIdentity: Buffer.from('id'), servername: 'host' });
    const offer = { id: bytes(32), servername: 'host' };
    assert.deepEqual(fromResumable(made, offer), {
      __proto__: null,
      ciphersuite: 0xc0a8,
      master: bytes(48),
      encryptThenMac: false,
      extendedMasterSecret: true,
      pskIdentity: Buffer.from('id'),
      publicKey: undefined,
    });
    assert.equal(fromResumable(made, { ...offer, id: bytes(31) }), null);
    assert.equal(fromResumable(made, { ...offer, servername: false }), null);
    assert.notEqual(fromResumable(session(), { ...offer, servername: false }), null);
    for (const none of [null, 'x', undefined])
      assert.match(thrown(() => fromResumable(none, offer))[1], /it is not an object$/);
  });
});
