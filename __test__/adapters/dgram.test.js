'use strict';

// createDgramSocket(): a dgram.Socket with DTLS underneath, in both roles.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { createDgramSocket } = require('../..');
const certificates = require('../support/certificates');
const { openDevice } = require('../support/device.js');
const { HOST, event, freePort, messages, openClient, startServer, uncaught } = require('../support/endpoints.js');

const KEYS = { psk: { bob: 'secret of bob', eve: 'secret of eve' } };
const BOB = { psk: 'secret of bob', pskIdentity: 'bob' };

/** A bound socket, which is closed after the test. */
async function open(t, options, port = 0) {
  const socket = createDgramSocket(options);
  closeAfter(t, socket);
  socket.bind(port, HOST);
  await event(socket, 'listening');
  return socket;
}

function closeAfter(t, socket) {
  t.after(() => {
    try {
      socket.close();
    } catch {
      // The test has closed it.
    }
  });
}

/** Sends, and returns what the callback gets. */
function send(socket, ...args) {
  return new Promise((resolve) => socket.send(...args, (...results) => resolve(results)));
}

/** The code of the error that the callback gets. */
async function failure(socket, ...args) {
  const [error] = await send(socket, ...args);
  return error?.code;
}

/** Two sockets: the first accepts connections, and the second opens them. */
async function pair(t, options = {}) {
  const device = createDgramSocket({ client: { ...BOB, ...options } });
  closeAfter(t, device);
  return { gateway: await open(t, KEYS), device };
}

test('it is a dgram.Socket, bound on the first send, and messages travel both ways over one connection', async (t) => {
  const { gateway, device } = await pair(t);
  assert(device instanceof dgram.Socket);
  const arrived = event(gateway, 'message');
  assert.deepEqual(await send(device, 'hello', gateway.address().port, HOST), [null, 5]);
  const [message, rinfo] = await arrived;
  assert.equal(message.toString(), 'hello');
  const { socket, ...place } = rinfo;
  assert.deepEqual(place, { address: HOST, family: 'IPv4', port: device.address().port, size: 5 });
  assert.equal(socket.pskIdentity.toString(), 'bob');
  const answered = event(device, 'message');
  assert.deepEqual(await send(gateway, Buffer.from('..and back'), 2, 8, rinfo.port, rinfo.address), [null, 8]);
  const [answer, from] = await answered;
  assert.equal(answer.toString(), 'and back');
  assert.equal(from.port, gateway.address().port);
});

test('plain text does not pass: neither in, nor out', async (t) => {
  const { gateway, device } = await pair(t);
  const received = t.mock.fn();
  gateway.on('message', received);
  const plain = dgram.createSocket('udp4');
  t.after(() => plain.close());
  plain.send('plain', gateway.address().port, HOST);
  await send(device, 'sealed', gateway.address().port, HOST);
  await sleep(20);
  assert.deepEqual(
    received.mock.calls.map(({ arguments: [message] }) => message.toString()),
    ['sealed'],
  );
});

test('one socket talks to many peers, some of which connect to it, while it connects to others', async (t) => {
  const hub = await open(t, { ...KEYS, client: { psk: 'secret of eve', pskIdentity: 'eve' } });
  const gateways = [await open(t, KEYS), await open(t, KEYS)];
  const devices = [createDgramSocket({ client: BOB }), createDgramSocket({ client: BOB })];
  for (const device of devices) closeAfter(t, device);
  for (const gateway of gateways)
    gateway.on('message', (message, { port }) => gateway.send(`re: ${message}`, port, HOST));
  hub.on('message', (message, { port, socket }) => {
    if (socket.pskIdentity?.toString() === 'bob') hub.send(`to bob: ${message}`, port, HOST);
  });
  const secured = t.mock.fn();
  hub.on('secureConnection', secured);
  const heard = [];
  hub.on('message', (message) => heard.push(message.toString()));
  const answers = devices.map((device) => event(device, 'message'));
  for (const [index, device] of devices.entries()) device.send(`device ${index}`, hub.address().port, HOST);
  for (const gateway of gateways) {
    for (const text of ['one', 'two', 'three']) hub.send(text, gateway.address().port, HOST);
  }
  for (const [index, answer] of answers.entries()) assert.equal(`${(await answer)[0]}`, `to bob: device ${index}`);
  while (heard.length < 8) await event(hub, 'message');
  const wanted = ['device 0', 'device 1', ...['one', 'three', 'two'].flatMap((text) => [`re: ${text}`, `re: ${text}`])];
  assert.deepEqual(heard.toSorted(), wanted);
  assert.equal(secured.mock.callCount(), 4);
});

test('it talks to servers of createServer() and clients of connect()', async (t) => {
  const server = await startServer(t, KEYS, (socket) => socket.on('data', (message) => socket.write(message)));
  const device = createDgramSocket({ client: BOB }, (message) => device.emit('heard', `${message}`));
  closeAfter(t, device);
  device.send('echo', server.address().port, HOST);
  assert.deepEqual(await event(device, 'heard'), ['echo']);

  const gateway = await open(t, KEYS);
  gateway.on('message', (message, { port, address }) => gateway.send(message, port, address));
  const client = openClient(t, gateway, BOB);
  const echoed = messages(client, 1);
  client.write('and the other way');
  assert.deepEqual(await echoed, ['and the other way']);
});

test('a failed handshake is told to each message that waited, and the next message tries anew', async (t) => {
  const gateway = await open(t, { psk: { bob: 'another secret' } });
  const device = createDgramSocket({ client: { ...BOB, handshakeTimeout: 5000 } });
  closeAfter(t, device);
  const failed = t.mock.fn();
  device.on('peerError', failed);
  const { port } = gateway.address();
  const refused = event(gateway, 'peerError');
  const codes = await Promise.all([failure(device, 'one', port, HOST), failure(device, 'two', port, HOST)]);
  assert.deepEqual(codes, ['ERR_DTLS_ALERT_RECEIVED', 'ERR_DTLS_ALERT_RECEIVED']);
  assert.equal((await refused)[0].code, 'ERR_DTLS_WRONG_PSK');
  assert.equal(failed.mock.callCount(), 1);
  assert.equal(await failure(device, 'three', port, HOST), 'ERR_DTLS_ALERT_RECEIVED');
  assert.equal(failed.mock.callCount(), 2);
});

test('a peer that does not answer costs handshakeTimeout, and its queue is bounded', async (t) => {
  const silent = dgram.createSocket('udp4').bind(0, HOST);
  t.after(() => silent.close());
  await event(silent, 'listening');
  const device = createDgramSocket({ sendQueueLimit: 10, client: { ...BOB, handshakeTimeout: 200 } });
  closeAfter(t, device);
  const { port } = silent.address();
  const waits = failure(device, '0123456789', port, HOST);
  assert.equal(await failure(device, 'x', port, HOST), 'ERR_DTLS_SEND_QUEUE_FULL');
  assert.equal(await waits, 'ERR_DTLS_NO_ANSWER');
});

test('without a client option, a message to a stranger is lost, as an answer to a peer that has gone is', async (t) => {
  const gateway = await open(t, KEYS);
  const lost = event(gateway, 'peerError');
  assert.deepEqual(await send(gateway, 'hello', 5684, HOST), [null, 5]);
  const [error, socket] = await lost;
  assert.deepEqual([error.code, error.port, socket], ['ERR_DTLS_NO_CONNECTION', 5684, null]);
  const failed = new Promise((resolve) => gateway.connect(5684, HOST, resolve));
  assert.equal((await failed).code, 'ERR_DTLS_NO_CONNECTION');
});

test('an answer that does not fit into the records that the peer allows is lost', async (t) => {
  const { gateway, device } = await pair(t, { maxFragmentLength: 512 });
  await send(device, 'hello', gateway.address().port, HOST);
  const [, { port }] = await event(gateway, 'message');
  const told = event(gateway, 'peerError');
  assert.deepEqual(await send(gateway, Buffer.alloc(600), port, HOST), [null, 600]);
  assert.equal((await told)[0].code, 'ERR_DTLS_PAYLOAD_TOO_LARGE');
});

test('without options of a server, nobody can connect', async (t) => {
  const device = await open(t, { client: BOB });
  const received = t.mock.fn();
  device.on('message', received);
  const client = openClient(t, device, { ...BOB, handshakeTimeout: 300 });
  assert.equal((await event(client, 'error'))[0].code, 'ERR_DTLS_NO_ANSWER');
  assert.equal(received.mock.callCount(), 0);
});

test('an idle connection is closed, and the next message opens another', async (t) => {
  const { gateway, device } = await pair(t, { idleTimeout: 100 });
  const { port } = gateway.address();
  const secured = t.mock.fn();
  gateway.on('secureConnection', secured);
  await send(device, 'one', port, HOST);
  const [, { socket }] = await event(gateway, 'message');
  await event(socket, 'close');
  const again = event(gateway, 'message');
  await send(device, 'two', port, HOST);
  assert.equal(`${(await again)[0]}`, 'two');
  assert.equal(secured.mock.callCount(), 2);
});

test('handshakes that cross are both finished, and no message is lost', async (t) => {
  const sockets = [await open(t, { ...KEYS, client: BOB }), await open(t, { ...KEYS, client: BOB })];
  const received = sockets.map((socket) => event(socket, 'message'));
  const [a, b] = sockets.map((socket) => socket.address().port);
  const sent = [send(sockets[0], 'from a', b, HOST), send(sockets[1], 'from b', a, HOST)];
  assert.deepEqual(await Promise.all(sent), [
    [null, 6],
    [null, 6],
  ]);
  assert.deepEqual(
    (await Promise.all(received)).map(([message]) => `${message}`),
    ['from b', 'from a'],
  );
  const more = event(sockets[1], 'message');
  sockets[0].send('more', b, HOST);
  assert.equal(`${(await more)[0]}`, 'more');
});

test('a peer that has lost its connection and begins anew in the other role is heard and answered', async (t) => {
  const hub = await open(t, { ...KEYS, client: BOB });
  // Its process ends without a word, and it forgets everything.
  const port = await freePort();
  const first = await open(t, { ...KEYS, sendClose: false }, port);
  await send(hub, 'hello', port, HOST);
  await new Promise((resolve) => first.close(resolve));
  const second = createDgramSocket({ client: BOB });
  closeAfter(t, second);
  second.bind(port, HOST);
  const heard = event(hub, 'message');
  await send(second, 'I am new', hub.address().port, HOST);
  assert.equal(`${(await heard)[0]}`, 'I am new');
  const answered = event(second, 'message');
  await send(hub, 'welcome', port, HOST);
  assert.equal(`${(await answered)[0]}`, 'welcome');
});

describe('connect()', () => {
  test('chooses the only peer, waits for the handshake, and lets disconnect() undo it', async (t) => {
    const { gateway, device } = await pair(t);
    gateway.on('message', (message, { port, address }) => gateway.send(message, port, address));
    const { port } = gateway.address();
    assert.throws(() => device.remoteAddress(), { code: 'ERR_SOCKET_DGRAM_NOT_CONNECTED' });
    const early = new Promise((resolve) => {
      device.connect(port, HOST);
      device.send('early', (...results) => resolve(results));
    });
    await event(device, 'connect');
    assert.deepEqual(await early, [null, 5]);
    assert.deepEqual(device.remoteAddress(), { address: HOST, family: 'IPv4', port });
    assert.throws(() => device.send('x', port, HOST), { code: 'ERR_SOCKET_DGRAM_IS_CONNECTED' });
    assert.throws(() => device.connect(port, HOST), { code: 'ERR_SOCKET_DGRAM_IS_CONNECTED' });
    assert.equal(`${(await event(device, 'message'))[0]}`, 'early');
    assert.deepEqual(await send(device, Buffer.from('-part-'), 1, 4), [null, 4]);
    assert.equal(`${(await event(device, 'message'))[0]}`, 'part');
    device.disconnect();
    assert.throws(() => device.disconnect(), { code: 'ERR_SOCKET_DGRAM_NOT_CONNECTED' });
    assert.deepEqual(await send(device, 'again', port, HOST), [null, 5]);
  });

  test("without a callback fails with 'error', and a server on the same socket goes on", async (t) => {
    const gateway = await open(t, { psk: { bob: 'another secret' } });
    const hub = await open(t, { ...KEYS, client: BOB });
    hub.connect(gateway.address().port, HOST);
    assert.equal((await event(hub, 'error'))[0].code, 'ERR_DTLS_ALERT_RECEIVED');
    assert.equal(hub.dtlsServer.listening, true);
  });

  test('tells its callback why it has failed, and what waited too', async (t) => {
    const gateway = await open(t, { psk: { bob: 'another secret' } });
    const device = createDgramSocket({ client: BOB });
    closeAfter(t, device);
    const failed = new Promise((resolve) => device.connect(gateway.address().port, HOST, resolve));
    assert.equal(await failure(device, 'early'), 'ERR_DTLS_ALERT_RECEIVED');
    assert.equal((await failed).code, 'ERR_DTLS_ALERT_RECEIVED');
  });
});

describe('certificates', { skip: !certificates.available && 'openssl was not found' }, () => {
  const { ca, server } = certificates;

  test("a name must be in the peer's certificate, and counts for messages to that name only", async (t) => {
    const gateway = await open(t, { key: server.key, cert: server.cert });
    const { port } = gateway.address();
    const lookup = (_name, _family, callback) => callback(null, HOST, 4);
    const device = createDgramSocket({ lookup, client: { ca: ca.cert } });
    closeAfter(t, device);
    assert.equal(await failure(device, 'hello', port, 'other.example'), 'ERR_TLS_CERT_ALTNAME_INVALID');
    assert.deepEqual(await send(device, 'hello', port, 'localhost'), [null, 5]);
    assert.equal(await failure(device, 'hello', port, 'other.example'), 'ERR_DTLS_ADDRESS_IN_USE');
    // An answer goes to an address.
    assert.deepEqual(await send(device, 'hello', port, HOST), [null, 5]);
  });

  test('a name is verified also if there is a key that the server does not use, and SNI tells it', async (t) => {
    const gateway = await open(t, { key: server.key, cert: server.cert });
    const { port } = gateway.address();
    const lookup = (_name, _family, callback) => callback(null, HOST, 4);
    const secured = event(gateway, 'secureConnection');
    const device = createDgramSocket({ lookup, client: { ...BOB, ca: ca.cert } });
    closeAfter(t, device);
    assert.equal(await failure(device, 'hello', port, 'other.example'), 'ERR_TLS_CERT_ALTNAME_INVALID');
    assert.deepEqual(await send(device, 'hello', port, 'localhost'), [null, 5]);
    assert.equal((await secured)[0].servername, 'localhost');
  });

  test('another name for an address is refused where names are verified, and only there', async (t) => {
    const gateway = await open(t, { ...KEYS, key: server.key, cert: server.cert });
    const { port } = gateway.address();
    const lookup = (_name, _family, callback) => callback(null, HOST, 4);
    const verifyPeer = () => true;
    for (const [client, code] of [
      [{ ca: ca.cert }, 'ERR_DTLS_ADDRESS_IN_USE'],
      [{ CACert: ca.cert }, 'ERR_DTLS_ADDRESS_IN_USE'],
      [{ ...BOB, ca: ca.cert }, 'ERR_DTLS_ADDRESS_IN_USE'],
      [{ ...BOB, CACert: ca.cert }, 'ERR_DTLS_ADDRESS_IN_USE'],
      [{ ca: ca.cert, servername: 'localhost' }, undefined],
      [{ ca: ca.cert, rejectUnauthorized: false }, undefined],
      [{ verifyPeer }, undefined],
      [BOB, undefined],
    ]) {
      const device = createDgramSocket({ lookup, client });
      closeAfter(t, device);
      for (const text of ['hello', 'again']) {
        const sent = Promise.race([send(device, text, port, 'localhost'), sleep(20_000, 'it waits', { ref: false })]);
        assert.deepEqual(await sent, [null, 5]);
      }
      assert.equal(await failure(device, 'hello', port, 'other.example'), code, Object.keys(client).join());
    }
  });

  test('with a key, any name will do for the peer at an address', async (t) => {
    const gateway = await open(t, KEYS);
    const lookup = (_name, _family, callback) => callback(null, HOST, 4);
    const device = createDgramSocket({ lookup, client: BOB });
    closeAfter(t, device);
    for (const name of ['one.example', 'another.example']) {
      const arrived = event(gateway, 'message');
      assert.deepEqual(await send(device, 'hello', gateway.address().port, name), [null, 5]);
      await arrived;
    }
    assert.equal(gateway.dtlsServer.getConnections(), 1);
  });
});

test('a peer has one address: IPv4 also through a socket for both families', async (t) => {
  const gateway = createDgramSocket({ ...KEYS, type: 'udp6' });
  closeAfter(t, gateway);
  gateway.bind(0);
  await event(gateway, 'listening');
  gateway.on('message', (message, { port, address }) => gateway.send(message, port, address));
  const { port } = gateway.address();
  for (const [type, address, seen] of [
    ['udp6', '::1', '::1'],
    ['udp6', '0:0:0:0:0:0:0:1', '::1'],
    ['udp6', HOST, HOST],
    ['udp4', HOST, HOST],
  ]) {
    const device = createDgramSocket({ type, client: BOB });
    closeAfter(t, device);
    device.send('hello', port, address);
    const [message, rinfo] = await event(device, 'message');
    assert.deepEqual([`${message}`, rinfo.address], ['hello', seen]);
  }
});

test('dtlsServer has counters and questions: a device that has moved keeps its connection', async (t) => {
  const gateway = await open(t, KEYS);
  const arrived = event(gateway, 'message');
  const device = await openDevice(t, gateway.address().port);
  device.client.write('at home');
  const [, { port, address, socket }] = await arrived;
  gateway.dtlsServer.on('lookupKey', (_id, callback) => callback(null, { address, port }));
  await device.move();
  device.announce = true;
  const again = event(gateway, 'message');
  device.client.write('away');
  const [message, rinfo] = await again;
  assert.equal(`${message}`, 'away');
  assert.equal(rinfo.socket, socket);
  assert.notEqual(rinfo.port, port);
  const answered = messages(device.client, 1);
  gateway.send('welcome', rinfo.port, rinfo.address);
  assert.deepEqual(await answered, ['welcome']);
  assert.equal(gateway.dtlsServer.stats.handshakesCompleted, 1);
  assert.equal((await open(t, { client: BOB })).dtlsServer, null);
});

describe('close()', () => {
  test('says goodbye to every peer, and ends everything once', async (t) => {
    const { gateway, device } = await pair(t);
    const { port } = gateway.address();
    await send(device, 'hello', port, HOST);
    const [, { socket }] = await event(gateway, 'message');
    const goodbye = event(socket, 'close');
    const closes = t.mock.fn();
    await new Promise((resolve) => device.on('close', closes).close(resolve));
    assert.deepEqual(await goodbye, [false]);
    assert.throws(() => device.close(), { code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' });
    assert.throws(() => device.send('x', port, HOST), { code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' });
    await sleep(5);
    assert.equal(closes.mock.callCount(), 1);
  });

  test('of a socket that is not bound yet, or is being bound, works too', async () => {
    await new Promise((resolve) => createDgramSocket(KEYS).close(resolve));
    await new Promise((resolve) => createDgramSocket(KEYS).bind(0, HOST).close(resolve));
  });

  test('tells messages that wait that they have not left', async (t) => {
    const silent = dgram.createSocket('udp4').bind(0, HOST);
    t.after(() => silent.close());
    await event(silent, 'listening');
    const device = createDgramSocket({ client: BOB });
    const codes = [failure(device, 'before it is bound', silent.address().port, HOST)];
    device.close();
    assert.deepEqual(await Promise.all(codes), ['ERR_SOCKET_DGRAM_NOT_RUNNING']);
    const other = createDgramSocket({ client: BOB });
    const waiting = failure(other, 'in the handshake', silent.address().port, HOST);
    await event(silent, 'message');
    other.close();
    assert.equal(await waiting, 'ERR_DTLS_CLOSED_DURING_HANDSHAKE');
  });
});

test('what waited is sent although a listener throws', async (t) => {
  const { gateway, device } = await pair(t);
  device.on('secureConnection', () => {
    throw new Error('of the application');
  });
  const arrived = event(gateway, 'message');
  const thrown = await uncaught(() => send(device, 'hello', gateway.address().port, HOST));
  assert.equal(thrown.message, 'of the application');
  assert.equal(`${(await arrived)[0]}`, 'hello');
});

test('a port in use is an error of bind(), and bind() may be called again', async (t) => {
  const taken = await open(t, KEYS);
  const socket = createDgramSocket(KEYS);
  closeAfter(t, socket);
  socket.bind({ port: taken.address().port, address: HOST, exclusive: true });
  const waiting = failure(socket, 'hello', 5684, HOST);
  assert.equal((await event(socket, 'error'))[0].code, 'EADDRINUSE');
  assert.equal(await waiting, 'EADDRINUSE');
  socket.bind(0, HOST);
  await event(socket, 'listening');
});

test('multicast and broadcast are refused', async (t) => {
  const device = createDgramSocket({ ...KEYS, client: BOB });
  closeAfter(t, device);
  for (const address of ['224.0.1.187', '255.255.255.255']) {
    assert.equal(await failure(device, 'hello', 5684, address), 'ERR_DTLS_MULTICAST');
  }
  const names = ['addMembership', 'dropMembership', 'addSourceSpecificMembership', 'dropSourceSpecificMembership'];
  names.push('setBroadcast', 'setMulticastInterface', 'setMulticastLoopback', 'setMulticastTTL');
  for (const name of names) assert.throws(() => device[name]('224.0.1.187'), { code: 'ERR_DTLS_MULTICAST' }, name);
  const six = createDgramSocket({ type: 'udp6', client: BOB });
  closeAfter(t, six);
  assert.equal(await failure(six, 'hello', 5684, 'ff02::fd'), 'ERR_DTLS_MULTICAST');
});

test('a callback is never called before send() returns', async (t) => {
  const [gateway, device] = [await open(t, KEYS), await open(t, { sendQueueLimit: 0, client: BOB })];
  for (const [socket, address] of [
    [gateway, HOST],
    [device, HOST],
    [device, '224.0.1.187'],
  ]) {
    let hasReturned = false;
    const called = new Promise((resolve) => socket.send('x', 9, address, () => resolve(hasReturned)));
    hasReturned = true;
    assert.equal(await called, true);
  }
});

test('a message that is too long is refused, and the connection goes on', async (t) => {
  const { gateway, device } = await pair(t);
  const { port } = gateway.address();
  assert.deepEqual(await send(device, 'hello', port, HOST), [null, 5]);
  assert.equal(await failure(device, Buffer.alloc(16_385), port, HOST), 'ERR_DTLS_PAYLOAD_TOO_LARGE');
  assert.deepEqual(await send(device, ['in ', 'parts'], port, HOST), [null, 8]);
});

test('options that are wrong are refused when the socket is made', () => {
  const refused = (options, code) => assert.throws(() => createDgramSocket(options), { code });
  refused(undefined, 'ERR_INVALID_ARG_TYPE');
  refused({}, 'ERR_MISSING_OPTION');
  refused({ type: 'udp4' }, 'ERR_MISSING_OPTION');
  refused({ ...KEYS, type: 'udp5' }, 'ERR_INVALID_ARG_VALUE');
  refused({ ...KEYS, reuseAddr: 1 }, 'ERR_INVALID_ARG_TYPE');
  refused({ ...KEYS, pks: 'x' }, 'ERR_INVALID_ARG_VALUE');
  refused({ ...KEYS, port: 5684 }, 'ERR_INVALID_ARG_VALUE');
  refused({ ...KEYS, sendQueueLimit: -1 }, 'ERR_OUT_OF_RANGE');
  refused({ ciphers: 'PSK-AES128-CCM8', client: BOB }, 'ERR_MISSING_OPTION');
  refused({ client: null }, 'ERR_INVALID_ARG_TYPE');
  refused({ client: { psk: 'x' } }, 'ERR_MISSING_OPTION');
  refused({ client: { ...BOB, port: 5684 } }, 'ERR_INVALID_ARG_VALUE');
  refused({ client: { ca: Buffer.from('nonsense') } }, 'ERR_DTLS_INVALID_CA');
  assert.throws(() => createDgramSocket(KEYS, 'no function'), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('arguments of send() that are wrong are refused', async (t) => {
  const { device } = await pair(t);
  assert.throws(() => device.send('x', 70_000, HOST), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => device.send('x', 5684, 7), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => device.send(7, 5684, HOST), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('connectSync() would connect the UDP socket alone, and throws', async (t) => {
  const socket = await open(t, { client: BOB });
  assert.throws(() => socket.connectSync(9, HOST), { code: 'ERR_METHOD_NOT_IMPLEMENTED' });
});

const lacksBindSync = dgram.Socket.prototype.bindSync === undefined && 'only Node.js 26 and later have bindSync()';
test('a message that is sent right after bindSync() arrives', { skip: lacksBindSync }, async (t) => {
  const server = await startServer(t, { psk: { bob: BOB.psk } });
  const arrived = event(server, 'secureConnection').then(([socket]) => messages(socket, 1));
  const socket = createDgramSocket({ client: BOB });
  closeAfter(t, socket);
  socket.bindSync();
  assert.deepEqual(await send(socket, 'hello', server.address().port, HOST), [null, 5]);
  assert.deepEqual(await arrived, ['hello']);
});
