'use strict';

// What datagram sockets refuse and in which words, without a handshake.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { EventEmitter } = require('node:events');
const { describe, mock, test } = require('node:test');

const { createDgramSocket } = require('../..');
const { Wire } = require('../../lib/adapters/dgram-wire');
const { thrown } = require('../support/observed.js');

const KEYS = { psk: { bob: 'secret of bob' } };
const BOB = { psk: 'secret of bob', pskIdentity: 'bob' };

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
    const six = mock.fn((host, family, callback) => callback(null, host === 'host' ? '2001:db8::1' : host, family));
    const ofSix = made(t, { ...KEYS, type: 'udp6', lookup: six });
    const lostBySix = new Promise((resolve) => ofSix.once('peerError', (error) => resolve(error.code)));
    ofSix.send('x', 7, 'host', () => {});
    assert.equal(await lostBySix, 'ERR_DTLS_NO_CONNECTION');
    assert(six.mock.calls.some(({ arguments: [host, family] }) => host === 'host' && family === 6));
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
