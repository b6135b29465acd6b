'use strict';

// Clients that are asked for their own key and identity, in the form of node:tls, and servers that give them a hint.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { setTimeout: delay } = require('node:timers/promises');

const credentials = require('../support/certificates.js');
const { BOB, event, openClient, startServer } = require('../support/endpoints.js');
const { HELLO, HINT, inOlderVersion } = require('../support/older-version.js');

const skip = credentials.available ? false : 'openssl not found';

const bob = () => ({ psk: BOB.psk, identity: BOB.pskIdentity });

async function assertSecure(t, pskCallback, serverOptions = {}) {
  const server = await startServer(t, { psk: { bob: BOB.psk }, ...serverOptions });
  const client = openClient(t, server, { pskCallback });
  const [[socket]] = await Promise.all([event(server, 'secureConnection'), event(client, 'secureConnect')]);
  return { server, socket, client };
}

async function assertFails(t, pskCallback, code) {
  const server = await startServer(t);
  const failure = event(server, 'clientError');
  const client = openClient(t, server, { pskCallback });
  const [error] = await event(client, 'error');
  assert.equal(error.code, code);
  assert.equal(error.port, server.address().port);
  assert.equal((await failure)[0].code, 'ERR_DTLS_ALERT_RECEIVED');
  return error;
}

describe("a client's pskCallback", () => {
  test('gets null from a server without a hint, once, when the handshake reaches the key', async (t) => {
    const pskCallback = t.mock.fn(bob);
    const { socket, client } = await assertSecure(t, pskCallback);
    assert.deepEqual(
      pskCallback.mock.calls.map((call) => call.arguments),
      [[null]],
    );
    assert.deepEqual(socket.pskIdentity, Buffer.from('bob'));
    assert.match(client.getCipher().standardName, /^TLS_((ECDHE_)?PSK_WITH|AES)_/);
    assert.equal(client.authorized, true);
  });

  test('gets the hint as a string', async (t) => {
    inOlderVersion(t, HINT);
    for (const [hint, expected] of [
      ['schlüssel', 'schlüssel'],
      [Buffer.from('a\0b'), 'a\0b'],
      ['h'.repeat(128), 'h'.repeat(128)],
      // No string stands for these bytes.
      [Buffer.from([0xff, 0x00]), null],
    ]) {
      const pskCallback = t.mock.fn(bob);
      await assertSecure(t, pskCallback, { pskIdentityHint: hint });
      assert.deepEqual(pskCallback.mock.calls[0].arguments, [expected]);
    }
  });

  test('may answer with a promise, and with bytes', async (t) => {
    const key = Buffer.alloc(64, 1);
    const identity = Buffer.from([0xff, 0x00, 0x80]);
    const serverOptions = { psk: new Map([[identity, key]]) };
    const pskCallback = async () => {
      await delay(20);
      return { psk: new Uint8Array(key), identity };
    };
    const { socket } = await assertSecure(t, pskCallback, serverOptions);
    assert.deepEqual(socket.pskIdentity, identity);
  });

  test('chooses among several identities, by the hint and each time anew', async (t) => {
    const keys = { home: 'key for home', work: 'key for work' };
    const seen = [];
    for (const hint of ['home', 'work', 'home']) {
      const pskCallback = (asked) => ({ identity: asked, psk: keys[asked] });
      const { socket } = await assertSecure(t, pskCallback, { psk: keys, pskIdentityHint: hint });
      seen.push(socket.pskIdentity.toString());
    }
    assert.deepEqual(seen, ['home', 'work', 'home']);
  });

  test('stops the handshake with null or undefined', async (t) => {
    for (const answer of [null, undefined, Promise.resolve(null)]) {
      const error = await assertFails(t, () => answer, 'ERR_DTLS_NO_PSK');
      assert.equal(error.alert, 40);
    }
  });

  test('that throws or is rejected ends the handshake, with its cause', async (t) => {
    const cause = new Error('the key store is locked');
    const thrower = () => {
      throw cause;
    };
    for (const pskCallback of [thrower, async () => thrower()]) {
      const error = await assertFails(t, pskCallback, 'ERR_DTLS_LOOKUP_FAILED');
      assert.equal(error.cause, cause);
    }
  });

  test('that answers with something else ends the handshake', async (t) => {
    for (const [answer, code] of [
      ['secret', 'ERR_INVALID_ARG_TYPE'],
      [true, 'ERR_INVALID_ARG_TYPE'],
      [{ psk: 'secret' }, 'ERR_INVALID_ARG_TYPE'],
      [{ identity: 'bob' }, 'ERR_INVALID_ARG_TYPE'],
      [{ psk: '', identity: 'bob' }, 'ERR_OUT_OF_RANGE'],
      [{ psk: Buffer.alloc(65), identity: 'bob' }, 'ERR_OUT_OF_RANGE'],
      [{ psk: 'secret', identity: 'x'.repeat(257) }, 'ERR_OUT_OF_RANGE'],
    ]) {
      const error = await assertFails(t, () => answer, 'ERR_DTLS_LOOKUP_FAILED');
      assert.equal(error.cause.code, code);
      assert(!error.message.includes('secret'), 'a key has no business in a message');
    }
  });

  test('may close its client', async (t) => {
    const server = await startServer(t);
    const pskCallback = () => {
      client.destroy();
      return bob();
    };
    const client = openClient(t, server, { pskCallback });
    assert.deepEqual(await event(client, 'close'), [false]);
  });

  test('is not called by a server with a certificate', { skip }, async (t) => {
    inOlderVersion(t, HELLO);
    const { key, cert } = credentials.server;
    const pskCallback = t.mock.fn(bob);
    const server = await startServer(t, { key, cert });
    const client = openClient(t, server, { pskCallback, ca: credentials.ca.cert, servername: 'localhost' });
    await event(client, 'secureConnect');
    assert.equal(pskCallback.mock.callCount(), 0);
  });

  test('that never answers ends the handshake after handshakeTimeout', async (t) => {
    const server = await startServer(t);
    const client = openClient(t, server, { pskCallback: () => new Promise(() => {}), handshakeTimeout: 300 });
    const [error] = await event(client, 'error');
    assert.equal(error.code, 'ERR_DTLS_HANDSHAKE_TIMEOUT');
  });
});

describe('pskIdentityHint', () => {
  test('can be changed from the next handshake on', async (t) => {
    inOlderVersion(t, HINT);
    const server = await startServer(t, { psk: { bob: BOB.psk }, pskIdentityHint: 'first' });
    const hints = [];
    const pskCallback = (hint) => {
      hints.push(hint);
      return bob();
    };
    await event(openClient(t, server, { pskCallback }), 'secureConnect');
    server.setSecureContext({ pskIdentityHint: 'second' });
    await event(openClient(t, server, { pskCallback }), 'secureConnect');
    server.addContext('*.example.test', { pskIdentityHint: 'third' });
    const named = { pskCallback, servername: 'a.example.test' };
    await event(openClient(t, server, named), 'secureConnect');
    await event(openClient(t, server, { pskCallback }), 'secureConnect');
    assert.deepEqual(hints, ['first', 'second', 'third', 'second']);
  });

  test('is refused without a pre-shared key', { skip }, async (t) => {
    const { key, cert } = credentials.server;
    const server = await startServer(t, { key, cert });
    for (const change of [
      () => server.setSecureContext({ pskIdentityHint: 'hint' }),
      () => server.addContext('a.example.test', { key, cert, pskIdentityHint: 'hint' }),
    ]) {
      assert.throws(change, { code: 'ERR_MISSING_OPTION', message: /options\.psk/ });
    }
  });
});
