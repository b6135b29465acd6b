'use strict';

// What each profile changes: the arguments of events and callbacks, and the checks of options.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const dtls = require('../..');
const { BOB, HOST, connectedPair, event, messages, openClient, startServer } = require('../support/endpoints.js');
const { openDevice } = require('../support/device.js');
const { closeAfter, keyPair } = require('../support/legacy.js');

const KEY = keyPair();
const NUMBERS = ['neustar', 'spark', 'particle', 'k4', 'matasarei'];
const ALL = [...NUMBERS, 'trackle'];

/** Options with which a server of this profile accepts bob's key. */
function pskServer(compat) {
  const options = { compat, key: KEY.key };
  if (compat === 'k4')
    options.psk_cb = (identity) => (identity.equals(Buffer.from('bob')) ? Buffer.from(BOB.psk) : 'no');
  else options.identityPskCallback = (identity) => (`${identity}` === 'bob' ? BOB.psk : '');
  return options;
}

const FAILURE = new dtls.DtlsError('The connection has failed', { code: 'ERR_DTLS_BAD_RECORD_MAC' });

const CLIENT_KEY = keyPair();
const RAW_KEY = { psk: undefined, pskIdentity: undefined, key: CLIENT_KEY.pkcs8, peerPublicKey: KEY.spki };

/** A server and a client of a profile after their handshake, by whatever that fork had. */
async function legacyPair(t, compat) {
  const server = await startServer(t, pskServer(compat));
  const secure = event(server, 'secureConnection');
  const client = openClient(t, server, { compat, ...RAW_KEY });
  await event(client, 'secureConnect');
  const [socket] = await secure;
  return { server, socket, client };
}

describe('a clientError', () => {
  for (const compat of ['neustar', 'spark', 'k4', 'matasarei']) {
    test(`is a text with ${compat}'s profile`, async (t) => {
      const server = await startServer(t, pskServer(compat));
      openClient(t, server, { ...BOB, pskIdentity: 'burglar' }).on('error', () => {});
      const [error, socket] = await event(server, 'clientError');
      assert.match(error, /^SSL - /);
      assert.equal(socket.remoteAddress, HOST);
    });
  }

  test("is an Error with trackle's profile", async (t) => {
    const server = await startServer(t, pskServer('trackle'));
    openClient(t, server, BOB).on('error', () => {});
    assert((await event(server, 'clientError'))[0] instanceof Error);
  });

  test('is an Error without a profile, in every conversion', async (t) => {
    const server = await startServer(t);
    openClient(t, server, { ...BOB, psk: 'wrong' }).on('error', () => {});
    const [error] = await event(server, 'clientError');
    assert(error instanceof dtls.DtlsError);
    assert.equal(`${error}`, `DtlsError: ${error.message}`);
  });
});

describe("'error'", () => {
  for (const compat of NUMBERS) {
    test(`of a client is number and text with ${compat}'s profile`, async (t) => {
      const server = await startServer(t);
      const client = openClient(t, server, { compat, ...RAW_KEY });
      const closed = event(client, 'close');
      const [code, message, ...rest] = await event(client, 'error');
      assert.equal(code, -0x7780);
      assert.equal(message, 'SSL - A fatal alert message was received from our peer');
      assert.deepEqual(rest, []);
      assert.deepEqual(await closed, [true]);
    });

    test(`of a write that is too long is a number with ${compat}'s profile, and the socket goes on`, async (t) => {
      const { socket } = await legacyPair(t, compat);
      const toCallback = await new Promise((resolve) => socket.write(Buffer.alloc(20_000), resolve));
      assert.equal(toCallback, -0x7100);
      assert.equal(await new Promise((resolve) => socket.write('short', (error) => resolve(error ?? null))), null);
    });

    test(`of a socket is number and text with ${compat}'s profile`, async (t) => {
      const { socket } = await legacyPair(t, compat);
      const failed = event(socket, 'error');
      const closed = event(socket, 'close');
      socket.destroy(FAILURE);
      assert.deepEqual(await failed, [-0x7180, 'SSL - Verification of the message MAC failed']);
      assert.deepEqual(await closed, [true]);
    });
  }

  test("of a socket is an Error alone with trackle's profile", async (t) => {
    const { socket } = await legacyPair(t, 'trackle');
    const failed = event(socket, 'error');
    const toCallback = await new Promise((resolve) => socket.write(Buffer.alloc(20_000), 'buffer', resolve));
    assert.equal(toCallback, -0x7100);
    socket.destroy(FAILURE);
    assert.deepEqual(await failed, [FAILURE]);
  });

  test('is an Error and its message without a profile', async (t) => {
    const { socket } = await connectedPair(t);
    const failed = event(socket, 'error');
    socket.destroy(FAILURE);
    assert.deepEqual(await failed, [FAILURE, FAILURE.message]);
  });
});

describe('ipChanged', () => {
  const kinds = {
    undefined: ['object'],
    neustar: ['object'],
    particle: ['object', 'function', 'function'],
    k4: ['object', 'function', 'function'],
    trackle: ['object', 'string', 'function', 'function'],
    matasarei: ['object', 'function', 'function'],
  };
  for (const [compat, expected] of Object.entries(kinds)) {
    test(`has ${expected.length} arguments with ${compat}'s profile`, async (t) => {
      const options = compat === 'undefined' ? { key: KEY.key } : pskServer(compat);
      const server = await startServer(t, options);
      const secure = event(server, 'secureConnection');
      const device = await openDevice(t, server.address().port, { ...RAW_KEY, omitServerCertificate: true });
      const [socket] = await secure;
      const old = device.address;
      server.on('lookupKey', (_id, callback) => callback(null, old));
      await device.move();
      device.announce = true;
      const changed = event(socket, 'ipChanged');
      device.client.write('hello');
      const args = await changed;
      assert.deepEqual(
        args.map((argument) => typeof argument),
        expected,
      );
      assert.equal(args[0].port, old.port);
    });
  }
});

describe('every profile', () => {
  for (const compat of ALL) {
    test(`of ${compat} has what the fork's sockets had`, async (t) => {
      const { server, socket, client } = await legacyPair(t, compat);
      assert.equal(socket.server, server);
      assert.equal(socket.dgramSocket, server.dgramSocket);
      assert.equal(socket.mbedSocket, socket);
      assert.equal(server.mbedServer, server);
      assert.equal(server.options.compat, compat);
      assert.deepEqual([socket.connected, socket.resumed, socket.selfRestored], [true, false, false]);
      assert.deepEqual(socket.publicKey, CLIENT_KEY.spki);
      assert.match(socket.publicKeyPEM.toString(), /^-----BEGIN PUBLIC KEY-----/);
      assert.equal(socket.outCounter.length, 8);
      assert.equal(socket.session.master.length, 48);
      assert.equal(typeof server._forceDeviceRehandshake, 'function');

      const heard = messages(client, 1);
      const sent = event(socket, 'send');
      await new Promise((resolve) => socket.send(Buffer.from('xhellox'), 1, 5, socket.remotePort, HOST, resolve));
      assert.deepEqual(await heard, ['hello']);
      assert((await sent)[0] > 'hello'.length);

      assert.equal(socket.receive(Buffer.from([23, 254, 253])), false);
      const received = event(socket, 'receive');
      client.write('hello');
      assert((await received)[0] > 'hello'.length);
      const ends = [event(socket, 'closing'), event(socket, 'close')];
      socket.end();
      await Promise.all(ends);
      assert.equal(socket.mbedSocket, null);
    });

    test(`of ${compat} ignores what the fork did not know, and what is not set`, async (t) => {
      const empty = { cert: 'server.crt', ca_cert: null, debug: true, handshakeTimeoutMin: 0, type: undefined };
      const server = await startServer(t, { ...pskServer(compat), ...empty, host: 'x', port: 5, verify_mode: 2 });
      closeAfter(t, server);
      const client = openClient(t, server, {
        ...RAW_KEY,
        compat,
        cert: null,
        psk: null,
        PSKIdent: '',
        CACert: '',
        x: 1,
      });
      await event(client, 'secureConnect');
    });
  }

  test('keeps what the options of this package say', async (t) => {
    const server = dtls.createServer({ ...pskServer('neustar'), maxConnections: 1, sendClose: false });
    t.after(() => server.close());
    assert.throws(() => dtls.createServer({ ...pskServer('neustar'), maxConnections: -1 }), {
      code: 'ERR_OUT_OF_RANGE',
    });
    assert.throws(() => dtls.connect({ compat: 'neustar', port: 5684, rejectUnauthorized: 1 }), {
      code: 'ERR_INVALID_ARG_TYPE',
    });
  });

  test('has a name', () => {
    for (const compat of ['bosch', '', null, true, 'constructor']) {
      assert.throws(() => dtls.createServer({ ...pskServer('neustar'), compat }), { code: 'ERR_INVALID_ARG_VALUE' });
      assert.throws(() => dtls.connect({ port: 5684, compat }), { code: 'ERR_INVALID_ARG_VALUE' });
    }
  });
});

describe('what is thrown', () => {
  test("by neustar's profile is the fork's string", () => {
    for (const compat of ['neustar', 'spark']) {
      assert.throws(
        () => dtls.createServer({ compat, identityPskCallback() {} }),
        (thrown) => thrown === "Parameter 'key' is not set",
      );
      assert.throws(
        () => dtls.createServer({ compat, key: KEY.key }),
        (thrown) => thrown === "Parameter 'identityPskCallback' is not set",
      );
    }
  });

  test('by the other profiles is an Error', () => {
    for (const compat of ['particle', 'trackle', 'matasarei']) {
      assert.throws(() => dtls.createServer({ compat }), TypeError);
    }
    for (const compat of ['particle', 'trackle']) {
      assert.throws(() => dtls.connect({ compat, port: 5684, key: KEY.key }), TypeError);
      assert.throws(() => dtls.connect({ compat, port: 5684, peerPublicKey: KEY.spki }), TypeError);
    }
  });
});

test("resumeSession's callback takes one argument with matasarei's profile", async (t) => {
  const first = await startServer(t, { ...pskServer('matasarei'), sendClose: false });
  const secure = event(first, 'secureConnection');
  const device = await openDevice(t, first.address().port);
  const [socket] = await secure;
  const { session } = socket;
  await new Promise((resolve) => first.close(resolve));

  const server = await startServer(t, pskServer('matasarei'));
  device.port = server.address().port;
  const answers = [undefined, new Error('database down'), session];
  server.on('resumeSession', (_key, _socket, callback) => callback(answers.shift()));
  device.client.write('is unknown');
  while (answers.length > 2) await new Promise(setImmediate);
  const failed = event(server, 'clientError');
  device.client.write('fails');
  assert.match((await failed)[0], /database down|SSL - /);
  const again = event(server, 'secureConnection');
  device.client.write('goes on');
  assert.deepEqual(await messages((await again)[0], 1), ['goes on']);
});

test('every profile stays with DTLS 1.2 on both sides, and its connections can be saved', async (t) => {
  const NEWER = { maxVersion: 'DTLSv1.3' };
  for (const compat of ALL) {
    const server = await startServer(t, pskServer(compat));
    const newest = openClient(t, server, { ...RAW_KEY, omitServerCertificate: true, ...NEWER });
    const [[socket]] = await Promise.all([event(server, 'secureConnection'), event(newest, 'secureConnect')]);
    assert.equal(newest.getProtocol(), 'DTLSv1.2');
    assert.equal(socket.session.master.length, 48);
    const both = await startServer(t, { key: KEY.key, ...NEWER });
    const client = openClient(t, both, { compat, ...RAW_KEY });
    await event(client, 'secureConnect');
    assert.equal(client.getProtocol(), 'DTLSv1.2');
  }
});
