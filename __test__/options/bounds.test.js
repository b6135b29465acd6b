'use strict';

// Every option: the least and the most that it takes, what it says to anything else, and where its value goes.

const assert = require('node:assert/strict');
const net = require('node:net');
const { describe, test } = require('node:test');

const { connectArguments, listenArguments } = require('../../lib/options/arguments');
const { elsewhere } = require('../../lib/options/elsewhere');
const { exportKey } = require('../../lib/options/export-key');
const { clientOptionNames, clientOptions, serverOptionNames, serverOptions } = require('../../lib/options/options');
const validate = require('../../lib/options/validate');

const PEM = '-----BEGIN SOMETHING-----\n';
const MOST = 2 ** 31 - 1;
const PSK = { psk: 'secret' };
const BOB = { port: 5684, psk: 'secret', pskIdentity: 'bob' };

const asServer = (options) => serverOptions({ ...PSK, ...options });
const asClient = (options) => clientOptions({ ...BOB, ...options });

function thrown(act) {
  try {
    act();
  } catch ({ code, message }) {
    return [code, message];
  }
  return assert.fail('nothing was thrown');
}

/** Name, least, most, where it goes: in the addon's options, in the UDP socket's, or in our own. Of both sides. */
const NUMBERS = [
  ['handshakeTimeoutMin', 1, MOST, 'native'],
  ['handshakeTimeout', 1, MOST, 'native'],
  ['idleTimeout', 0, MOST, 'native'],
  ['hibernateAfter', 0, MOST, 'native'],
  ['handshakeThreads', 0, 64, 'own'],
  ['mtu', 256, 65_507, 'native'],
  ['connectionId', 0, 32, 'native'],
  ['receiveQueueLimit', 0, MOST, 'own'],
  ['recvBufferSize', 1, MOST, 'udp'],
  ['sendBufferSize', 1, MOST, 'udp'],
];
const SERVER_NUMBERS = [
  ['maxHandshakes', 1, MOST, 'native'],
  ['maxHandshakesPerAddress', 1, MOST, 'native'],
  ['stalledHandshakeTimeout', 1, MOST, 'native'],
  ['maxConnections', 1, MOST, 'native'],
  ['maxConnectionsPerAddress', 1, MOST, 'native'],
  ['maxAddressQuestions', 1, MOST, 'native'],
  ['addressQuestionsPerSecond', 1, 1e9, 'native'],
  ['sessionTimeout', 0, 604_800, null],
  ['maxSessions', 0, MOST, null],
];

describe('a number', () => {
  const cases = [
    ...NUMBERS.flatMap((row) => [
      ['server', asServer, ...row],
      ['client', asClient, ...row],
    ]),
    ...SERVER_NUMBERS.map((row) => ['server', asServer, ...row]),
  ];
  for (const [side, make, name, least, most, place] of cases) {
    test(`${name} of a ${side} is from ${least} to ${most}`, () => {
      for (const value of [least, most]) {
        const made = make({ [name]: value });
        if (place !== null) assert.equal((place === 'own' ? made : made[place])[name], value);
      }
      for (const value of [least - 1, most + 1]) {
        assert.deepEqual(
          thrown(() => make({ [name]: value })),
          [
            'ERR_OUT_OF_RANGE',
            `The value of "options.${name}" is out of range. It must be >= ${least} && <= ${most}. Received ${value}`,
          ],
        );
      }
      assert.deepEqual(
        thrown(() => make({ [name]: least + 0.5 })),
        [
          'ERR_OUT_OF_RANGE',
          `The value of "options.${name}" is out of range. It must be an integer. Received ${least + 0.5}`,
        ],
      );
      assert.deepEqual(
        thrown(() => make({ [name]: true })),
        ['ERR_INVALID_ARG_TYPE', `The "options.${name}" property must be of type number. Received type boolean (true)`],
      );
    });
  }

  test('handshakeTimeoutMax is not less than handshakeTimeoutMin, which raises it otherwise', () => {
    const most = (make, options) => make(options).native.handshakeTimeoutMax;
    for (const [make, min] of [
      [asServer, 3000],
      [asClient, 1000],
    ]) {
      assert.deepEqual(
        [{ handshakeTimeoutMax: min }, { handshakeTimeoutMax: MOST }].map((one) => most(make, one)),
        [min, MOST],
      );
      assert.equal(most(make, { handshakeTimeoutMin: 60_001 }), 60_001);
      assert.equal(most(make, { handshakeTimeoutMin: 59_999 }), 60_000);
      assert.deepEqual(
        thrown(() => make({ handshakeTimeoutMax: min - 1 })),
        [
          'ERR_OUT_OF_RANGE',
          `The value of "options.handshakeTimeoutMax" is out of range. It must be >= ${min} (options.handshakeTimeoutMin). Received ${min - 1}`,
        ],
      );
      assert.equal(thrown(() => make({ handshakeTimeoutMax: 0 }))[1].includes('>= 1 && <= 2147483647'), true);
    }
  });

  test('debug is from 0 to 4, and says what more means with "compat"; enableTrace shows messages', () => {
    for (const make of [asServer, asClient]) {
      assert.deepEqual(
        [0, 4].map((debug) => make({ debug }).native.debug),
        [0, 4],
      );
      assert.match(
        thrown(() => make({ debug: 5 }))[1],
        />= 0 && <= 4 \(with "options\.compat", more counts as 4\)\. Received 5$/,
      );
      assert.match(thrown(() => make({ debug: -1 }))[1], />= 0 && <= 4\. Received -1$/);
      assert.equal(thrown(() => make({ debug: true }))[0], 'ERR_INVALID_ARG_TYPE');
      assert.deepEqual(
        [true, false].map((enableTrace) => make({ enableTrace }).native.debug),
        [3, 0],
      );
      assert.equal(make({ enableTrace: true, debug: 1 }).native.debug, 1);
    }
  });

  test('of never is no number for the addon', () => {
    assert.equal('hibernateAfter' in asServer({ hibernateAfter: Infinity }).native, false);
    assert.equal('hibernateAfter' in asClient({ hibernateAfter: Infinity }).native, false);
    assert.equal('maxConnectionsPerAddress' in asServer({ maxConnectionsPerAddress: Infinity }).native, false);
    assert.equal('maxConnectionsPerAddress' in asServer({}).native, false);
    assert.equal(thrown(() => asServer({ hibernateAfter: -Infinity }))[0], 'ERR_OUT_OF_RANGE');
  });

  test('nodeId is from 0 to 255, beside connection IDs of at least two bytes', () => {
    for (const nodeId of [0, 255]) {
      const { native, nodeId: own, connectionId } = asServer({ nodeId, connectionId: 2 });
      assert.deepEqual([native.nodeId, own, connectionId, native.connectionId], [nodeId, nodeId, 2, 2]);
    }
    for (const nodeId of [-1, 256]) {
      assert.match(thrown(() => asServer({ nodeId, connectionId: 2 }))[1], />= 0 && <= 255\. Received/);
    }
    assert.deepEqual(
      thrown(() => asServer({ nodeId: 0 })),
      ['ERR_MISSING_OPTION', '"options.connectionId" is required: its first byte is "options.nodeId"'],
    );
    assert.deepEqual(
      thrown(() => asServer({ nodeId: 0, connectionId: 1 })),
      [
        'ERR_OUT_OF_RANGE',
        'The value of "options.connectionId" is out of range. It must be >= 2 && <= 32 with "options.nodeId". Received 1',
      ],
    );
  });

  test('of a port is a whole one, and may be written in digits', () => {
    const read = (min) => (value) => validate.port(min)(value, 'port');
    assert.deepEqual([1, 65_535, '5684', ' 7 '].map(read(1)), [1, 65_535, 5684, 7]);
    assert.deepEqual([0, '0'].map(read(0)), [0, 0]);
    for (const [min, value, received] of [
      [1, 0, '0'],
      [0, -1, '-1'],
      [0, 65_536, '65536'],
      [0, 1.5, '1.5'],
      [0, 'x', "'x'"],
    ]) {
      assert.deepEqual(
        thrown(() => read(min)(value)),
        [
          'ERR_OUT_OF_RANGE',
          `The value of "port" is out of range. It must be >= ${min} && <= 65535. Received ${received}`,
        ],
      );
    }
    for (const value of [' ', '', true, null]) {
      const [code, message] = thrown(() => read(0)(value));
      assert.equal(code, 'ERR_INVALID_ARG_TYPE');
      assert.match(message, /must be of type number or a numeric string/);
    }
  });
});

/** Name, and a value that it takes, and where that goes. */
const BOOLEANS = {
  shared: {
    rejectUnauthorized: 'native',
    omitServerCertificate: 'native',
    reuseAddr: 'udp',
    reusePort: 'udp',
    sendClose: 'own',
  },
  server: { evictIdleConnections: 'native', replaceByIdentity: 'own', ipv6Only: 'udp' },
};

describe('a switch', () => {
  const cases = [
    ...Object.entries(BOOLEANS.shared).flatMap(([name, place]) => [
      [asServer, name, place],
      [asClient, name, place],
    ]),
    ...Object.entries(BOOLEANS.server).map(([name, place]) => [asServer, name, place]),
  ];
  test('is on or off, and nothing else', () => {
    for (const [make, name, place] of cases) {
      for (const value of [true, false]) {
        const made = make({ [name]: value });
        assert.equal((place === 'own' ? made : made[place])[name], value, name);
      }
      for (const value of [0, 'no', null]) {
        const [code, message] = thrown(() => make({ [name]: value }));
        assert.equal(code, 'ERR_INVALID_ARG_TYPE');
        assert(message.startsWith(`The "options.${name}" property must be of type boolean. Received `), message);
      }
    }
    for (const name of [
      'requestCert',
      'nameAuthorities',
      'honorCipherOrder',
      'pskSessions',
      'requireExtendedMasterSecret',
      'enableTrace',
    ]) {
      assert.equal(thrown(() => asServer({ [name]: 0 }))[0], 'ERR_INVALID_ARG_TYPE', name);
    }
  });

  test('of what is negotiated has its own form for the addon', () => {
    const negotiated = (options) => asServer(options).native.negotiation;
    assert.equal(negotiated({ honorCipherOrder: true }).clientPreference, false);
    assert.equal(negotiated({ honorCipherOrder: false }).clientPreference, true);
    assert.equal('clientPreference' in negotiated({}), false);
    assert.equal(negotiated({ requireExtendedMasterSecret: true }).extendedMasterSecret, true);
    assert.equal(negotiated({ maxFragmentLength: 512 }).maxFragmentLength, 512);
  });
});

describe('functions and objects', () => {
  const nothing = () => {};

  test('are handed on as they are', () => {
    const blockList = new net.BlockList();
    const signal = new AbortController().signal;
    const server = asServer({
      lookup: nothing,
      blockList,
      SNICallback: nothing,
      ALPNCallback: nothing,
      verifyPeer: undefined,
    });
    assert.deepEqual([server.lookup, server.blockList], [nothing, blockList]);
    assert.deepEqual({ ...server.byHello }, { SNICallback: nothing, ALPNCallback: nothing });
    const client = asClient({ lookup: nothing, blockList, signal, localPort: 7, localAddress: '127.0.0.1' });
    assert.deepEqual([client.remote.lookup, client.blockList, client.signal], [nothing, blockList, signal]);
    assert.deepEqual([client.udp.localPort, client.udp.localAddress], [7, '127.0.0.1']);
    const rules = { verifyPeer: nothing, checkServerIdentity: nothing, servername: 'host' };
    const verifying = clientOptions({ port: 1, host: 'x', ...rules });
    assert.deepEqual({ ...verifying.rules }, { ...rules, rejectUnauthorized: true });
    assert.deepEqual([verifying.native.verifyPeer, verifying.native.leavesName], [true, true]);
    const only = clientOptions({ port: 1, verifyPeer: nothing }).native;
    assert.deepEqual([only.verifyPeer, only.leavesName], [true, false]);
    assert.equal(serverOptions({ key: PEM, verifyPeer: nothing }).native.verifyPeer, true);
    assert.equal(serverOptions({ key: PEM, verifyPeer: nothing }).verifyPeer, nothing);
  });

  test('of another kind are refused', () => {
    for (const [make, names] of [
      [serverOptions, ['verifyPeer', 'lookup', 'pskCallback', 'identityPskCallback', 'SNICallback', 'ALPNCallback']],
      [clientOptions, ['verifyPeer', 'lookup', 'pskCallback', 'checkServerIdentity']],
    ]) {
      for (const name of names) {
        assert.deepEqual(
          thrown(() => make({ [name]: 'x' })),
          [
            'ERR_INVALID_ARG_TYPE',
            `The "options.${name}" property must be of type function. Received type string ('x')`,
          ],
        );
      }
    }
    const one = (name, value) => thrown(() => asServer({ [name]: value }))[1].split(' must be ')[1];
    assert.equal(one('blockList', {}), 'an instance of net.BlockList. Received an instance of Object');
    assert.equal(one('blockList', null), 'an instance of net.BlockList. Received null');
    for (const value of [{}, null, { addEventListener() {} }, { aborted: false }]) {
      assert.match(thrown(() => asClient({ signal: value }))[1], /must be an instance of AbortSignal/);
    }
    const udp = { send() {}, on() {}, removeListener() {}, address() {} };
    for (const name of Object.keys(udp)) {
      const without = { ...udp, [name]: undefined };
      assert.equal(one('socket', without), 'an instance of dgram.Socket. Received an instance of Object', name);
    }
    assert.equal(one('socket', null), 'an instance of dgram.Socket. Received null');
    assert.equal(asServer({ socket: udp }).socket, udp);
    assert.equal(one('connectionStore', {}), 'what createRedisStore() has returned. Received an instance of Object');
    assert.match(
      thrown(() => asServer({ compat: 'x' }))[1],
      /is for createServer\(\) and connect\(\), which choose the classes$/,
    );
    for (const method of ['get', 'set', 'delete']) {
      const store = { get() {}, set() {}, delete() {}, [method]: 5 };
      assert.equal(
        one('sessionStore', store),
        'an object with the functions get, set and delete. Received an instance of Object',
      );
    }
    assert.equal(one('sessionStore', null), 'an object with the functions get, set and delete. Received null');
  });
});

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

describe('what is remembered of handshakes', () => {
  const remembered = (options) => asServer(options);
  const keys = (count) => Buffer.alloc(48 * count, 7);

  test('is for the addon, unless it is for nobody', () => {
    assert.deepEqual(
      { ...remembered({ sessionTimeout: 5, maxSessions: 6, pskSessions: true, ticketKeys: keys(1) }).native.sessions },
      {
        lifetime: 5,
        psk: true,
        tickets: true,
        ticketKeys: keys(1),
        kept: 6,
      },
    );
    const store = new Map();
    const { native, sessions } = remembered({ sessionStore: store, sessionTimeout: 5 });
    assert.deepEqual({ ...native.sessions }, { lifetime: 5, psk: false, tickets: false });
    assert.deepEqual({ ...sessions }, { sessionStore: store, sessionTimeout: 5 });
    const none = remembered({ sessionStore: store, sessionTimeout: 0 });
    assert.deepEqual([none.native.sessions, { ...none.sessions }], [undefined, {}]);
  });

  test('has 1 to 16 keys of tickets', () => {
    for (const count of [1, 16])
      assert.deepEqual(remembered({ ticketKeys: keys(count) }).native.sessions.ticketKeys, keys(count));
    const message = (bytes) => thrown(() => remembered({ ticketKeys: bytes }));
    for (const bytes of [keys(0), keys(17), keys(1).subarray(1)]) {
      assert.deepEqual(message(bytes), [
        'ERR_INVALID_ARG_VALUE',
        `The "options.ticketKeys" property must have 48 bytes for each of 1 to 16 keys. Received ${bytes.length} bytes`,
      ]);
    }
    assert.deepEqual(message('secret'), [
      'ERR_INVALID_ARG_TYPE',
      'The "options.ticketKeys" property must be an instance of Buffer, TypedArray, or DataView. Received type string',
    ]);
    assert.deepEqual(asClient({ session: new Uint8Array([1]) }).native.session, Buffer.from([1]));
    assert.equal(thrown(() => asClient({ session: 'secret' }))[0], 'ERR_INVALID_ARG_TYPE');
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
