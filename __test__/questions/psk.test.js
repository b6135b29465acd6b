'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { DtlsSocket } = require('../..');
const { BOB, closeOfConnection, connectedPair, event, openClient, startServer } = require('../support/endpoints.js');

const KEY = 'secret of bob';
const REFUSED = /^ERR_DTLS_(UNKNOWN_PSK_IDENTITY|WRONG_PSK|BAD_RECORD_MAC|ALERT_RECEIVED)$/;

/** Opens a client and returns its fate, as both sides see it. */
async function attempt(t, server, options) {
  const client = openClient(t, server, options);
  const outcome = await Promise.race([
    event(client, 'secureConnect').then(() => 'secure'),
    event(client, 'error').then(([error]) => error),
  ]);
  return { client, outcome };
}

async function assertSecure(t, serverOptions, clientOptions = BOB) {
  const server = await startServer(t, serverOptions);
  const announced = event(server, 'secureConnection');
  const { client, outcome } = await attempt(t, server, clientOptions);
  assert.equal(outcome, 'secure');
  const [socket] = await announced;
  return { server, client, socket };
}

async function assertRefused(t, serverOptions, code, clientOptions = BOB) {
  const server = await startServer(t, serverOptions);
  const refusal = event(server, 'clientError');
  const { outcome } = await attempt(t, server, clientOptions);
  assert.match(outcome.code, REFUSED);
  const [error, socket] = await refusal;
  assert.equal(error.code, code);
  assert.equal(error.address, '127.0.0.1');
  assert.equal(error.port, socket.remotePort);
  assert(socket instanceof DtlsSocket);
  return { error, outcome };
}

describe('a connection with a pre-shared key', () => {
  test('knows its peer, its suite and the confirmed identity', async (t) => {
    const { server, socket, client } = await connectedPair(t);
    assert.deepEqual(socket.pskIdentity, Buffer.from('bob'));
    assert.equal(socket.server, server);
    assert.equal(socket.remoteAddress, '127.0.0.1');
    assert.equal(socket.remotePort, client.localPort);
    assert.equal(socket.remoteFamily, 'IPv4');
    assert.equal(client.remotePort, server.address().port);
    for (const side of [socket, client]) {
      assert.equal(side.connected, true);
      assert.equal(side.getProtocol(), client.getCipher().version);
      assert.match(side.getCipher().standardName, /^TLS_((ECDHE_)?PSK_WITH|AES)_/);
      assert(side.handshakeTime > 0);
    }
    assert.deepEqual(client.getCipher(), socket.getCipher());
  });

  test('knows nothing of that before the end of the handshake', async (t) => {
    const server = await startServer(t);
    const connection = event(server, 'connection');
    const client = openClient(t, server);
    assert.equal(client.connecting, true);
    const [socket] = await connection;
    for (const side of [socket, client]) {
      assert.equal(side.connected, false);
      assert.equal(side.getProtocol(), null);
      assert.equal(side.getCipher(), null);
      assert.equal(side.pskIdentity, undefined);
    }
    await event(client, 'secureConnect');
    assert.equal(client.connecting, false);
  });

  test('uses the suite that both sides name', async (t) => {
    const suite = 'TLS_PSK_WITH_AES_128_CCM_8';
    const { client } = await connectedPair(t, { clientOptions: { ciphers: suite } });
    assert.deepEqual(client.getCipher(), { name: 'PSK-AES128-CCM8', standardName: suite, version: 'DTLSv1.2' });
  });

  test('is refused when no suite is common', async (t) => {
    const server = await startServer(t, { psk: KEY, ciphers: ['TLS_PSK_WITH_AES_128_CCM_8'] });
    const refusal = event(server, 'clientError');
    const { outcome } = await attempt(t, server, { ...BOB, ciphers: ['TLS_PSK_WITH_AES_256_CCM_8'] });
    assert.equal((await refusal)[0].code, 'ERR_DTLS_NO_SHARED_CIPHER');
    assert.equal(outcome.code, 'ERR_DTLS_ALERT_RECEIVED');
  });

  test('may have a key of 64 bytes', async (t) => {
    const psk = Buffer.alloc(64, 7);
    await assertSecure(t, { psk }, { ...BOB, psk });
  });
});

describe('the key comes from', () => {
  test('one key for all', async (t) => {
    const { socket } = await assertSecure(t, { psk: KEY }, { ...BOB, pskIdentity: 'anybody' });
    assert.deepEqual(socket.pskIdentity, Buffer.from('anybody'));
  });

  test('a Map', async (t) => {
    await assertSecure(t, { psk: new Map([[Buffer.from('bob'), Buffer.from(KEY)]]) });
  });

  test('pskCallback, which gets the socket and the identity', async (t) => {
    const asked = [];
    const pskCallback = (...args) => {
      asked.push(args);
      return KEY;
    };
    const { socket } = await assertSecure(t, { pskCallback });
    assert.equal(asked.length, 1);
    assert.equal(asked[0][0], socket);
    assert.equal(asked[0][1], 'bob');
  });

  test("pskCallback's promise", async (t) => {
    await assertSecure(t, { pskCallback: async () => Buffer.from(KEY) });
  });

  test("pskCallback's callback, at once and later", async (t) => {
    await assertSecure(t, { pskCallback: (_socket, _identity, callback) => void callback(null, KEY) });
    await assertSecure(t, { pskCallback: (_socket, _identity, callback) => void setImmediate(callback, null, KEY) });
    await assertSecure(t, {
      pskCallback: async (_socket, _identity, callback) => void setImmediate(callback, null, KEY),
    });
  });

  test('identityPskCallback', async (t) => {
    await assertSecure(t, { identityPskCallback: (identity) => (identity === 'bob' ? KEY : '') });
    await assertSecure(t, { identityPskCallback: async () => KEY });
  });

  test('a callback that gets identities as Buffers', async (t) => {
    const identity = Buffer.from([0xff, 0x00, 0x80]);
    const pskCallback = (_socket, asked) => (identity.equals(asked) ? KEY : null);
    const { socket } = await assertSecure(
      t,
      { pskCallback, pskIdentityEncoding: 'buffer' },
      { ...BOB, pskIdentity: identity },
    );
    assert.deepEqual(socket.pskIdentity, identity);
  });
});

describe('a client is refused', () => {
  const unknown = 'ERR_DTLS_UNKNOWN_PSK_IDENTITY';

  test('whose identity is not in the table', async (t) => {
    await assertRefused(t, { psk: { alice: KEY } }, unknown);
  });

  test('whose identity differs from a known one only after a NUL', async (t) => {
    await assertRefused(t, { psk: { bob: KEY } }, unknown, { ...BOB, pskIdentity: 'bob\0alice' });
  });

  test('whose identity is a property that every object has', async (t) => {
    await assertRefused(t, { psk: { bob: KEY } }, unknown, { ...BOB, pskIdentity: '__proto__' });
  });

  test('whose identity the callback does not know', async (t) => {
    await assertRefused(t, { pskCallback: () => null }, unknown);
    await assertRefused(t, { pskCallback: () => undefined }, unknown);
    await assertRefused(t, { pskCallback: async () => null }, unknown);
    await assertRefused(t, { identityPskCallback: () => '' }, unknown);
  });

  test('whose identity is not UTF-8, without the callback being asked', async (t) => {
    const pskCallback = t.mock.fn(() => KEY);
    await assertRefused(t, { pskCallback }, unknown, { ...BOB, pskIdentity: Buffer.from([0xff]) });
    assert.equal(pskCallback.mock.callCount(), 0);
  });

  test('whose key is wrong', async (t) => {
    await assertRefused(t, { psk: { bob: KEY } }, 'ERR_DTLS_WRONG_PSK', { ...BOB, psk: 'something else' });
  });

  test('in the same way for an unknown identity and for a wrong key', async (t) => {
    const stranger = await assertRefused(t, { psk: { alice: KEY } }, unknown);
    const liar = await assertRefused(t, { psk: { bob: KEY } }, 'ERR_DTLS_WRONG_PSK', { ...BOB, psk: 'other' });
    assert.equal(stranger.outcome.code, liar.outcome.code);
    assert.equal(stranger.outcome.alert, liar.outcome.alert);
  });

  test("without an 'error' on its socket", async (t) => {
    const server = await startServer(t, { psk: { alice: KEY } });
    const onError = t.mock.fn();
    const connection = event(server, 'connection');
    server.once('connection', (opened) => opened.on('error', onError));
    const closed = closeOfConnection(server);
    attempt(t, server, BOB);
    const [socket] = await connection;
    assert.deepEqual(await closed, [true]);
    assert.equal(socket.destroyed, true);
    assert.equal(onError.mock.callCount(), 0);
    assert.deepEqual(Object.keys(server.sockets), []);
  });
});

test('a look-up delays its own handshake only', async (t) => {
  let answerSlow;
  const pskCallback = (_socket, identity, callback) => {
    if (identity === 'slow') answerSlow = callback;
    else callback(null, KEY);
  };
  const server = await startServer(t, { pskCallback });
  const slow = openClient(t, server, { ...BOB, pskIdentity: 'slow' });
  const slowIsSecure = event(slow, 'secureConnect');
  await event(server, 'connection');

  const fast = Array.from({ length: 20 }, () => openClient(t, server));
  await Promise.all(fast.map((client) => event(client, 'secureConnect')));
  assert.equal(slow.connected, false);
  answerSlow(null, KEY);
  await slowIsSecure;
});
