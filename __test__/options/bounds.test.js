'use strict';

// Every option: the least and the most that it takes, what it says to anything else, and where its value goes.

const assert = require('node:assert/strict');
const net = require('node:net');
const { describe, test } = require('node:test');
const { clientOptions, serverOptions } = require('../../lib/options/options');
const validate = require('../../lib/options/validate');
const { thrown } = require('../support/observed.js');

const PEM = '-----BEGIN SOMETHING-----\n';
const MOST = 2 ** 31 - 1;
const PSK = { psk: 'secret' };
const BOB = { port: 5684, psk: 'secret', pskIdentity: 'bob' };

const asServer = (options) => serverOptions({ ...PSK, ...options });
const asClient = (options) => clientOptions({ ...BOB, ...options });

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
