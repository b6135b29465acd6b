'use strict';

// Servers and clients of the profiles by themselves: which options count, and what becomes of events, without a handshake.

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const { describe, test } = require('node:test');

const { DtlsError, connect, createServer } = require('../..');
const { keyPair } = require('../support/legacy.js');

const OURS = keyPair();
const THEIRS = keyPair();
const NAMES = ['neustar', 'spark', 'particle', 'trackle', 'k4', 'matasarei'];

function makeServer(compat, more) {
  return createServer({ compat, key: OURS.pkcs8, identityPskCallback: () => null, ...more });
}

/** A client that is never connected, because nobody resolves its host. */
function makeClient(t, compat, more) {
  const options = { compat, port: 9, host: 'host', lookup() {}, key: THEIRS.pkcs8, peerPublicKey: OURS.spki };
  const client = connect({ ...options, ...more });
  client.on('error', () => {});
  t.after(() => client.destroy());
  return client;
}

const FAILURE = new DtlsError('why', { code: 'ERR_DTLS_BAD_RECORD_MAC' });

describe('options of a profile', () => {
  test('that are not set do not count, and unknown ones are ignored', () => {
    for (const compat of NAMES) {
      for (const value of [undefined, null, '', false]) {
        makeServer(compat, {
          ca: value,
          maxConnections: value,
          idleTimeout: value,
          unknown: 5,
          cert: 'x',
          psk: undefined,
        });
      }
      // A time of 0 stands for one that is not set, and no other number does.
      for (const value of [undefined, null, '', false, 0]) makeServer(compat, { handshakeTimeoutMin: value });
      assert.throws(() => makeServer(compat, { maxConnections: 0 }), { code: 'ERR_OUT_OF_RANGE' });
      for (const name of ['sendClose', 'requestCert', 'rejectUnauthorized', 'ipv6Only'])
        makeServer(compat, { [name]: false });
      assert.throws(() => makeServer(compat, { maxConnections: -1 }), { code: 'ERR_OUT_OF_RANGE' });
      for (const debug of [true, 5, '3', -1, 1.5, 'x', {}]) makeServer(compat, { debug });
    }
  });

  test('that switch something unsafe on are booleans', () => {
    for (const name of ['insecureLegacyPing', 'insecureLegacyAlerts']) {
      for (const value of [true, false, undefined]) makeServer('trackle', { [name]: value });
      assert.throws(() => makeServer('trackle', { [name]: 1 }), {
        code: 'ERR_INVALID_ARG_TYPE',
        message: `The "options.${name}" property must be of type boolean. Received type number (1)`,
      });
    }
  });

  test('raise the longest time of a retransmission with the first one, where that is longer', () => {
    makeServer('trackle', { handshakeTimeoutMin: 60_000 });
    makeServer('trackle', { handshakeTimeoutMin: 60_001 });
    makeServer('trackle', { handshakeTimeoutMin: 70_000, handshakeTimeoutMax: 80_000 });
    assert.throws(() => makeServer('trackle', { handshakeTimeoutMin: 70_000, handshakeTimeoutMax: 60_500 }), {
      code: 'ERR_OUT_OF_RANGE',
    });
  });

  test('have PEM with a zero at its end', (t) => {
    const text = Buffer.from(OURS.pem);
    makeServer('particle', { key: Buffer.concat([text, Buffer.alloc(1)]) });
    makeClient(t, 'particle', { key: Buffer.concat([text, Buffer.alloc(1)]) });
  });
});

describe('a server of a profile', () => {
  test('closes although it has never listened', async () => {
    const server = makeServer('neustar');
    let isClosed = false;
    assert.equal(
      server.close(() => (isClosed = true)),
      server,
    );
    assert.equal(isClosed, false);
    await new Promise(setImmediate);
    assert.equal(isClosed, true);
    assert.equal(server.close(), server);
    assert.deepEqual([server.mbedServer, server.options.compat], [server, 'neustar']);
  });

  test('tells of a failure first, and its socket then, whatever a listener does', () => {
    for (const [compat, expected] of [
      ['neustar', 'SSL - Verification of the message MAC failed'],
      ['trackle', FAILURE],
    ]) {
      const server = makeServer(compat);
      const log = [];
      const socket = Object.assign(new EventEmitter(), { endsQuietly: false });
      socket.on('error', (error) => log.push(['socket', error]));
      server.on('clientError', (error, one) => log.push(['server', error, one === socket]));
      assert.equal(server.emit('clientError', FAILURE, socket), true);
      assert.deepEqual(log.splice(0), [
        ['server', expected, true],
        ['socket', FAILURE],
      ]);
      server.on('clientError', () => {
        throw new Error('of the application');
      });
      assert.throws(() => server.emit('clientError', FAILURE, socket), { message: 'of the application' });
      assert.deepEqual(log.splice(0).at(-1), ['socket', FAILURE]);
      socket.endsQuietly = true;
      assert.equal(server.emit('clientError', FAILURE, socket), true);
      server.removeAllListeners('clientError');
      assert.equal(server.emit('clientError', FAILURE, socket), false);
      assert.deepEqual(log, []);
    }
  });

  test("ends quietly whose look-up by 'renegotiate' has failed", () => {
    const server = makeServer('neustar');
    const answers = [];
    for (const [given, quiet] of [
      [[null, 'session'], undefined],
      [[new Error('no')], true],
    ]) {
      const socket = {};
      server.removeAllListeners('renegotiate').on('renegotiate', (id, one, callback) => {
        assert.deepEqual([id, one], ['id', socket]);
        callback(...given);
      });
      server.emit('renegotiate', 'id', socket, (...answer) => answers.push(answer));
      assert.equal(socket.endsQuietly, quiet);
    }
    assert.deepEqual(
      answers.map(([error, session]) => [error?.message ?? null, session]),
      [
        [null, 'session'],
        ['no', undefined],
      ],
    );
  });

  test("takes a bare answer to 'resumeSession' where its fork did", () => {
    for (const compat of NAMES) {
      const server = makeServer(compat);
      const answers = [];
      const error = new Error('no');
      const given =
        compat === 'matasarei' ? [['session'], [error], [undefined]] : [[null, 'session'], [error], [null, undefined]];
      server.on('resumeSession', (key, socket, callback) => {
        assert.deepEqual([key, socket], ['key', 'socket']);
        callback(...given.shift());
      });
      for (let count = 0; count < 3; count++)
        server.emit('resumeSession', 'key', 'socket', (...answer) => answers.push(answer));
      const plain = answers.map(([first, session]) => [first, session]);
      assert.deepEqual(
        plain,
        [
          [null, 'session'],
          [error, undefined],
          [null, undefined],
        ],
        compat,
      );
    }
  });

  test('tells of sessions where its fork did, with the address that the device has then', () => {
    for (const compat of NAMES) {
      const server = makeServer(compat);
      const log = [];
      for (const name of ['newSession', 'endSession', 'secureConnection'])
        server.on(name, (...args) => log.push([name, args[0]]));
      const socket = Object.assign(new EventEmitter(), { remoteAddress: '::1', remotePort: 7, session: 'session' });
      server.emit('secureConnection', socket);
      server.emit('secureConnection', socket, 'restored');
      socket.remotePort = 8;
      socket.emit('close');
      const secure = ['secureConnection', socket];
      const expected =
        compat === 'matasarei'
          ? [['newSession', '::1:7'], secure, secure, ['endSession', '::1:8'], ['endSession', '::1:8']]
          : [secure, secure];
      assert.deepEqual(log, expected, compat);
    }
  });

  test('says to a device that its connection is gone where its fork did, while it listens', () => {
    for (const compat of NAMES) {
      const server = makeServer(compat);
      assert.equal(server.listenerCount('forceDeviceRehandshake'), ['trackle', 'matasarei'].includes(compat) ? 1 : 0);
      server._forceDeviceRehandshake({ address: '192.0.2.1', port: 7 }, 'id');
    }
  });
});

describe('a client of a profile', () => {
  test('tells of errors in the words of its fork', (t) => {
    for (const compat of NAMES) {
      const client = makeClient(t, compat);
      client.removeAllListeners('error');
      const log = [];
      for (const name of ['error', 'err']) client.on(name, (...args) => log.push([name, ...args]));
      const system = new Error('cable cut');
      client.emit('error', FAILURE);
      client.emit('error', system);
      const words = [-0x7180, 'SSL - Verification of the message MAC failed'];
      assert.deepEqual(
        log,
        [
          [compat === 'trackle' ? 'err' : 'error', ...words],
          ['error', system],
        ],
        compat,
      );
    }
  });

  test("has 'close' without an error when its look-up has ended it", (t) => {
    const client = makeClient(t, 'neustar');
    const log = [];
    client.on('close', (hadError) => log.push(hadError));
    client.emit('close', true);
    client.endsQuietly = true;
    client.emit('close', true);
    client.emit('close', false);
    assert.deepEqual(log, [true, false, false]);
    client.removeAllListeners('close');
  });

  test('has a move in the form of its fork, which may refuse it', async (t) => {
    const old = { address: '::1', family: 'IPv6', port: 7, deviceId: 'ab' };
    for (const [compat, act, refused] of [
      ['particle', () => {}, 1],
      ['particle', (_old, acknowledge) => acknowledge(), 0],
      ['particle', (_old, _acknowledge, done) => done(), 0],
      ['particle', (_old, _acknowledge, done) => done(new Error('no')), 1],
      ['k4', () => {}, 0],
      ['k4', (_old, _acknowledge, done) => done(new Error('no')), 1],
      ['trackle', (_old, id, _acknowledge, done) => (id === 'ab' ? done(new Error('no')) : assert.fail()), 1],
      ['neustar', (...args) => assert.deepEqual(args, [old]), 0],
    ]) {
      const client = makeClient(t, compat);
      const refusals = [];
      client.server = Object.assign(new EventEmitter(), {});
      client.server.on('forceDeviceRehandshake', (...args) => refusals.push(args));
      Object.assign(client, { remoteAddress: '192.0.2.1', remotePort: 9 });
      assert.equal(client.emit('ipChanged', old), false);
      assert.deepEqual(refusals, []);
      client.on('ipChanged', act);
      assert.equal(client.emit('ipChanged', old), true);
      await new Promise(setImmediate);
      assert.deepEqual(
        refusals,
        Array.from({ length: refused }, () => [{ address: '192.0.2.1', family: 'IPv4', port: 9 }, 'ab']),
        compat,
      );
      client.server = undefined;
    }
  });

  test('has a socket of its own, as long as it lives, and takes no datagram without one', (t) => {
    const client = makeClient(t, 'neustar');
    assert.equal(client.mbedSocket, client);
    assert.equal(client.receive(Buffer.from('x')), false);
    assert.equal(client.listenerCount('receive'), 0);
    const trackle = makeClient(t, 'trackle', { insecureLegacyPing: true });
    trackle.dumbPing();
    client.destroy();
    assert.equal(client.mbedSocket, null);
  });

  test("is told that it is secure as a client, and as a server's socket", (t) => {
    const client = makeClient(t, 'neustar');
    const log = [];
    client.on('secureConnect', (...args) => log.push(args.length));
    client.emit('secureConnect', client);
    client.server = {};
    client.emit('secureConnect', client);
    client.server = undefined;
    assert.deepEqual(log, [1, 0]);
  });

  test('ignores a certificate without its key, and one that is the name of a file', (t) => {
    const psk = { psk: 'secret', pskIdentity: 'id', peerPublicKey: undefined };
    makeClient(t, 'neustar', { ...psk, key: undefined, cert: '-----BEGIN CERTIFICATE-----\nx' });
    makeClient(t, 'neustar', { ...psk, cert: 'server.crt' });
    makeClient(t, 'neustar', { ...psk, key: undefined });
  });
});
