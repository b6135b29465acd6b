'use strict';

// Options that are words, keys and certificates, and the arguments of calls: each form, and what is said to anything else.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { connectArguments, listenArguments } = require('../../lib/options/arguments');
const { elsewhere } = require('../../lib/options/elsewhere');
const { exportKey } = require('../../lib/options/export-key');
const { clientOptionNames, clientOptions, serverOptionNames, serverOptions } = require('../../lib/options/options');
const validate = require('../../lib/options/validate');
const { thrown } = require('../support/observed.js');

const PEM = '-----BEGIN SOMETHING-----\n';
const MOST = 2 ** 31 - 1;
const PSK = { psk: 'secret' };
const BOB = { port: 5684, psk: 'secret', pskIdentity: 'bob' };

const asServer = (options) => serverOptions({ ...PSK, ...options });
const asClient = (options) => clientOptions({ ...BOB, ...options });

describe('words', () => {
  test('are those that are known', () => {
    const words = {
      addressValidation: [asServer, ["'rrc'", "'rrc-basic'", "'none'"]],
      type: [asServer, ["'udp4'", "'udp6'"]],
      pskIdentityEncoding: [asServer, ["'utf8'", "'buffer'"]],
      minVersion: [asClient, ["'DTLSv1.2'", "'DTLSv1.3'"]],
      maxVersion: [asServer, ["'DTLSv1.2'", "'DTLSv1.3'"]],
    };
    for (const [name, [make, list]] of Object.entries(words)) {
      for (const word of list)
        make({
          [name]: word.slice(1, -1),
          ...(name === 'minVersion' ? { maxVersion: 'DTLSv1.3' } : { minVersion: 'DTLSv1.2' }),
        });
      assert.deepEqual(
        thrown(() => make({ [name]: 'x' })),
        ['ERR_INVALID_ARG_VALUE', `The "options.${name}" property must be one of ${list.join(', ')}. Received 'x'`],
      );
    }
    assert.equal(asServer({ addressValidation: 'none' }).native.addressValidation, 'none');
    assert.deepEqual(
      thrown(() => asClient({ family: 5 })),
      ['ERR_INVALID_ARG_VALUE', `The "options.family" property must be one of 0, 4, 6, 'IPv4', 'IPv6'`],
    );
    assert.deepEqual(
      thrown(() => asClient({ localAddress: 'x' })),
      ['ERR_INVALID_ARG_VALUE', 'The "options.localAddress" property must be an IP address'],
    );
  });

  test('of the family are numbers, or names of them', () => {
    const family = (value, more) => asClient({ family: value, ...more }).remote.family;
    const pairs = [
      [0, 0],
      [4, 4],
      [6, 6],
      ['IPv4', 4],
      ['IPv6', 6],
    ];
    for (const [given, wanted] of pairs) assert.equal(family(given), wanted);
    // What a number of 0 means is left to the other options.
    assert.equal(family(0, { localAddress: '127.0.0.1' }), 4);
    assert.equal(family(0, { type: 'udp6' }), 6);
    const disagree = (options) => thrown(() => asClient(options))[1];
    assert.equal(
      disagree({ type: 'udp4', family: 6 }),
      'The "options.family" property is 6, but the UDP socket is udp4',
    );
    assert.equal(
      disagree({ host: '::1', family: 4 }),
      'The "options.host" property is an IPv6 address, but IPv4 is asked for',
    );
    assert.equal(
      disagree({ localAddress: '::1', family: 4 }),
      'The "options.localAddress" property is an IPv6 address, but IPv4 is asked for',
    );
    const udp6 = { type: 'udp6', send() {}, on() {}, removeListener() {}, address() {} };
    // One that is given may reach both.
    assert.equal(family(undefined, { socket: udp6 }), 0);
    assert.equal(family(4, { socket: udp6 }), 4);
    assert.equal(
      disagree({ socket: udp6, type: 'udp4' }),
      'The "options.type" property is udp4, but "options.socket" is udp6',
    );
    assert.equal(asServer({ socket: udp6 }).udp.type, 'udp6');
    assert.equal(asServer({ socket: { ...udp6, type: undefined }, type: 'udp4' }).udp.type, 'udp4');
  });

  test('of suites are a list, in either form', () => {
    const suites = (ciphers) => asServer({ ciphers }).native.ciphers;
    assert.deepEqual(suites('A:B, C  D::'), ['A', 'B', 'C', 'D']);
    const list = ['A', 'B'];
    assert.deepEqual(suites(list), list);
    assert.notEqual(suites(list), list);
    assert.match(thrown(() => suites(['A', 5]))[1], /^The "options\.ciphers\[1\]" property must be of type string/);
    for (const none of ['', ' :,', []]) {
      assert.equal(thrown(() => suites(none))[1], 'The "options.ciphers" property must name at least one cipher suite');
    }
    assert.match(
      thrown(() => suites(5))[1],
      /must be of type string or an instance of Array\. Received type number \(5\)$/,
    );
  });

  test('of groups, signatures and profiles are a list, and "auto" is none', () => {
    const names = { ecdhCurve: 'curves', sigalgs: 'sigalgs', srtpProfiles: 'srtpProfiles' };
    for (const [option, where] of Object.entries(names)) {
      const read = (value) => asServer({ [option]: value, maxVersion: 'DTLSv1.2' }).native.negotiation[where];
      assert.deepEqual(read('A:B::'), ['A', 'B']);
      assert.deepEqual(read(['A']), ['A']);
      assert.equal(read('auto'), undefined);
      assert.deepEqual(read('auto:A'), ['auto', 'A']);
      assert.equal(thrown(() => read('::'))[1], `The "options.${option}" property must hold at least one name`);
      assert.match(
        thrown(() => read(['A', 5]))[1],
        new RegExp(`"options\\.${option}\\[1\\]" property must be of type string`),
      );
      assert.match(thrown(() => read(5))[1], /must be of type string or an instance of Array/);
    }
    const modes = (value) => asServer({ pskKeyExchangeModes: value }).native.negotiation.pskModes;
    assert.deepEqual(modes('psk_ke:psk_dhe_ke'), ['psk_ke', 'psk_dhe_ke']);
    assert.equal(modes('auto'), undefined);
    assert.match(
      thrown(() => modes(['psk_ke', 'x']))[1],
      /"options\.pskKeyExchangeModes\[1\]" property must be one of 'psk_dhe_ke', 'psk_ke'/,
    );
  });

  test('of protocols have 255 bytes at most, and 4096 in all', () => {
    const read = (value) => asServer({ ALPNProtocols: value }).native.negotiation.protocols?.map(String);
    assert.deepEqual(read(['a', Buffer.from('b')]), ['a', 'b']);
    assert.deepEqual(read(Buffer.from('\x01a\x02bc')), ['a', 'bc']);
    assert.deepEqual([read([]), read(Buffer.alloc(0))], [undefined, undefined]);
    const long = 'x'.repeat(255);
    assert.deepEqual(read([long]), [long]);
    assert.equal(read(Array(16).fill(long)).length, 16);
    const message = (value) => thrown(() => read(value))[1].replace(/^The "options\.ALPNProtocols" property /, '');
    assert.equal(message([...Array(16).fill(long), 'x']), 'must not have more than 4096 bytes in all');
    assert.equal(message([`${long}x`]), 'must hold names of 1 to 255 bytes. Received one of 256');
    assert.equal(message(['']), 'must hold names of 1 to 255 bytes. Received one of 0');
    assert.equal(message(['a\0']), 'must not hold a name with a zero byte');
    assert.equal(message(Buffer.from('\x02a')), 'ends within a name');
    assert.equal(message('a'), "must be an instance of Array, Buffer or Uint8Array. Received type string ('a')");
    assert.equal(message(5), 'must be an instance of Array, Buffer or Uint8Array. Received type number (5)');
    assert.match(
      thrown(() => read([5]))[1],
      /"options\.ALPNProtocols\[0\]" property must be of type string or an instance of Buffer or Uint8Array/,
    );
    const both = { ALPNProtocols: ['a'], ALPNCallback() {} };
    assert.equal(thrown(() => asServer(both))[0], 'ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS');
  });

  test('of fragments are four lengths', () => {
    for (const make of [asServer, asClient]) {
      for (const maxFragmentLength of [512, 1024, 2048, 4096]) {
        assert.equal(make({ maxFragmentLength }).native.negotiation.maxFragmentLength, maxFragmentLength);
      }
      assert.equal(
        thrown(() => make({ maxFragmentLength: 513 }))[1],
        'The "options.maxFragmentLength" property must be one of 512, 1024, 2048, 4096. Received 513',
      );
      assert.equal(thrown(() => make({ maxFragmentLength: '512' }))[0], 'ERR_INVALID_ARG_TYPE');
    }
  });

  test('of versions are in their order, and options of the older one imply it', () => {
    const versions = (options) => {
      const { minVersion, maxVersion } = asServer(options).native.negotiation;
      return [minVersion, maxVersion];
    };
    const [older, newer] = ['DTLSv1.2', 'DTLSv1.3'];
    assert.deepEqual(versions({ minVersion: newer, maxVersion: newer }), [newer, newer]);
    assert.deepEqual(versions({ maxFragmentLength: 512 }), [older, older]);
    assert.deepEqual(versions({ srtpProfiles: 'X' }), [older, older]);
    assert.deepEqual(versions({ srtpProfiles: 'X', maxVersion: newer }), [older, newer]);
    assert.deepEqual(versions({ srtpProfiles: 'X', minVersion: older }), [older, older]);
    assert.deepEqual(
      thrown(() => asServer({ minVersion: newer, maxVersion: older })),
      [
        'ERR_INVALID_ARG_VALUE',
        `The "options.minVersion" property must not be newer than "options.maxVersion", which is 'DTLSv1.2'`,
      ],
    );
    for (const [name, value] of [
      ['maxFragmentLength', 512],
      ['srtpProfiles', 'X'],
    ]) {
      assert.equal(
        thrown(() => asServer({ minVersion: newer, maxVersion: newer, [name]: value }))[1],
        `The "options.${name}" property is of DTLS 1.2 alone, which "options.minVersion" leaves out`,
      );
    }
    const named = (options) => asServer(options).namesVersion;
    assert.deepEqual([named({}), named({ maxVersion: newer }), named({ minVersion: older })], [false, true, false]);
    assert.equal(named({ minVersion: newer, maxVersion: newer }), true);
  });
});

describe('credentials', () => {
  test('of a server have one source of keys', () => {
    const callback = () => null;
    assert.deepEqual(
      { ...serverOptions({ pskCallback: callback }).psk },
      { callback, withSocket: true, encoding: 'utf8' },
    );
    assert.deepEqual(
      { ...serverOptions({ identityPskCallback: callback, pskIdentityEncoding: 'buffer' }).psk },
      { callback, withSocket: false, encoding: 'buffer' },
    );
    assert.equal(serverOptions({ key: PEM }).psk, null);
    assert.deepEqual(
      thrown(() => serverOptions({ pskCallback: callback, identityPskCallback: callback })),
      [
        'ERR_INVALID_ARG_VALUE',
        'The "options.identityPskCallback" property cannot be used together with "options.pskCallback"',
      ],
    );
    assert.equal(
      thrown(() => serverOptions({}))[1],
      '"options.psk", "options.pskCallback", "options.key" or "options.pfx" is required: a server needs something to prove itself with',
    );
    assert.equal(
      thrown(() => serverOptions({ key: PEM, pskIdentityHint: 'x' }))[1],
      '"options.psk" or "options.pskCallback" is required: "options.pskIdentityHint" helps to choose a key',
    );
  });

  test('of a client are a key and its identity, or what answers both', () => {
    const message = (options) => thrown(() => clientOptions({ port: 1, ...options }))[1];
    assert.equal(message({ psk: 'x' }), '"options.pskIdentity" is required: the server finds the key by it');
    assert.equal(message({ pskIdentity: 'x' }), '"options.psk" is required: "options.pskIdentity" names a key');
    const pskCallback = () => null;
    const both = (name) => `The "options.pskCallback" property cannot be used together with "options.${name}"`;
    assert.equal(message({ pskCallback, psk: 'x' }), both('psk'));
    assert.equal(message({ pskCallback, pskIdentity: 'x' }), both('pskIdentity'));
    const empty = { psk: 'x', pskIdentity: '' };
    assert.equal(clientOptions({ port: 1, ...empty }).native.pskIdentity.length, 0);
    assert.equal(
      message({ ...empty, minVersion: 'DTLSv1.3', maxVersion: 'DTLSv1.3' }),
      'The value of "options.pskIdentity.length" is out of range. It must be >= 1 byte in DTLS 1.3. Received 0 bytes',
    );
    assert.equal(
      message({ psk: 'x', pskIdentity: 'a', PSKIdent: 'b' }),
      'The "options.PSKIdent" property is another name of "options.pskIdentity": give one of them',
    );
    assert.deepEqual(
      thrown(() => clientOptions({})),
      ['ERR_MISSING_OPTION', '"options.port" is required'],
    );
  });

  test('have lengths', () => {
    const range = (name, least, most, length) =>
      `The value of "${name}.length" is out of range. It must be >= ${least} && <= ${most} bytes. Received ${length} bytes`;
    const message = (options) => thrown(() => asClient(options))[1];
    assert.equal(message({ psk: Buffer.alloc(65) }), range('options.psk', 1, 64, 65));
    assert.equal(message({ psk: '' }), range('options.psk', 1, 64, 0));
    assert.equal(message({ pskIdentity: Buffer.alloc(257) }), range('options.pskIdentity', 0, 256, 257));
    assert.equal(asClient({ pskIdentity: Buffer.alloc(256) }).native.pskIdentity.length, 256);
    const hint = (value) => asServer({ pskIdentityHint: value });
    assert.equal(thrown(() => hint(Buffer.alloc(129)))[1], range('options.pskIdentityHint', 1, 128, 129));
    assert.equal(
      thrown(() => hint(5))[1],
      'The "options.pskIdentityHint" property must be of type string or an instance of Buffer, TypedArray or DataView. Received type number (5)',
    );
    assert.equal(
      thrown(() => asServer({ psk: new Map([['é', 5]]) }))[1],
      'The "options.psk["é"]" property must be of type string or an instance of Buffer, TypedArray or DataView. Received type number',
    );
    assert.match(
      thrown(() => asServer({ psk: new Map([[5, 'x']]) }))[1],
      /^The "options\.psk's identity" property must be of type string/,
    );
  });

  test('are told apart from names of files', () => {
    const message = (options) => thrown(() => serverOptions({ ...PSK, ...options }))[1];
    assert.equal(
      message({ key: PEM, cert: 'server.crt' }),
      'The "options.cert" property is a string but not PEM text: read the file with fs.readFileSync(), for only keys may be names of files',
    );
    assert.equal(
      message({ key: 'no such file' }),
      "The option 'key' is not PEM text and does not name a file that can be read (ENOENT)",
    );
    assert.equal(message({ key: PEM, ca: [] }), 'The "options.ca" property must not be an empty array');
    assert.match(
      message({ key: PEM, ca: [PEM, 5] }),
      /^The "options\.ca\[1\]" property must be of type string or an instance of Buffer or Uint8Array\. Received type number \(5\)$/,
    );
    assert.match(message({ key: 5 }), /Received type number$/);
    assert.match(
      message({ passphrase: 5, key: PEM }),
      /"options\.passphrase" property must be of type string\. Received type number$/,
    );
    assert.equal(
      message({ cert: PEM }),
      '"options.key" is required: "options.cert" is of no use without its private key',
    );
  });

  test('of several kinds are lists', () => {
    const one = serverOptions({ key: [PEM], cert: PEM });
    assert.deepEqual([one.native.key, one.native.otherKeys], [Buffer.from(PEM), undefined]);
    const two = serverOptions({ key: [{ pem: PEM }, `${PEM}x`], cert: [PEM, PEM] });
    assert.deepEqual([two.native.key, two.native.otherKeys], [Buffer.from(PEM), [Buffer.from(`${PEM}x`)]]);
    const message = (options) => thrown(() => serverOptions(options))[1];
    assert.equal(message({ key: [] }), 'The "options.key" property must not be an empty array');
    assert.equal(
      message({ key: [PEM, PEM], cert: PEM }),
      'The "options.cert" property must have one chain for each of the 2 keys',
    );
    assert.match(message({ key: [PEM, { pem: 5 }] }), /^The "options\.key\[1\]\.pem" property/);
    assert.match(message({ key: [5] }), /^The "options\.key\[0\]" property/);
    assert.match(
      message({ key: [{ pem: PEM, passphrase: 5 }] }),
      /^The "options\.key\[0\]\.passphrase" property must be of type string\. Received type number$/,
    );
    assert.equal(message({ pfx: [] }), 'The "options.pfx" property must not be an empty array');
    assert.equal(
      message({ pfx: '?' }),
      'The "options.pfx" property is a string but not base64; the bytes of a file go into a Buffer',
    );
    assert.match(
      message({ pfx: [5] }),
      /^The "options\.pfx\[0\]" property must be of type string or an instance of Buffer, Uint8Array or Array\. Received type number$/,
    );
    assert.match(message({ pfx: [{ buf: 5 }] }), /^The "options\.pfx\[0\]\.buf" property/);
    assert.match(
      message({ pfx: [{ buf: 'AAAA', passphrase: 5 }] }),
      /^The "options\.pfx\[0\]\.passphrase" property must be of type string/,
    );
    for (const name of ['key', 'cert']) {
      assert.equal(
        message({ pfx: 'AAAA', [name]: PEM }),
        `The "options.pfx" property cannot be used together with "options.${name}"`,
      );
    }
    const client = { port: 1, pfx: ['AAAA', 'AAAA'] };
    assert.equal(
      thrown(() => clientOptions(client))[1],
      'The "options.pfx" property must hold exactly one entry, because a client has one key',
    );
  });

  test('say whom a server accepts', () => {
    const message = (options) => thrown(() => serverOptions(options))[1];
    assert.equal(
      message({ key: PEM, peerPublicKey: PEM, requestCert: false }),
      'The "options.requestCert" property must not be false beside "options.peerPublicKey"',
    );
    assert.equal(
      message({ key: PEM, verifyPeer() {}, requestCert: false }),
      'The "options.requestCert" property must not be false beside "options.verifyPeer"',
    );
    assert.equal(
      message({ ...PSK, ca: PEM }),
      '"options.key" is required: a server that asks for certificates or public keys shows its own first',
    );
    assert.equal(
      message({ key: PEM, requestCert: true }),
      '"options.ca", "options.peerPublicKey" or "options.verifyPeer" is required: something has to decide about what ' +
        '"options.requestCert" asks for; "rejectUnauthorized: false" accepts all clients',
    );
    assert.equal(
      message({ key: PEM, peerPublicKey: [] }),
      'The "options.peerPublicKey" property must not be an empty array without "options.verifyPeer"',
    );
  });

  test('say which name a client verifies', () => {
    const name = (options) => clientOptions({ port: 1, ...options }).native.servername;
    assert.equal(name({}), 'localhost');
    assert.equal(name({ host: 'x', servername: 'y.' }), 'y');
    assert.equal(name({ psk: 'a', pskIdentity: 'b', host: 'x' }), undefined);
    assert.equal(name({ psk: 'a', pskIdentity: 'b', servername: 'x' }), 'x');
    assert.equal(
      thrown(() => name({ servername: '' }))[1],
      'The "options.servername" property must be a DNS name or an IP address',
    );
  });
});

describe('an option that is unknown', () => {
  const message = (name) => thrown(() => asServer({ [name]: 1 }))[1].replace(`The "options.${name}" property `, '');

  test('is named with the nearest one that is known', () => {
    const unknown = 'is not a known option';
    assert.equal(message('mtx'), `${unknown}, did you mean "mtu"?`);
    assert.equal(message('MTU'), `${unknown}, did you mean "mtu"?`);
    assert.equal(message('pskk'), `${unknown}, did you mean "psk"?`);
    assert.equal(message('handshaketimeoutmax'), `${unknown}, did you mean "handshakeTimeoutMax"?`);
    assert.equal(message('maxConnection'), `${unknown}, did you mean "maxConnections"?`);
    assert.equal(message('handshakeThreadCounter'), `${unknown}, did you mean "handshakeThreads"?`);
    assert.equal(message('handshakeThreadsxxxxxxxxxx'), unknown);
    assert.equal(message('xyzabc'), unknown);
  });

  test('has something else in its place, where that is known', () => {
    for (const name of [
      'secureProtocol',
      'dhparam',
      'path',
      'timeout',
      'keepAlive',
      'noDelay',
      'requestOCSP',
      'isServer',
    ]) {
      assert.equal(message(name), `is not an option here: ${elsewhere(name)}`);
    }
    assert.equal(elsewhere('mtx'), null);
    assert.equal(elsewhere('constructor'), null);
    assert(serverOptionNames.includes('maxConnections') && clientOptionNames.includes('checkServerIdentity'));
  });
});

describe('arguments', () => {
  const of = (read, ...args) => ({ ...read(args) });

  test('of listen() have each option once, and a path and a key for a handover', {
    skip: process.platform === 'win32',
  }, () => {
    const key = Buffer.alloc(32, 1);
    const signal = new AbortController().signal;
    const all = { port: 1, host: 'h', fd: 0, exclusive: true, ipv6Only: false, handover: { path: 'p', key }, signal };
    assert.deepEqual(of(listenArguments, all), { ...all, callback: undefined });
    assert.deepEqual(of(listenArguments, { address: 'a' }).host, 'a');
    assert.deepEqual(of(listenArguments, { address: 'a', host: 'h' }).host, 'h');
    assert.deepEqual(of(listenArguments, null, null), { port: 0, host: undefined, callback: undefined });
    const message = (...args) => thrown(() => listenArguments(args))[1];
    assert.equal(message({ handover: { key } }), '"options.handover.path" is required');
    assert.equal(message({ handover: { path: 'p' } }), '"options.handover.key" is required');
    assert.equal(
      message({ handover: { path: 'p', key: key.subarray(1) } }),
      'The "options.handover.key" property must have at least 32 bytes',
    );
    assert.match(message({ fd: -1 }), /"options\.fd" is out of range\. It must be >= 0 && <= 2147483647/);
    assert.match(message({ fd: 2 ** 31 }), /"options\.fd" is out of range/);
    assert.equal(of(listenArguments, { fd: MOST }).fd, MOST);
    assert.match(message(1, 2), /^The "host" argument must be of type string/);
    assert.match(message(-1), /"port" is out of range\. It must be >= 0/);
  });

  test('of connect() count more than its options', () => {
    const options = (...args) => connectArguments(args).options;
    assert.deepEqual(options(1, 'h', { port: 2, host: 'i', x: 1 }), { port: 1, host: 'h', x: 1 });
    assert.deepEqual(options(1, null, { host: 'i' }), { port: 1, host: 'i' });
    assert.deepEqual(options(1, undefined, undefined), { port: 1 });
    assert.deepEqual(options(1, { host: 'i' }), { port: 1, host: 'i' });
    assert.equal(options(null), null);
    const message = (...args) => thrown(() => connectArguments(args))[1];
    assert.equal(message(), '"options" or "port" is required');
    assert.equal(
      message(() => {}),
      '"options" or "port" is required',
    );
    assert.match(message(0), /"port" is out of range\. It must be >= 1/);
    assert.match(message(1, 'h', null), /^The "options" argument must be of type object\. Received null$/);
    assert.match(message(1, 5), /^The "options" argument must be of type object\. Received type number \(5\)$/);
    assert.deepEqual(connectArguments([1, assert.ok, undefined]), { options: { port: 1 }, callback: assert.ok });
  });

  test('that are keys of exports are copies of 32 bytes at least', () => {
    const { createSecretKey } = require('node:crypto');
    const key = Buffer.alloc(32, 1);
    const copy = exportKey(key, 'key');
    assert.deepEqual(copy, key);
    assert.notEqual(copy.buffer, key.buffer);
    assert.deepEqual(exportKey(createSecretKey(key), 'key'), key);
    const message = (value) => thrown(() => exportKey(value, 'key'))[1];
    assert.equal(
      message('secret'),
      'The "key" argument must be an instance of Buffer, Uint8Array or KeyObject. Received type string',
    );
    assert.equal(message(key.subarray(1)), 'The "key" argument must have at least 32 bytes');
  });

  test('that are messages are whole, or the part that is named', () => {
    const bytes = Buffer.from('hello');
    const part = (...args) => validate.datagram(...args).toString();
    assert.equal(part('hello'), 'hello');
    assert.equal(validate.datagram(bytes), bytes);
    assert.deepEqual(
      [part(bytes, 1), part(bytes, undefined, 2), part(bytes, 1, 3), part(bytes, 5, 0)],
      ['ello', 'he', 'ell', ''],
    );
    assert.match(thrown(() => part(bytes, 6))[1], /"offset" is out of range\. It must be >= 0 && <= 5\. Received 6/);
    assert.match(thrown(() => part(bytes, 2, 4))[1], /"length" is out of range\. It must be >= 0 && <= 3\. Received 4/);
    assert.equal(
      thrown(() => part(5))[1],
      'The "message" argument must be of type string or an instance of Buffer or Uint8Array. Received type number',
    );
  });
});
