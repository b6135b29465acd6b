'use strict';

// What the adapters refuse and in which words, and what they make of datagrams and options: made-up servers and sockets, no handshakes.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { EventEmitter } = require('node:events');
const { describe, mock, test } = require('node:test');

const { createDgramSocket } = require('../..');
const { Wire } = require('../../lib/adapters/dgram-wire');
const { dtls } = require('../../lib/adapters/node-dtls-client');
const { MALFORMED_HELLO_REQUEST, PING, hearPlaintext, sendDatagram } = require('../../lib/adapters/plaintext');
const { PROFILES } = require('../../lib/adapters/profiles');

const KEYS = { psk: { bob: 'secret of bob' } };
const BOB = { psk: 'secret of bob', pskIdentity: 'bob' };

function thrown(act) {
  try {
    act();
  } catch (error) {
    return [error?.code, error?.message ?? error];
  }
  return assert.fail('nothing was thrown');
}

describe('a datagram socket', () => {
  const made = (t, options) => {
    const socket = createDgramSocket(options);
    t.after(() => {
      try {
        socket.close();
      } catch {
        // The test has closed it.
      }
    });
    return socket;
  };
  const refused = (options) => thrown(() => createDgramSocket(options));
  const notThere = (name) => [
    'ERR_INVALID_ARG_VALUE',
    `The "${name}" property is not an option of createDgramSocket() there`,
  ];

  test('has options in the place where they belong', () => {
    const noObject = 'The "options" argument must be of type object. Received ';
    assert.deepEqual(refused(null), ['ERR_INVALID_ARG_TYPE', `${noObject}null`]);
    assert.deepEqual(refused('x'), ['ERR_INVALID_ARG_TYPE', `${noObject}type string ('x')`]);
    const nothing = [
      'ERR_MISSING_OPTION',
      '"options.client" or an option of createServer() is required: a socket opens or accepts connections',
    ];
    for (const options of [{}, { type: 'udp6' }, { client: undefined, psk: undefined }])
      assert.deepEqual(refused(options), nothing);
    for (const client of [null, 5]) {
      assert.match(refused({ client })[1], /^The "options\.client" property must be of type object\. Received/);
    }
    for (const name of ['socket', 'host', 'port', 'compat']) {
      assert.deepEqual(refused({ ...KEYS, [name]: 1 }), notThere(`options.${name}`));
      assert.deepEqual(refused({ client: { ...BOB, [name]: 1 } }), notThere(`options.client.${name}`));
    }
    for (const name of [
      'family',
      'localAddress',
      'localPort',
      'type',
      'reuseAddr',
      'reusePort',
      'ipv6Only',
      'recvBufferSize',
      'sendBufferSize',
      'lookup',
      'signal',
    ]) {
      assert.deepEqual(refused({ client: { ...BOB, [name]: 1 } }), notThere(`options.client.${name}`));
    }
    const range = (name, least, value) => [
      'ERR_OUT_OF_RANGE',
      `The value of "options.${name}" is out of range. It must be >= ${least} && <= 2147483647. Received ${value}`,
    ];
    for (const [name, least] of [
      ['recvBufferSize', 1],
      ['sendBufferSize', 1],
      ['sendQueueLimit', 0],
    ]) {
      for (const value of [least - 1, 2 ** 31])
        assert.deepEqual(refused({ ...KEYS, [name]: value }), range(name, least, value));
    }
    for (const name of ['reuseAddr', 'reusePort', 'ipv6Only']) {
      assert.match(
        refused({ ...KEYS, [name]: 1 })[1],
        new RegExp(`"options\\.${name}" property must be of type boolean`),
      );
    }
    assert.match(refused({ ...KEYS, lookup: 1 })[1], /"options\.lookup" property must be of type function/);
    assert.match(refused({ ...KEYS, signal: 1 })[1], /"options\.signal" property must be an instance of AbortSignal/);
    assert.equal(
      refused({ ...KEYS, type: 'x' })[1],
      `The "options.type" property must be one of 'udp4', 'udp6'. Received 'x'`,
    );
  });

  test('takes the arguments of send() by the rules of node:dgram', async (t) => {
    const device = made(t, { client: { ...BOB, handshakeTimeout: 1000 } });
    const send = (...args) => thrown(() => device.send(...args));
    const port = (value) => [
      'ERR_OUT_OF_RANGE',
      `The value of "port" is out of range. It must be >= 1 && <= 65535. Received ${value}`,
    ];
    assert.deepEqual(send('x', 0), port(0));
    assert.deepEqual(send('x', 65_536), port(65_536));
    assert.equal(send('x')[0], 'ERR_INVALID_ARG_TYPE');
    assert.equal(send('x', undefined, undefined, undefined)[0], 'ERR_INVALID_ARG_TYPE');
    assert.match(
      send('x', 1, {})[1],
      /^The "address" argument must be of type string\. Received an instance of Object$/,
    );
    assert.match(send(5, 1)[1], /^The "message" argument must be of type string or an instance of Buffer/);
    assert.match(send([5], 1)[1], /^The "message" argument must be/);
    assert.match(send('abc', 4, 0, 1)[1], /"offset" is out of range\. It must be >= 0 && <= 3/);
    assert.match(send('abc', 1, 3, 1)[1], /"length" is out of range\. It must be >= 0 && <= 2/);
    assert.match(send('abc', 1, 2, 0)[1], /"port" is out of range/);
    const code = (...args) =>
      new Promise((resolve) => device.send(...args, (error) => resolve([error.code, error.message])));
    const noMulticast = (address) => [
      'ERR_DTLS_MULTICAST',
      `DTLS has neither multicast nor broadcast, because two peers share each key: ${address}`,
    ];
    for (const address of ['224.0.0.0', '239.255.255.255', '255.255.255.255'])
      assert.deepEqual(await code('x', 1, address), noMulticast(address));
    assert.deepEqual(await code(Buffer.alloc(16_385), 1, '127.0.0.1'), [
      'ERR_DTLS_PAYLOAD_TOO_LARGE',
      'Payload of 16385 bytes exceeds the record limit of 16384',
    ]);
    assert.deepEqual(
      thrown(() => device.addMembership('224.0.0.1')),
      ['ERR_DTLS_MULTICAST', 'DTLS has neither multicast nor broadcast, because two peers share each key'],
    );
    const six = made(t, { type: 'udp6', client: BOB });
    const codeOfSix = (address) => new Promise((resolve) => six.send('x', 1, address, (error) => resolve(error.code)));
    for (const address of ['ff02::1', 'FF0E::1', '::ffff:224.0.0.1'])
      assert.equal(await codeOfSix(address), 'ERR_DTLS_MULTICAST');
  });

  test('knows the addresses next to those of groups for those of peers', async (t) => {
    const lookup = mock.fn((host, family, callback) =>
      callback(null, host === 'host' ? '223.255.255.255' : host, family),
    );
    const gateway = made(t, { ...KEYS, lookup });
    const lost = (address) =>
      new Promise((resolve) => {
        gateway.once('peerError', (error) => resolve([error.code, error.message]));
        gateway.send('x', 7, address, () => {});
      });
    const noConnection = (address) => [
      'ERR_DTLS_NO_CONNECTION',
      `There is no connection with ${address}, port 7, and no "client" option to open one with`,
    ];
    assert.deepEqual(await lost('host'), noConnection('223.255.255.255'));
    assert.deepEqual(await lost('240.0.0.1'), noConnection('240.0.0.1'));
    assert.deepEqual(await lost(undefined), noConnection('127.0.0.1'));
    assert.deepEqual(await lost(''), noConnection('127.0.0.1'));
    assert.deepEqual(
      lookup.mock.calls.map(({ arguments: [host, family] }) => [host, family]).filter(([host]) => host === 'host'),
      [['host', 4]],
    );
    const no = (host, family, callback) => callback(host === 'host' ? new Error('no such host') : null, host, family);
    const failing = made(t, { ...KEYS, lookup: no });
    const error = await new Promise((resolve) => failing.send('x', 7, 'host', resolve));
    assert.equal(error.message, 'no such host');
  });

  test('has states of its own', async (t) => {
    const device = made(t, { client: BOB });
    assert.match(thrown(() => device.connect(0))[1], /"port" is out of range/);
    assert.match(thrown(() => device.connect(7, 5))[1], /^The "address" argument must be of type string/);
    assert.match(thrown(() => device.connect(7, 'x', 5))[1], /^The "callback" argument must be of type function/);
    assert.match(thrown(() => device.close(5))[1], /^The "callback" argument must be of type function/);
    assert.deepEqual(
      thrown(() => device.connectSync()),
      ['ERR_METHOD_NOT_IMPLEMENTED', 'A handshake takes round trips: use connect()'],
    );
    assert.equal(thrown(() => device.disconnect())[0], 'ERR_SOCKET_DGRAM_NOT_CONNECTED');
    assert.equal(thrown(() => device.remoteAddress())[0], 'ERR_SOCKET_DGRAM_NOT_CONNECTED');
    const whenClosed = new Promise((resolve) => device.close(resolve));
    const notRunning = ['ERR_SOCKET_DGRAM_NOT_RUNNING', 'Not running'];
    for (const act of [() => device.close(), () => device.send('x', 1), () => device.connect(1)])
      assert.deepEqual(thrown(act), notRunning);
    await whenClosed;
  });

  test('tells connect() by its callback, or by an error', async (t) => {
    const gateway = made(t, KEYS);
    const error = await new Promise((resolve) => gateway.connect(7, resolve));
    assert.equal(
      error.message,
      'There is no connection with 127.0.0.1, port 7, and no "client" option to open one with',
    );
    const failed = new Promise((resolve) => gateway.once('error', resolve));
    gateway.connect(7);
    assert.equal((await failed).code, 'ERR_DTLS_NO_CONNECTION');
    // One that is not bound yet waits for that.
    const other = made(t, KEYS);
    other.connect(7, '127.0.0.1', () => {});
    assert.deepEqual(
      thrown(() => other.connect(7)),
      ['ERR_SOCKET_DGRAM_IS_CONNECTED', 'Already connected'],
    );
    assert.deepEqual(
      thrown(() => other.send('x', 7)),
      ['ERR_SOCKET_DGRAM_IS_CONNECTED', 'Already connected'],
    );
    const waiting = await new Promise((resolve) => other.send('x', resolve));
    assert.deepEqual([waiting.code, waiting.message], ['ERR_SOCKET_DGRAM_NOT_CONNECTED', 'Not connected']);
  });
});

describe('the wire of one role', () => {
  test('sends and asks past the encryption, and closes alone', async () => {
    const udp = Object.assign(new EventEmitter(), {
      type: 'udp6',
      address: () => 'address',
      getRecvBufferSize: () => 5,
      setRecvBufferSize: mock.fn(),
      close: assert.fail,
      ref: assert.fail,
      unref: assert.fail,
    });
    const wire = new Wire(udp);
    assert.deepEqual(
      [wire.type, wire.address(), wire.getRecvBufferSize(), wire.getMaxListeners()],
      ['udp6', 'address', 5, 0],
    );
    wire.setRecvBufferSize(7);
    assert.deepEqual(udp.setRecvBufferSize.mock.calls[0].arguments, [7]);
    wire.ref();
    wire.unref();
    let isClosed = false;
    wire.on('close', () => {
      isClosed = true;
    });
    wire.close();
    assert.equal(isClosed, false);
    await new Promise(setImmediate);
    assert.equal(isClosed, true);
    const real = dgram.createSocket('udp4');
    const own = new Wire(real);
    assert.deepEqual([own.getSendQueueCount(), own.getSendQueueSize()], [0, 0]);
    real.close();
  });
});

describe('node-dtls-client', () => {
  test('refuses options in its own words', () => {
    const good = { type: 'udp4', address: '127.0.0.1', port: 5684, psk: { id: 'key' } };
    const message = (options) => thrown(() => dtls.createSocket(options))[1];
    assert.equal(message(undefined), 'No connection options were given!');
    assert.equal(message(null), 'No connection options were given!');
    const type = 'The connection options must have a "type" property with value "udp4" or "udp6"!';
    assert.deepEqual([message({ ...good, type: 'udp5' }), message({ ...good, type: undefined })], [type, type]);
    const address = 'The connection options must contain the remote address as a string!';
    for (const value of ['', 5, undefined]) assert.equal(message({ ...good, address: value }), address);
    const port = 'The connection options must contain a remote port from 1 to 65535!';
    for (const value of [0, 65_536, 1.5, '5684', undefined]) assert.equal(message({ ...good, port: value }), port);
    for (const value of [0, 65_536, 1.5]) {
      assert.equal(message({ ...good, listenPort: value }), 'The listen port must be between 1 and 65535!');
    }
    const psk = 'The connection options must contain a PSK dictionary object!';
    for (const value of [null, 'key', {}, undefined]) assert.equal(message({ ...good, psk: value }), psk);
  });

  test('takes ports from 1 to 65535, of either family, and keys of any bytes', async () => {
    for (const options of [
      { type: 'udp6', address: '::1', port: 1, listenPort: null },
      {
        type: 'udp4',
        address: '127.0.0.1',
        port: 65_535,
        timeout: 1,
        psk: { 'id\u00ff': Buffer.from([1]) },
        ciphers: null,
      },
    ]) {
      const socket = dtls.createSocket({ psk: { id: 'key' }, ...options });
      socket.on('error', () => {});
      await new Promise((resolve) => socket.close(resolve));
      assert.throws(() => socket.send(Buffer.from('x')), { message: 'The socket is closed. Cannot send data.' });
    }
  });

  test('cannot send before its handshake is over', async () => {
    const socket = dtls.createSocket({ type: 'udp4', address: '127.0.0.1', port: 9, psk: { id: 'key' } });
    socket.on('error', () => {});
    assert.throws(() => socket.send(Buffer.from('x')), {
      message: 'DTLS handshake is not finished yet. Cannot send data.',
    });
    await new Promise((resolve) => socket.close(resolve));
  });
});

describe('datagrams outside of DTLS', () => {
  const REMOTE = { address: '192.0.2.1', port: 7 };

  /** A server with a socket at the address above, which notes what happens to it. */
  function start(options, socket) {
    const log = [];
    const udp = new EventEmitter();
    const server = Object.assign(new EventEmitter(), {
      dgramSocket: udp,
      listening: true,
      sockets: { __proto__: null },
      resumeSocket: (remote, session) => log.push(['resume', remote.port, session]),
    });
    if (socket !== undefined) {
      server.sockets['192.0.2.1:7'] = {
        connected: true,
        session: { restorable: true },
        emit: (name) => log.push([name]),
        end: () => log.push(['end']),
        reset: () => log.push(['reset']),
        ...socket,
      };
    }
    hearPlaintext(server, options);
    const hear = (bytes, from = REMOTE) => udp.emit('message', Buffer.from(bytes), from);
    return { server, hear, take: () => log.splice(0) };
  }

  const PINGS = { insecureLegacyPing: true };

  test('end a connection when they are alerts, if that is wanted', () => {
    const { hear, take } = start({ insecureLegacyAlerts: true }, {});
    hear([0x15, 1, 2]);
    assert.deepEqual(take(), [['end']]);
    hear([0x15], { address: '::ffff:192.0.2.1', port: 7 });
    assert.deepEqual(take(), [['end']]);
    hear([0x15], { address: '192.0.2.1', port: 8 });
    hear([0x16]);
    hear([PING]);
    assert.deepEqual(take(), []);
    const other = start(PINGS, {});
    other.hear([0x15]);
    assert.deepEqual(other.take(), []);
  });

  test('are a keep-alive of the connection at that address', () => {
    const { hear, take } = start(PINGS, {});
    hear([PING]);
    assert.deepEqual(take(), [['dumbPing']]);
    for (const other of [[], [PING, PING], [0x71], [0xfe]]) hear(other);
    assert.deepEqual(take(), []);
  });

  test('lead to a session that somebody has kept, once, while the server listens', () => {
    const { server, hear, take } = start(PINGS);
    let answer;
    server.on('resumeSession', (key, socket, callback) => {
      assert.deepEqual([key, socket], ['192.0.2.1:7', { remoteAddress: '192.0.2.1', remotePort: 7 }]);
      answer = callback;
    });
    hear([PING]);
    answer(null, 'session');
    answer(null, 'again');
    assert.deepEqual(take(), [['resume', 7, 'session']]);
    for (const none of [
      [new Error('x'), 'session'],
      [null, null],
      [null, undefined],
    ]) {
      hear([PING]);
      answer(...none);
    }
    hear([PING]);
    server.listening = false;
    answer(null, 'session');
    assert.deepEqual(take(), []);
  });

  test('say where a device was, by its name at the end', () => {
    const moved = (id, length = id.length) => [0xfe, PING, ...id, length];
    const from = { address: '192.0.2.9', port: 9 };
    const { server, hear, take } = start(PINGS, {});
    let answer;
    const ids = [];
    server.on('lookupKey', (id, callback) => {
      ids.push(id);
      answer = callback;
    });
    hear(moved([0xab, 1]), from);
    answer(null, REMOTE);
    answer(null, REMOTE);
    assert.deepEqual(take(), [['reset'], ['resume', 9, { restorable: true }]]);
    hear(moved([5, 6, 7], 1), from);
    assert.deepEqual(ids, ['ab01', '07']);
    for (const bytes of [moved([]), [0xfe, PING], moved([1], 2), [0xfe, 0x71, 1, 1]]) hear(bytes, from);
    assert.equal(ids.length, 2);
    for (const none of [
      [new Error('x'), REMOTE],
      [null, undefined],
      [null, { address: 'host', port: 7 }],
    ]) {
      hear(moved([1]), from);
      answer(...none);
    }
    hear(moved([1]), from);
    server.listening = false;
    answer(null, REMOTE);
    assert.deepEqual(take(), []);
  });

  test('leave a connection alone that has one life', () => {
    for (const [socket, expected] of [
      [{ session: { restorable: false } }, []],
      [{ connected: false }, ['resumeSession']],
    ]) {
      const { server, hear, take } = start(PINGS, socket);
      const asked = [];
      server.on('resumeSession', () => asked.push('resumeSession'));
      server.on('lookupKey', (_id, callback) => callback(null, REMOTE));
      hear([0xfe, PING, 1, 1], { address: '192.0.2.9', port: 9 });
      assert.deepEqual([take(), asked], [[], expected]);
    }
  });

  test('leave as well as they can', () => {
    const sent = [];
    const udp = (more) => ({
      type: 'udp4',
      send: (...args) => sent.push(args.slice(0, -1)),
      remoteAddress() {
        throw new Error('not connected');
      },
      ...more,
    });
    const bytes = Buffer.from('x');
    sendDatagram(udp(), bytes, REMOTE);
    sendDatagram(udp({ type: 'udp6' }), bytes, REMOTE);
    sendDatagram(udp({ remoteAddress: () => REMOTE }), bytes, REMOTE);
    assert.deepEqual(sent, [[bytes, 7, '192.0.2.1'], [bytes, 7, '::ffff:192.0.2.1'], [bytes]]);
    sendDatagram(
      udp({
        send() {
          throw new Error('closed');
        },
      }),
      bytes,
      REMOTE,
    );
    assert.equal(MALFORMED_HELLO_REQUEST.toString('hex'), '16fefd000100000000000000100000');
  });
});

describe('a profile', () => {
  const server = (name, all, options = { psk: 1, pskCallback: 2, identityPskCallback: 3 }) => {
    const given = { ...options };
    PROFILES[name].server(given, all);
    return given;
  };
  const client = (name, all) => thrown(() => PROFILES[name].client({}, all));
  const KEY = 'key';

  test('has what its fork threw', () => {
    assert.deepEqual(
      thrown(() => server('neustar', {})),
      [undefined, "Parameter 'key' is not set"],
    );
    assert.deepEqual(
      thrown(() => server('spark', { key: KEY })),
      [undefined, "Parameter 'identityPskCallback' is not set"],
    );
    const noKey = (name) => [
      'ERR_INVALID_ARG_TYPE',
      `The "options.${name}" property must be a Buffer or the name of a file. Received undefined`,
    ];
    for (const name of ['particle', 'trackle', 'matasarei'])
      assert.deepEqual(
        thrown(() => server(name, {})),
        noKey('key'),
      );
    for (const name of ['particle', 'trackle']) {
      assert.deepEqual(client(name, { peerPublicKey: KEY }), noKey('key'));
      assert.deepEqual(client(name, { key: KEY }), noKey('peerPublicKey'));
    }
    assert.deepEqual(client('matasarei', {}), [undefined, 'you must define either a PSK or a private key.']);
    PROFILES.matasarei.client({}, { psk: KEY });
    PROFILES.matasarei.client({}, { key: KEY });
    PROFILES.neustar.client({}, {});
    PROFILES.k4.client({}, {});
    assert.deepEqual(
      thrown(() => server('matasarei', { key: KEY, identityPskCallback: 5 })),
      [
        'ERR_INVALID_ARG_TYPE',
        'The "options.identityPskCallback" property must be of type function. Received type number (5)',
      ],
    );
  });

  test('changes the options that its fork had otherwise', async () => {
    assert.deepEqual(server('neustar', { key: KEY, identityPskCallback: 1 }), {
      pskCallback: 2,
      identityPskCallback: 3,
    });
    assert.deepEqual(server('particle', { key: KEY }), { omitServerCertificate: true });
    assert.deepEqual(server('trackle', { key: KEY }), { omitServerCertificate: true });
    assert.deepEqual(server('trackle', { key: KEY, sendServerCertificate: true }), { omitServerCertificate: false });
    assert.deepEqual([server('k4', {}), server('k4', { psk_cb: 5 })], [{}, {}]);
    const k4 = server('k4', { psk_cb: (identity) => (identity === 'a' ? Buffer.from('k') : 'text') });
    assert.equal(k4.pskIdentityEncoding, 'buffer');
    assert.deepEqual([await k4.identityPskCallback('a'), await k4.identityPskCallback('b')], [Buffer.from('k'), null]);
    for (const identityPskCallback of [undefined, null])
      assert.deepEqual(server('matasarei', { key: KEY, identityPskCallback }), {});
    const matasarei = server('matasarei', { key: KEY, identityPskCallback: (...args) => args });
    assert.equal(matasarei.pskIdentityEncoding, 'buffer');
    assert.deepEqual(matasarei.identityPskCallback('id'), ['id', Buffer.alloc(0)]);
  });

  test('tells in the words of its fork', () => {
    const words = Object.fromEntries(
      Object.entries(PROFILES).map(([name, { errors, clientErrors, ...flags }]) => [
        name,
        [errors, clientErrors, Object.keys(flags).filter((flag) => flags[flag] === true)],
      ]),
    );
    const plain = ['number', 'text', []];
    assert.deepEqual(words, {
      neustar: plain,
      spark: plain,
      particle: ['number', 'text', ['mustAcknowledge']],
      trackle: ['error', 'error', ['sendsHelloRequest', 'prefixesLength', 'renamesErrors']],
      k4: plain,
      matasarei: ['number', 'text', ['sendsHelloRequest', 'answersBare', 'tellsSessions']],
    });
    const old = { deviceId: 'ab' };
    const move = (name) => PROFILES[name].ipChanged(old, 'acknowledge', 'done');
    assert.deepEqual(move('neustar'), [old]);
    for (const name of ['particle', 'k4', 'matasarei']) assert.deepEqual(move(name), [old, 'acknowledge', 'done']);
    assert.deepEqual(move('trackle'), [old, 'ab', 'acknowledge', 'done']);
  });
});
