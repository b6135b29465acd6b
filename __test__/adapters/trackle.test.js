'use strict';

// The Trackle library: devices with raw public keys on trackle's client, 'err' in place of 'error', a length before
// each message on the server.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { describe, test } = require('node:test');

const dtls = require('../..');
const { event, heardBy, messages, startServer } = require('../support/endpoints.js');
const { Device, openDevice } = require('../support/device.js');
const { closeAfter, fileWith, keyPair } = require('../support/legacy.js');

const HELLO_REQUEST = '16fefd000100000000000000100000';
const OURS = keyPair();
const THEIRS = keyPair();
const RAW_KEY = { psk: undefined, pskIdentity: undefined, key: THEIRS.pkcs8, peerPublicKey: OURS.spki };
const DEVICE = { ...RAW_KEY, omitServerCertificate: true };

const HANDSHAKE = 22;
const CERTIFICATE = 11;
const SERVER_HELLO_DONE = 14;

/** Types of the unencrypted handshake messages in a datagram (RFC 6347, section 4.1). */
function* handshakeTypes(datagram) {
  for (let at = 0; at < datagram.length; at += 13 + datagram.readUInt16BE(at + 11)) {
    if (datagram[at] === HANDSHAKE && datagram.readUInt16BE(at + 3) === 0) yield datagram[at + 13];
  }
}

async function startTrackle(t, options) {
  const server = dtls.createServer({ compat: 'trackle', key: OURS.key, handshakeTimeoutMax: 8000, ...options });
  closeAfter(t, server);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

async function startWithDevice(t, options) {
  const server = await startTrackle(t, options);
  const secure = event(server, 'secureConnection');
  const device = await openDevice(t, server.address().port, DEVICE);
  const [socket] = await secure;
  return { server, device, socket };
}

test("a device talks to the cloud, whose 'data' begins with its length", async (t) => {
  const server = await startTrackle(t);
  const secure = event(server, 'secureConnection');
  const remote = { compat: 'trackle', host: '127.0.0.1', port: server.address().port };
  const client = dtls.connect({ ...remote, key: fileWith(t, THEIRS.pkcs8), peerPublicKey: fileWith(t, OURS.spki) });
  closeAfter(t, client);
  client.on('err', (code, message) => assert.fail(`${code} ${message}`));
  await event(client, 'secureConnect');
  const [socket] = await secure;
  assert.deepEqual(socket.publicKey, THEIRS.spki);
  const received = event(socket, 'data');
  client.write('hello');
  assert.deepEqual(await received, [Buffer.concat([Buffer.of(0, 5), Buffer.from('hello')])]);
  const answered = messages(client, 1);
  socket.write('welcome');
  assert.deepEqual(await answered, ['welcome']);
  client.dumbPing();
  client.end();
  assert.deepEqual(await event(client, 'close'), [false]);
});

test("a client's failure is 'err' with number and text, and a failure of UDP is 'error'", async (t) => {
  const server = await startServer(t);
  const remote = { compat: 'trackle', host: '127.0.0.1', port: server.address().port };
  const options = { ...remote, key: THEIRS.pkcs8, peerPublicKey: OURS.spki };
  const client = closeAfter(t, dtls.connect(options));
  const [code, message] = await event(client, 'err');
  assert(code < 0);
  assert.match(message, /^SSL - /);

  const socket = dgram.createSocket('udp4');
  // This peer answers nothing, so that the handshake is under way when its socket fails.
  const silent = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  await event(silent, 'listening');
  const other = closeAfter(t, dtls.connect({ ...options, port: silent.address().port, socket }));
  await event(silent, 'message');
  const failed = event(other, 'error');
  socket.emit('error', new Error('cable cut'));
  assert.equal((await failed)[0].message, 'cable cut');
  silent.close();
  socket.close();
});

test('a device that cannot be placed is sent the malformed HelloRequest', async (t) => {
  const { server, device } = await startWithDevice(t);
  server.on('lookupKey', (_id, callback) => callback(new Error('unknown')));
  await device.move();
  device.announce = true;
  const told = new Promise((resolve) => {
    device.onAnswer = resolve;
  });
  device.client.write('hello');
  assert.equal((await told).toString('hex'), HELLO_REQUEST);
});

test('ipChanged gets the device id, and what is reported as failed is sent the malformed HelloRequest', async (t) => {
  const { server, device, socket } = await startWithDevice(t);
  server.on('lookupKey', (_id, callback) => callback(null, { address: socket.remoteAddress, port: socket.remotePort }));
  const old = device.address.port;
  await device.move();
  device.announce = true;
  const told = new Promise((resolve) => {
    device.onAnswer = resolve;
  });
  const moved = new Promise((resolve) => {
    socket.on('ipChanged', (rinfo, deviceId, _resolve, done) => {
      resolve([rinfo.port, deviceId]);
      done(new Error('database down'));
    });
  });
  device.client.write('hello');
  assert.deepEqual(await moved, [old, device.id.toString('hex')]);
  assert.equal((await told).toString('hex'), HELLO_REQUEST);
});

describe('unencrypted datagrams', () => {
  const stranger = () => dgram.createSocket('udp4');
  const ping = Buffer.of(112);
  const movedPing = (id) => Buffer.concat([Buffer.of(254, 112), id, Buffer.of(id.length)]);

  test('do nothing by default', async (t) => {
    const { server, device, socket } = await startWithDevice(t);
    const nothing = () => assert.fail('it was heard');
    for (const name of ['lookupKey', 'resumeSession', 'forceDeviceRehandshake']) server.on(name, nothing);
    for (const name of ['dumbPing', 'end', 'close', 'ipChanged']) socket.on(name, nothing);
    device.sendRaw(ping);
    device.sendRaw(Buffer.from('15fefd00000000000000000002010000', 'hex'));
    device.sendRaw(Buffer.from([0x15]));
    const other = stranger();
    for (const datagram of [ping, movedPing(device.id)]) other.send(datagram, server.address().port, '127.0.0.1');
    const received = event(socket, 'data');
    device.client.write('still here');
    await received;
    other.close();
    socket.removeAllListeners('close').removeAllListeners('end');
  });

  test('are heard when insecureLegacyPing asks for it', async (t) => {
    const { server, device, socket } = await startWithDevice(t, { insecureLegacyPing: true });
    const pinged = event(socket, 'dumbPing');
    device.sendRaw(ping);
    await pinged;

    // A device that has moved announces itself by name. Its connection goes on at the new address, in a new socket.
    const old = device.address;
    server.on('lookupKey', (_id, callback) => callback(null, old));
    await device.move();
    const again = event(server, 'secureConnection');
    device.sendRaw(movedPing(device.id));
    const [moved, session] = await again;
    assert.equal(moved.remotePort, device.address.port);
    assert.equal(session.master.length, 48);
    const received = event(moved, 'data');
    device.client.write('hello');
    assert.equal((await received)[0].toString('latin1', 2), 'hello');
    assert.equal(server.getConnections(), 1);

    // This device is not known to the server any more.
    const saved = moved.session;
    moved.reset();
    server.on('resumeSession', (key, _socket, callback) => {
      assert.equal(key, `127.0.0.1:${device.address.port}`);
      callback(null, saved);
      callback(null, saved);
    });
    const restored = event(server, 'secureConnection');
    device.sendRaw(ping);
    await restored;
    const malformed = [
      [254, 112],
      [254, 112, 0],
      [254, 112, 255],
      [254, 112, 1],
    ];
    const sendAll = () => {
      for (const bytes of malformed) device.sendRaw(Buffer.from(bytes));
    };
    await heardBy(server, sendAll, malformed.length);
    assert.equal(server.getConnections(), 1);
  });

  test('do not move a connection that cannot have another life, and do not end it either', async (t) => {
    const ciphers = 'ECDHE-ECDSA-CHACHA20-POLY1305';
    const { server, device, socket } = await startWithDevice(t, { insecureLegacyPing: true, ciphers });
    assert.equal(socket.session.restorable, false);
    const old = device.address;
    server.on('lookupKey', (_id, callback) => callback(null, old));
    const other = stranger();
    await heardBy(server, () => other.send(movedPing(device.id), server.address().port, '127.0.0.1'));
    const received = event(socket, 'data');
    device.client.write('still here');
    await received;
    assert.equal(socket.remotePort, old.port);
    other.close();
  });

  test('end a connection when insecureLegacyAlerts asks for it', async (t) => {
    const { device, socket } = await startWithDevice(t, { insecureLegacyAlerts: true });
    const closed = event(socket, 'close');
    device.sendRaw(Buffer.from([0x15]));
    assert.deepEqual(await closed, [false]);
  });

  test('are heard of one kind alone where one option asks for them', async (t) => {
    for (const [option, other] of [
      ['insecureLegacyPing', Buffer.of(0x15)],
      ['insecureLegacyAlerts', ping],
    ]) {
      const { device, socket } = await startWithDevice(t, { [option]: true });
      for (const name of ['dumbPing', 'end', 'close']) socket.on(name, () => assert.fail(`${option} lets others in`));
      device.sendRaw(other);
      const received = event(socket, 'data');
      device.client.write('still here');
      await received;
      socket.removeAllListeners('close').removeAllListeners('end');
    }
  });

  test('are options of their own, and booleans', () => {
    for (const name of ['insecureLegacyPing', 'insecureLegacyAlerts']) {
      assert.throws(() => dtls.createServer({ compat: 'trackle', key: OURS.key, [name]: 1 }), {
        code: 'ERR_INVALID_ARG_TYPE',
      });
      assert.throws(() => dtls.createServer({ psk: 'secret', [name]: true }), { code: 'ERR_INVALID_ARG_VALUE' });
    }
  });
});

test('the Certificate message is left out unless asked for', async (t) => {
  for (const [sendServerCertificate, options] of [
    [false, DEVICE],
    [true, RAW_KEY],
  ]) {
    const server = await startTrackle(t, { sendServerCertificate });
    const device = new Device(server.address().port);
    t.after(() => device.close());
    const received = [];
    device.onAnswer = (datagram) => received.push(...handshakeTypes(datagram));
    await device.open(options);
    await event(server, 'secureConnection');
    assert(received.includes(SERVER_HELLO_DONE));
    assert.equal(received.includes(CERTIFICATE), sendServerCertificate);
  }
});
