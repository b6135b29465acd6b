'use strict';

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const tls = require('node:tls');

const { Bare } = require('../../lib/bare.js');
const { connectArguments, listenArguments } = require('../../lib/options/arguments.js');
const { identityKey } = require('../../lib/options/credentials.js');
const { clientOptions, serverOptions } = require('../../lib/options/options.js');
const { completeClientVerification } = require('../../lib/options/verification.js');

const PEM = '-----BEGIN SOMETHING-----\n';
const PORT = 5684;
/** The documented default, except in the variant of the tests that changes it. */
const HIBERNATE_AFTER = process.env.NODE_OPTIONS?.includes('variants/hibernation.js') ? 0 : 5000;

/** The same. */
const MAX_VERSION = process.env.NODE_OPTIONS?.includes('variants/dtls12.js') ? 'DTLSv1.2' : 'DTLSv1.3';

const bare = (properties) => Object.assign(new Bare(), properties);
const lookUp = (options, identity) => serverOptions(options).psk.table.get(identityKey(Buffer.from(identity)));

describe('options of a server', () => {
  test('have documented defaults', () => {
    const { native, udp, sendClose, receiveQueueLimit } = serverOptions({ psk: 'secret' });
    assert.deepEqual(
      native,
      bare({
        psk: true,
        requestCert: false,
        rejectUnauthorized: true,
        verifyPeer: false,
        negotiation: bare({
          extendedMasterSecret: false,
          minVersion: 'DTLSv1.2',
          maxVersion: MAX_VERSION,
        }),
        omitServerCertificate: false,
        handshakeTimeoutMin: 3000,
        handshakeTimeoutMax: 60_000,
        handshakeTimeout: 120_000,
        idleTimeout: 86_400_000,
        hibernateAfter: HIBERNATE_AFTER,
        maxHandshakes: 1000,
        maxHandshakesPerAddress: 100,
        stalledHandshakeTimeout: 10_000,
        maxAddressQuestions: 32,
        addressQuestionsPerSecond: 1000,
        maxConnections: 1_000_000,
        evictIdleConnections: false,
        sessions: { __proto__: null, lifetime: 86_400, psk: false, tickets: true, kept: 10_000 },
        mtu: 1200,
        addressValidation: 'rrc',
        debug: 0,
      }),
    );
    assert.deepEqual(udp, bare({ ipv6Only: false }));
    assert.equal(sendClose, true);
    assert.equal(receiveQueueLimit, 262_144);
  });

  test('reach the native layer, the UDP socket and the streams', () => {
    const { native, udp, sendClose } = serverOptions({
      key: PEM,
      cert: [PEM, Buffer.from([0x30])],
      ciphers: 'TLS_PSK_WITH_AES_128_CCM_8:PSK-AES128-CCM',
      type: 'udp6',
      ipv6Only: true,
      recvBufferSize: 1_000_000,
      sendClose: false,
    });
    assert.deepEqual(native.key, Buffer.from(PEM));
    assert.deepEqual(native.cert, [Buffer.from(PEM), Buffer.from([0x30])]);
    assert.deepEqual(native.ciphers, ['TLS_PSK_WITH_AES_128_CCM_8', 'PSK-AES128-CCM']);
    assert.equal(native.psk, false);
    assert.deepEqual(udp, bare({ type: 'udp6', ipv6Only: true, recvBufferSize: 1_000_000 }));
    assert.equal(sendClose, false);
  });

  test('must be an object', () => {
    for (const options of [undefined, null, 5, 'secret', []]) {
      assert.throws(() => serverOptions(options), { code: 'ERR_INVALID_ARG_TYPE' });
    }
  });

  test('must contain credentials', () => {
    assert.throws(() => serverOptions({}), { code: 'ERR_MISSING_OPTION', message: /pskCallback/ });
    assert.throws(() => serverOptions({ cert: PEM }), { code: 'ERR_MISSING_OPTION', message: /"options\.key"/ });
  });

  test('have one source of pre-shared keys', () => {
    assert.throws(() => serverOptions({ psk: 'secret', pskCallback() {} }), {
      code: 'ERR_INVALID_ARG_VALUE',
      message: /"options\.pskCallback".*"options\.psk"/,
    });
  });

  test('that are unknown are refused by name, with the nearest known one', () => {
    assert.throws(() => serverOptions({ psk: 'secret', handshakeTimout: 5 }), {
      code: 'ERR_INVALID_ARG_VALUE',
      message: /"options\.handshakeTimout".*did you mean "handshakeTimeout"\?/,
    });
    assert.throws(() => serverOptions({ psk: 'secret', somethingElse: 5 }), {
      code: 'ERR_INVALID_ARG_VALUE',
      message: /"options\.somethingElse" property is not a known option$/,
    });
    // Three letters of six are too many, and the last of them counts.
    assert.throws(() => serverOptions({ psk: 'secret', psk123: 5 }), { message: /"options\.psk123".*known option$/ });
    for (const name of ['constructor', '__proto__', 'toString']) {
      const options = Object.defineProperty({ psk: 'secret' }, name, { value: 1, enumerable: true });
      assert.throws(() => serverOptions(options), { code: 'ERR_INVALID_ARG_VALUE' });
    }
  });

  test('that are undefined count as not given', () => {
    assert.equal(serverOptions({ psk: 'secret', mtu: undefined, unheardOf: undefined }).native.mtu, 1200);
  });

  test('that are inherited do not count', () => {
    assert.throws(() => serverOptions(Object.create({ psk: 'secret' })), { code: 'ERR_MISSING_OPTION' });
  });

  test('that are numbers have limits', () => {
    const wrong = {
      handshakeTimeoutMin: [0, 2 ** 31, 1.5, Number.NaN],
      handshakeTimeoutMax: [0, 2999],
      handshakeTimeout: [0],
      idleTimeout: [-1],
      hibernateAfter: [-1, 0.5],
      handshakeThreads: [-1, 65, 0.5],
      maxHandshakes: [0],
      maxHandshakesPerAddress: [0],
      maxConnections: [0],
      stalledHandshakeTimeout: [0, 2 ** 31],
      maxConnectionsPerAddress: [0, -Infinity, 1.5],
      maxAddressQuestions: [0],
      addressQuestionsPerSecond: [0, 0.5, 2e9],
      mtu: [255, 65_508],
      connectionId: [-1, 33, 0.5],
      debug: [-1, 5],
      receiveQueueLimit: [-1],
      recvBufferSize: [0],
    };
    for (const [name, values] of Object.entries(wrong)) {
      for (const value of values) {
        const expected = { name: 'RangeError', code: 'ERR_OUT_OF_RANGE', message: new RegExp(`options\\.${name}`) };
        assert.throws(() => serverOptions({ psk: 'secret', [name]: value }), expected);
      }
      assert.throws(() => serverOptions({ psk: 'secret', [name]: '1' }), { code: 'ERR_INVALID_ARG_TYPE' });
    }
    assert.equal(serverOptions({ psk: 'secret', idleTimeout: 0 }).native.idleTimeout, 0);
    assert.equal(serverOptions({ psk: 'secret', maxConnectionsPerAddress: 7 }).native.maxConnectionsPerAddress, 7);
    const any = serverOptions({ psk: 'secret', maxConnectionsPerAddress: Infinity });
    assert.equal(any.native.maxConnectionsPerAddress, undefined);
    assert.equal(serverOptions({ psk: 'secret', handshakeThreads: 64 }).handshakeThreads, 64);
    assert.equal(serverOptions({ psk: 'secret', hibernateAfter: 0 }).native.hibernateAfter, 0);
    assert.equal(serverOptions({ psk: 'secret', hibernateAfter: Infinity }).native.hibernateAfter, undefined);
  });

  test('evictIdleConnections and replaceByIdentity must be booleans', () => {
    for (const name of ['evictIdleConnections', 'replaceByIdentity']) {
      assert.throws(() => serverOptions({ psk: 'secret', [name]: 1 }), { code: 'ERR_INVALID_ARG_TYPE' });
    }
    const options = serverOptions({ psk: 'secret', evictIdleConnections: true, replaceByIdentity: true });
    assert.deepEqual([options.native.evictIdleConnections, options.replaceByIdentity], [true, true]);
  });

  test('raise the longest retransmission interval with the first one', () => {
    assert.equal(serverOptions({ psk: 'secret', handshakeTimeoutMin: 90_000 }).native.handshakeTimeoutMax, 90_000);
  });

  test('have a hint of 1 to 128 bytes, beside a pre-shared key', () => {
    const hint = (pskIdentityHint) =>
      serverOptions({ psk: 'secret', pskIdentityHint }).native.negotiation.pskIdentityHint;
    assert.deepEqual(hint('schlüssel'), Buffer.from('schlüssel'));
    assert.deepEqual(hint(new Uint8Array(128)), Buffer.alloc(128));
    for (const length of [0, 129]) {
      assert.throws(() => hint('x'.repeat(length)), { code: 'ERR_OUT_OF_RANGE', message: /pskIdentityHint/ });
    }
    assert.throws(() => serverOptions({ key: PEM, pskIdentityHint: 'hint' }), {
      code: 'ERR_MISSING_OPTION',
      message: /"options\.psk"/,
    });
  });

  test('that are not numbers are checked too', () => {
    const wrong = {
      key: [5],
      cert: [5, [], [5], 'server.crt'],
      passphrase: [5],
      ciphers: [5, '', [], [5]],
      pskCallback: ['secret'],
      identityPskCallback: [{}],
      pskIdentityEncoding: ['hex'],
      pskIdentityHint: [5, null, ['hint']],
      type: ['udp5', 4],
      sendClose: [1],
      ipv6Only: ['yes'],
    };
    for (const [name, values] of Object.entries(wrong)) {
      for (const value of values) {
        assert.throws(() => serverOptions({ psk: 'secret', [name]: value }), {
          code: /ERR_INVALID_ARG_(TYPE|VALUE)/,
          message: new RegExp(`options\\.${name}`),
        });
      }
    }
  });
});

test('a key may be the name of a file, which no message repeats', (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-'));
  t.after(() => fs.rmSync(directory, { recursive: true }));
  const file = path.join(directory, 'key.der');
  fs.writeFileSync(file, Buffer.from([0x30, 0x01]));
  const { native } = serverOptions({ key: file, peerPublicKey: file });
  assert.deepEqual(native.key, Buffer.from([0x30, 0x01]));
  assert.deepEqual(native.peerPublicKey, [Buffer.from([0x30, 0x01])]);
  for (const [name, code] of [
    ['key', 'ERR_DTLS_INVALID_KEY'],
    ['peerPublicKey', 'ERR_DTLS_INVALID_PUBLIC_KEY'],
  ]) {
    for (const value of ['MIGHAgEAMBMGByqGSM49', directory, '', 'a\0b']) {
      assert.throws(
        () => serverOptions({ psk: 'secret', key: PEM, [name]: value }),
        (error) => {
          assert.equal(error.code, code);
          assert(value === '' || !error.message.includes(value), error.message);
          return true;
        },
      );
    }
  }
});

test('host and port of a server are ignored: listen() has them', () => {
  const { native, udp } = serverOptions({ psk: 'secret', host: 'coap.example.test', port: 5684 });
  assert.equal(native.host, undefined);
  assert.deepEqual(udp, bare({ ipv6Only: false }));
});

test('compat is for createServer() and connect()', () => {
  assert.throws(() => serverOptions({ psk: 'secret', compat: 'neustar' }), { code: 'ERR_INVALID_ARG_VALUE' });
});

describe('options about the peer', () => {
  const native = (options) => serverOptions({ key: PEM, ...options }).native;

  test('make a server ask for what they say', () => {
    assert.equal(native({}).requestCert, false);
    for (const options of [{ ca: PEM }, { peerPublicKey: PEM }, { verifyPeer() {} }]) {
      assert.equal(native(options).requestCert, true);
      assert.equal(native(options).rejectUnauthorized, true);
    }
    assert.equal(native({ ca: PEM, requestCert: false }).requestCert, false);
    assert.equal(native({ requestCert: true, rejectUnauthorized: false }).rejectUnauthorized, false);
  });

  test('say whether clients are told the names of the authorities, and leave it open by default', () => {
    assert.equal(native({ ca: PEM }).negotiation.nameAuthorities, undefined);
    for (const nameAuthorities of [true, false]) {
      assert.equal(native({ ca: PEM, nameAuthorities }).negotiation.nameAuthorities, nameAuthorities);
    }
  });

  test('must say whom to accept when clients are asked', () => {
    assert.throws(() => native({ requestCert: true }), { code: 'ERR_MISSING_OPTION', message: /options\.ca/ });
    assert.throws(() => serverOptions({ psk: 'secret', ca: PEM }), {
      code: 'ERR_MISSING_OPTION',
      message: /options\.key/,
    });
    for (const options of [{ peerPublicKey: PEM }, { verifyPeer() {} }]) {
      assert.throws(() => native({ ...options, requestCert: false }), { code: 'ERR_INVALID_ARG_VALUE' });
    }
  });

  test('accept by the roots in the file of the own key when nothing else says whom', () => {
    const completed = (options) => {
      const all = { requestCert: true, rejectUnauthorized: true, key: 'key', roots: ['root'], ...options };
      completeClientVerification(all);
      return all.ca;
    };
    assert.deepEqual(completed({}), ['root']);
    assert.deepEqual(completed({ ca: ['authority'] }), ['authority']);
    assert.equal(completed({ peerPublicKey: [PEM] }), undefined);
    assert.equal(completed({ verifyPeer() {} }), undefined);
    assert.equal(completed({ requestCert: false }), undefined);
    for (const roots of [[], undefined]) {
      assert.throws(() => completed({ roots }), { code: 'ERR_MISSING_OPTION' });
      assert.equal(completed({ roots, rejectUnauthorized: false }), undefined);
    }
  });

  test('accept raw public keys where these evade no verification', () => {
    const verifyPeer = () => true;
    const keys = (options) =>
      [native(options), clientOptions({ port: PORT, ...options }).native].map((n) => n.peerPublicKey);
    assert.deepEqual(keys({ peerPublicKey: PEM }), [[Buffer.from(PEM)], [Buffer.from(PEM)]]);
    assert.deepEqual(keys({ verifyPeer }), [[], []]);
    assert.deepEqual(keys({ verifyPeer, ca: PEM }), [undefined, undefined]);
    assert.deepEqual(keys({ verifyPeer, ca: PEM, peerPublicKey: [] }), [[], []]);
    assert.throws(() => keys({ peerPublicKey: [] }), { code: 'ERR_INVALID_ARG_VALUE', message: /verifyPeer/ });
  });

  test("make Node's root certificates unnecessary for a client", () => {
    for (const options of [{ peerPublicKey: PEM }, { verifyPeer() {} }]) {
      const { native } = clientOptions({ port: PORT, ...options });
      assert.equal(native.ca, undefined);
      assert.equal(native.servername, undefined);
    }
  });

  test('have types', () => {
    for (const options of [
      { peerPublicKey: 5 },
      { peerPublicKey: [5] },
      { verifyPeer: true },
      { requestCert: 1 },
      { nameAuthorities: 'all' },
      { rejectUnauthorized: 'no' },
    ]) {
      assert.throws(() => native(options), { code: /ERR_INVALID_ARG_(TYPE|VALUE)/ });
    }
  });
});

test('an address of our own is one, and no name', () => {
  const options = (localAddress) => clientOptions({ port: PORT, psk: 'secret', pskIdentity: 'bob', localAddress });
  for (const address of ['127.0.0.1', '::1', 'fe80::1%1']) options(address);
  for (const wrong of ['localhost', '', '127.0.0', '127.0.0.1:5684', ' ::1']) {
    assert.throws(() => options(wrong), { code: 'ERR_INVALID_ARG_VALUE' });
  }
  assert.throws(() => options(1), { code: 'ERR_INVALID_ARG_TYPE' });
});

describe('a pre-shared key', () => {
  test('has 1 to 64 bytes, and both numbers are in the error', () => {
    for (const length of [1, 64]) assert.equal(serverOptions({ psk: Buffer.alloc(length) }).psk.key.length, length);
    assert.throws(() => serverOptions({ psk: '' }), { code: 'ERR_OUT_OF_RANGE', message: />= 1.*Received 0 bytes/ });
    assert.throws(() => serverOptions({ psk: Buffer.alloc(65) }), {
      code: 'ERR_OUT_OF_RANGE',
      message: /<= 64 bytes.*Received 65 bytes/,
    });
  });

  test('is the UTF-8 bytes of a string, or any kind of bytes', () => {
    assert.deepEqual(serverOptions({ psk: 'schlüssel' }).psk.key, Buffer.from('schlüssel'));
    assert.deepEqual(serverOptions({ psk: new Uint8Array([1, 2]) }).psk.key, Buffer.from([1, 2]));
    assert.deepEqual(serverOptions({ psk: new DataView(new ArrayBuffer(3), 1) }).psk.key, Buffer.alloc(2));
    assert.deepEqual(serverOptions({ psk: new ArrayBuffer(3) }).psk.key, Buffer.alloc(3));
    assert.deepEqual(serverOptions({ psk: new Uint16Array([1]) }).psk.key, Buffer.from(new Uint16Array([1]).buffer));
  });

  test('is copied', () => {
    const key = Buffer.from('secret');
    const { psk } = serverOptions({ psk: key });
    key.fill(0);
    assert.deepEqual(psk.key, Buffer.from('secret'));
  });

  test('is not shown by an error', () => {
    for (const psk of [123456, true, ['123456']]) {
      assert.throws(
        () => serverOptions({ psk }),
        (error) => !/123456|true/.test(error.message),
      );
    }
  });

  test('is found by identity in an object or a Map', () => {
    assert.deepEqual(lookUp({ psk: { bob: 'secret' } }, 'bob'), Buffer.from('secret'));
    assert.deepEqual(lookUp({ psk: new Map([['bob', 'secret']]) }, 'bob'), Buffer.from('secret'));
    const binary = new Map([[Buffer.from([0xff, 0x00]), 'secret']]);
    assert.deepEqual(lookUp({ psk: binary }, [0xff, 0x00]), Buffer.from('secret'));
  });

  test('is found by exactly its identity', () => {
    const psk = { bob: 'secret', zoë: 'secret', '\ufffd': 'secret' };
    for (const other of ['Bob', 'bob\0', 'bob\0alice', '', 'bo', 'zoe\u0308', [0xff], [0xc3]]) {
      assert.equal(lookUp({ psk }, other), undefined);
    }
    assert.deepEqual(lookUp({ psk }, 'zoë'), Buffer.from('secret'));
  });

  test('is not found by a name that every object has', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      assert.equal(lookUp({ psk: { bob: 'secret' } }, name), undefined);
    }
    assert.deepEqual(lookUp({ psk: JSON.parse('{"__proto__":"secret"}') }, '__proto__'), Buffer.from('secret'));
  });

  test('in a table is checked at the call, with its identity in the error', () => {
    assert.throws(() => serverOptions({ psk: { bob: '' } }), { code: 'ERR_OUT_OF_RANGE', message: /"bob"/ });
    assert.throws(() => serverOptions({ psk: { bob: 5 } }), { code: 'ERR_INVALID_ARG_TYPE', message: /"bob"/ });
    assert.throws(() => serverOptions({ psk: new Map([[5, 'secret']]) }), { code: 'ERR_INVALID_ARG_TYPE' });
    const long = { psk: { ['x'.repeat(257)]: 'secret' } };
    assert.throws(() => serverOptions(long), { code: 'ERR_OUT_OF_RANGE', message: /<= 256 bytes.*257 bytes/ });
  });
});

describe('options of a client', () => {
  test('have documented defaults', () => {
    const { native, remote, udp, socket } = clientOptions({ port: PORT, psk: 'secret', pskIdentity: 'bob' });
    assert.deepEqual(
      native,
      bare({
        psk: Buffer.from('secret'),
        pskIdentity: Buffer.from('bob'),
        rejectUnauthorized: true,
        verifyPeer: false,
        leavesName: false,
        asksForPsk: false,
        negotiation: bare({
          extendedMasterSecret: false,
          minVersion: 'DTLSv1.2',
          maxVersion: MAX_VERSION,
        }),
        omitServerCertificate: false,
        handshakeTimeoutMin: 1000,
        handshakeTimeoutMax: 60_000,
        handshakeTimeout: 120_000,
        idleTimeout: 0,
        hibernateAfter: HIBERNATE_AFTER,
        mtu: 1200,
        addressValidation: 'rrc',
        debug: 0,
      }),
    );
    assert.deepEqual(remote, { host: 'localhost', port: PORT, family: 0, lookup: undefined });
    assert.deepEqual(udp, new Bare());
    assert.equal(socket, undefined);
  });

  test('require a port', () => {
    assert.throws(() => clientOptions({}), { code: 'ERR_MISSING_OPTION', message: /options\.port/ });
    assert.equal(clientOptions({ port: '5684' }).remote.port, PORT);
    for (const port of [0, 65_536, -1, 1.5, '', 'coaps', '0x1ffff']) {
      assert.throws(() => clientOptions({ port }), { code: /ERR_OUT_OF_RANGE|ERR_INVALID_ARG_TYPE/ });
    }
  });

  test("without credentials verify against Node's root certificates, one Buffer for all clients", () => {
    const first = clientOptions({ port: PORT, host: 'example.test' }).native;
    const second = clientOptions({ port: PORT }).native;
    assert.equal(first.ca.length, 1);
    assert.equal(first.ca[0], second.ca[0]);
    assert(first.ca[0].includes(tls.rootCertificates[0]));
    assert.equal(first.servername, 'example.test');
    assert.equal(first.rejectUnauthorized, true);
  });

  test('verify against the given authorities', () => {
    const { native } = clientOptions({ port: PORT, ca: [PEM, Buffer.from(PEM)] });
    assert.deepEqual(native.ca, [Buffer.from(PEM), Buffer.from(PEM)]);
    assert.equal(native.servername, 'localhost');
  });

  test('with a pre-shared key and without an authority verify no certificate', () => {
    const { native } = clientOptions({ port: PORT, psk: 'secret', pskIdentity: 'bob' });
    assert.equal(native.ca, undefined);
    assert.equal(native.servername, undefined);
    assert.equal(clientOptions({ port: PORT, psk: 'a', pskIdentity: 'b', ca: PEM }).native.ca.length, 1);
  });

  test('may have a pskCallback in place of a pre-shared key', () => {
    const pskCallback = () => null;
    const { native, ...options } = clientOptions({ port: PORT, pskCallback });
    assert.equal(options.pskCallback, pskCallback);
    assert.equal(native.asksForPsk, true);
    assert.equal(native.ca, undefined);
    assert.equal(clientOptions({ port: PORT, pskCallback, ca: PEM }).native.ca.length, 1);
    for (const other of [{ psk: 'secret', pskIdentity: 'bob' }, { pskIdentity: 'bob' }, { PSKIdent: 'bob' }]) {
      assert.throws(() => clientOptions({ port: PORT, pskCallback, ...other }), {
        code: 'ERR_INVALID_ARG_VALUE',
        message: /"options\.pskCallback".*"options\.psk/,
      });
    }
    assert.throws(() => clientOptions({ port: PORT, pskCallback: 'secret' }), { code: 'ERR_INVALID_ARG_TYPE' });
  });

  test('pair a pre-shared key with its identity', () => {
    assert.throws(() => clientOptions({ port: PORT, psk: 'secret' }), { code: 'ERR_MISSING_OPTION' });
    assert.throws(() => clientOptions({ port: PORT, pskIdentity: 'bob' }), { code: 'ERR_MISSING_OPTION' });
    assert.throws(() => clientOptions({ port: PORT, psk: { bob: 'secret' }, pskIdentity: 'bob' }), {
      code: 'ERR_INVALID_ARG_TYPE',
    });
    assert.throws(() => clientOptions({ port: PORT, psk: 'secret', pskIdentity: 'x'.repeat(257) }), {
      code: 'ERR_OUT_OF_RANGE',
    });
  });

  test('may also have the names of node-mbed-dtls', () => {
    const { native } = clientOptions({ port: PORT, psk: 'secret', PSKIdent: 'bob', CACert: PEM });
    assert.deepEqual(native.pskIdentity, Buffer.from('bob'));
    assert.deepEqual(native.ca, [Buffer.from(PEM)]);
    assert.throws(() => clientOptions({ port: PORT, ca: PEM, CACert: PEM }), {
      code: 'ERR_INVALID_ARG_VALUE',
      message: /CACert.*options\.ca/,
    });
  });

  test('verify a name in the form that certificates hold', () => {
    const servername = (options) => clientOptions({ port: PORT, ca: PEM, ...options }).native.servername;
    assert.equal(servername({ host: 'example.test.' }), 'example.test');
    assert.equal(servername({ host: 'bücher.example' }), 'xn--bcher-kva.example');
    assert.equal(servername({ host: '127.0.0.1' }), '127.0.0.1');
    assert.equal(servername({ host: 'fe80::1%eth0' }), 'fe80::1');
    assert.equal(servername({ host: '127.0.0.1', servername: 'example.test' }), 'example.test');
    assert.throws(() => servername({ servername: '' }), { code: 'ERR_INVALID_ARG_VALUE' });
  });

  test('agree about the address family', () => {
    const family = (options) => clientOptions({ port: PORT, ...options }).remote.family;
    assert.equal(family({}), 0);
    for (const [given, expected] of [
      [0, 0],
      [4, 4],
      [6, 6],
      ['IPv4', 4],
      ['IPv6', 6],
    ]) {
      assert.equal(family({ family: given }), expected);
    }
    assert.equal(family({ type: 'udp4' }), 4);
    assert.equal(family({ localAddress: '::1' }), 6);
    for (const options of [
      { type: 'udp4', family: 6 },
      { host: '::1', family: 4 },
      { host: '::1', type: 'udp4' },
      { localAddress: '::1', family: 4 },
      { localAddress: 'localhost' },
      { family: 5 },
      { family: 'constructor' },
    ]) {
      assert.throws(() => family(options), { code: 'ERR_INVALID_ARG_VALUE' });
    }
  });

  test('accept a UDP socket that is not connected', (_, done) => {
    const udp = dgram.createSocket('udp4');
    assert.equal(clientOptions({ port: PORT, socket: udp }).socket, udp);
    assert.equal(clientOptions({ port: PORT, socket: udp }).remote.family, 4);
    assert.throws(() => clientOptions({ port: PORT, socket: {} }), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => clientOptions({ port: PORT, socket: udp, type: 'udp6' }), { code: 'ERR_INVALID_ARG_VALUE' });
    udp.connect(PORT, '127.0.0.1', () => {
      assert.throws(() => clientOptions({ port: PORT, socket: udp }), { code: 'ERR_INVALID_ARG_VALUE' });
      udp.close(done);
    });
  });
});

describe('arguments', () => {
  const listener = () => {};

  test('of listen() come in all forms', () => {
    const forms = [
      [[], { port: 0, host: undefined, callback: undefined }],
      [[listener], { port: 0, host: undefined, callback: listener }],
      [[5684], { port: PORT, host: undefined, callback: undefined }],
      [['5684', listener], { port: PORT, host: undefined, callback: listener }],
      [[5684, '::1', listener], { port: PORT, host: '::1', callback: listener }],
      [[5684, undefined, listener], { port: PORT, host: undefined, callback: listener }],
      [[{ port: 5684, address: '::1' }, listener], { port: PORT, host: '::1', callback: listener }],
      [[{ host: '::1', exclusive: true }], { port: 0, host: '::1', exclusive: true, callback: undefined }],
    ];
    for (const [args, expected] of forms) assert.deepEqual({ ...listenArguments(args) }, expected);
  });

  test('of listen() are checked', () => {
    assert.throws(() => listenArguments([65_536]), { code: 'ERR_OUT_OF_RANGE' });
    assert.throws(() => listenArguments([true]), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => listenArguments([5684, 511]), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => listenArguments([{ prot: 5684 }]), { code: 'ERR_INVALID_ARG_VALUE', message: /"port"\?/ });
  });

  test('of connect() come in all forms', () => {
    const options = { ca: PEM };
    const forms = [
      [[{ port: 5684 }], { port: PORT }, undefined],
      [[{ port: 5684 }, listener], { port: PORT }, listener],
      [[5684], { port: PORT }, undefined],
      [[5684, 'example.test', listener], { port: PORT, host: 'example.test' }, listener],
      [[5684, options, listener], { port: PORT, ca: PEM }, listener],
      [[5684, 'example.test', options, listener], { port: PORT, host: 'example.test', ca: PEM }, listener],
      [[5684, 'example.test', undefined, listener], { port: PORT, host: 'example.test' }, listener],
    ];
    for (const [args, expected, callback] of forms) {
      assert.deepEqual(connectArguments(args), { options: expected, callback });
    }
    assert.throws(() => connectArguments([]), { code: 'ERR_MISSING_OPTION' });
    assert.throws(() => connectArguments([5684, 'example.test', 5]), { code: 'ERR_INVALID_ARG_TYPE' });
  });
});
