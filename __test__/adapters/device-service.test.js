'use strict';

// A device service like that of spark-protocol: devices known by their public keys, sessions in a store by address, a
// table from device id to address, and devices that move.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const dtls = require('../..');
const { event, freePort, messages } = require('../support/endpoints.js');
const { openDevice } = require('../support/device.js');
const { closeAfter, keyPair } = require('../support/legacy.js');

const HELLO_REQUEST = '16fefd000100000000000000100000';

/** What survives the service: the store and the table, as JSON. */
class Store {
  constructor(devices) {
    this.devices = devices;
    this.sessions = new Map();
    this.places = new Map();
  }

  save(id, socket) {
    const place = { address: socket.remoteAddress, port: socket.remotePort };
    this.places.set(id, place);
    this.sessions.set(`${place.address}:${place.port}`, JSON.stringify({ id, session: socket.session }));
  }

  session(key) {
    const text = this.sessions.get(key);
    return text === undefined ? undefined : JSON.parse(text).session;
  }
}

class DeviceService {
  constructor(options, store) {
    this.store = store;
    this.log = [];
    this.online = new Map();
    this.server = dtls.createServer(options);
    this.server.on('lookupKey', (deviceId, callback) => {
      const place = store.places.get(deviceId);
      if (place === undefined) callback(new Error('unknown device'));
      else setImmediate(callback, null, place);
    });
    this.server.on('resumeSession', (key, _socket, callback) => setImmediate(callback, null, store.session(key)));
    this.server.on('secureConnection', (socket, session) => this._onDevice(socket, session));
    this.server.on('forceDeviceRehandshake', (rinfo, deviceId) => {
      this.log.push(`rehandshake ${deviceId}`);
      this.server._forceDeviceRehandshake?.(rinfo, deviceId);
    });
    this.server.on('clientError', (error) => this.log.push(`clientError ${error}`));
  }

  listen(port) {
    return new Promise((resolve) => this.server.listen(port, '127.0.0.1', resolve));
  }

  _onDevice(socket, session) {
    const id = this.store.devices.get(socket.publicKey.toString('base64'));
    this.log.push(`${session ? 'resumed' : 'secure'} ${id !== undefined} ${socket.publicKeyPEM.length > 0}`);
    this.online.set(id, socket);
    socket.on('data', (message) => {
      this.store.save(id, socket);
      socket.write(`ack ${message}`);
      assert(socket.outCounter.length === 8);
    });
    socket.on('ipChanged', (old, ackPending, done) => {
      this.log.push(`moved ${old.port !== socket.remotePort}`);
      this.store.save(id, socket);
      ackPending?.();
      if (done) setImmediate(done);
    });
    socket.on('close', () => this.online.delete(id));
    this.store.save(id, socket);
  }

  count() {
    return new Promise((resolve) => this.server.getConnections(resolve));
  }
}

for (const compat of [undefined, 'particle', 'k4']) {
  test(`devices come, move, and survive a restart ${compat ? `with ${compat}'s profile` : 'with one line changed'}`, async (t) => {
    const ours = keyPair();
    const theirs = keyPair();
    const id = Buffer.from('e00fce681234567890abcdef', 'hex');
    const store = new Store(new Map([[theirs.spki.toString('base64'), id.toString('hex')]]));
    const options = compat
      ? { compat, key: ours.key, handshakeTimeoutMin: 4000, sendClose: false }
      : { key: ours.key, requestCert: true, rejectUnauthorized: false, sendClose: false };
    const first = new DeviceService(options, store);
    closeAfter(t, first.server);
    const port = await freePort();
    await first.listen(port);
    const device = await openDevice(t, port, {
      id,
      psk: undefined,
      pskIdentity: undefined,
      key: theirs.pkcs8,
      peerPublicKey: ours.spki,
      omitServerCertificate: true,
    });
    const say = async (message) => {
      const acknowledged = messages(device.client, 1);
      device.client.write(message);
      assert.deepEqual(await acknowledged, [`ack ${message}`]);
    };
    await say('hello');
    device.announce = true;
    await device.move();
    await say('from elsewhere');
    assert.equal(await first.count(), 1);
    assert.deepEqual(first.log, ['secure true true', 'moved true']);
    await new Promise((resolve) => first.server.close(resolve));

    const second = new DeviceService(options, store);
    closeAfter(t, second.server);
    await second.listen(port);
    await device.move();
    await say('from elsewhere, after a restart');
    assert.deepEqual(second.log, ['resumed true true', 'moved true']);
    const place = store.places.get(id.toString('hex'));
    assert.equal(second.server.resumeSocket(place, store.session(`${place.address}:${place.port}`)), false);
    await new Promise((resolve) => second.server.close(resolve));

    const third = new DeviceService(options, store);
    closeAfter(t, third.server);
    await third.listen(port);
    assert.equal(third.server.resumeSocket(place, store.session(`${place.address}:${place.port}`)), true);
    const pushed = messages(device.client, 1);
    third.online.get(id.toString('hex')).write('are you there?');
    assert.deepEqual(await pushed, ['are you there?']);
    await say('yes');

    // A device that no table knows any more is told so.
    store.places.clear();
    await device.move();
    const told = new Promise((resolve) => {
      device.onAnswer = (datagram) => resolve(datagram.toString('hex'));
    });
    const asked = event(third.server, 'forceDeviceRehandshake');
    device.client.write('do you know me?');
    assert.equal((await asked)[1], id.toString('hex'));
    if (compat) assert.equal(await told, HELLO_REQUEST);
  });
}

test("a move that no listener of Particle's acknowledges is refused", async (t) => {
  const ours = keyPair();
  const server = dtls.createServer({ compat: 'particle', key: ours.key });
  closeAfter(t, server);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const secure = event(server, 'secureConnection');
  const key = keyPair();
  const device = await openDevice(t, server.address().port, {
    psk: undefined,
    pskIdentity: undefined,
    key: key.pkcs8,
    peerPublicKey: ours.spki,
    omitServerCertificate: true,
  });
  const [socket] = await secure;
  server.on('lookupKey', (_id, callback) => callback(null, { address: socket.remoteAddress, port: socket.remotePort }));
  for (const [answer, isRefused] of [
    [() => {}, true],
    [(_old, ackPending) => ackPending(), false],
    [(_old, _ackPending, done) => done(), false],
    [(_old, _ackPending, done) => done(new Error('database down')), true],
  ]) {
    const refusals = [];
    server.removeAllListeners('forceDeviceRehandshake');
    server.on('forceDeviceRehandshake', (rinfo) => refusals.push(rinfo.port));
    socket.once('ipChanged', answer);
    device.announce = true;
    await device.move();
    const received = messages(socket, 1);
    device.client.write('hello');
    await received;
    await new Promise(setImmediate);
    assert.deepEqual(refusals, isRefused ? [device.address.port] : []);
  }
});
