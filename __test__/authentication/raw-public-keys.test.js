'use strict';

// Raw public keys (RFC 7250), over real sockets.

const assert = require('node:assert/strict');
const { createPublicKey } = require('node:crypto');
const { describe, test } = require('node:test');

const { BOB, event, messages, openClient, startServer } = require('../support/endpoints.js');
const { keyPair } = require('../support/keys.js');
const { secured, refused } = require('../support/outcomes.js');
const { connect, createServer } = require('../..');

const OURS = keyPair();
const THEIRS = keyPair();
const OTHER = keyPair();
const OPEN = { key: OURS.key, requestCert: true, rejectUnauthorized: false };
const TO_US = { peerPublicKey: OURS.publicKey };

describe('a raw public key', () => {
  test('authenticates the server to a client that has it', async (t) => {
    const { client, socket } = await secured(t, { key: OURS.key }, TO_US);
    assert.deepEqual(client.publicKey, OURS.publicKey);
    assert.equal(socket.publicKey.length, 0);
    assert.equal(socket.publicKeyPEM.length, 0);
    const received = messages(socket, 1);
    client.write('hello');
    assert.deepEqual(await received, ['hello']);
  });

  test('authenticates both sides, and may be one of several', async (t) => {
    const theirs = { key: THEIRS.key, peerPublicKey: [OTHER.publicKey, OURS.publicKey] };
    const { client, socket } = await secured(t, { key: OURS.key, peerPublicKey: THEIRS.publicKey }, theirs);
    assert.deepEqual(socket.publicKey, THEIRS.publicKey);
    assert.deepEqual(client.publicKey, OURS.publicKey);
    assert.deepEqual(createPublicKey(socket.publicKeyPEM).export({ type: 'spki', format: 'der' }), THEIRS.publicKey);
  });

  for (const [name, type, options] of [
    ['P-384', 'ec', { namedCurve: 'P-384' }],
    ['P-521', 'ec', { namedCurve: 'P-521' }],
    ['RSA', 'rsa', { modulusLength: 2048 }],
  ]) {
    test(`may be ${name}`, async (t) => {
      const pair = keyPair(type, options);
      const both = { key: pair.key, peerPublicKey: pair.publicKey };
      const { client, socket } = await secured(t, both, both);
      assert.deepEqual(client.publicKey, pair.publicKey);
      assert.deepEqual(socket.publicKey, pair.publicKey);
    });
  }

  test('may be given in PEM and DER, PKCS#8 and SEC1', async (t) => {
    const pem = createPublicKey(OURS.key).export({ type: 'spki', format: 'pem' });
    for (const [type, format] of [
      ['pkcs8', 'der'],
      ['sec1', 'der'],
      ['sec1', 'pem'],
    ]) {
      const key = OURS.privateKey.export({ type, format });
      for (const peerPublicKey of [pem, Buffer.from(pem)]) {
        const { client } = await secured(t, { key }, { peerPublicKey });
        assert.deepEqual(client.publicKey, OURS.publicKey);
      }
    }
  });

  test('that is not the expected one is refused, on either side', async (t) => {
    const mismatch = ['ERR_DTLS_PEER_KEY_MISMATCH', 'ERR_DTLS_ALERT_RECEIVED'];
    const byServer = await refused(t, { key: OURS.key, peerPublicKey: OTHER.publicKey }, { ...TO_US, key: THEIRS.key });
    assert.deepEqual(byServer.codes, mismatch);
    const byClient = await refused(t, { key: OURS.key }, { peerPublicKey: OTHER.publicKey });
    assert.deepEqual(byClient.codes, mismatch.toReversed());
    assert.equal(byClient.clientError.alert, 42);
    assert.equal(byClient.serverError.alert, 42);
  });

  test('is not needed when nothing is required', async (t) => {
    const anonymous = await secured(t, OPEN, TO_US);
    assert.equal(anonymous.socket.publicKey.length, 0);
    const known = await secured(t, OPEN, { ...TO_US, key: THEIRS.key });
    assert.deepEqual(known.socket.publicKey, THEIRS.publicKey);
  });

  test('that cannot be read fails at the call', () => {
    const weak = keyPair('rsa', { modulusLength: 1024 });
    const edwards = keyPair('ed25519', {});
    for (const peerPublicKey of [Buffer.from('garbage'), weak.publicKey, edwards.publicKey]) {
      assert.throws(() => createServer({ key: OURS.key, peerPublicKey }), { code: 'ERR_DTLS_INVALID_PUBLIC_KEY' });
      assert.throws(() => connect({ port: 1, peerPublicKey }), { code: 'ERR_DTLS_INVALID_PUBLIC_KEY' });
    }
    assert.throws(() => createServer({ key: weak.key }), { code: 'ERR_DTLS_INVALID_KEY' });
    assert.throws(() => createServer({ key: edwards.key }), { code: 'ERR_DTLS_INVALID_KEY' });
  });

  test('stands beside pre-shared keys', async (t) => {
    const server = await startServer(t, { key: OURS.key, peerPublicKey: THEIRS.publicKey, psk: { bob: BOB.psk } });
    const byPsk = event(server, 'secureConnection');
    await event(openClient(t, server), 'secureConnect');
    const [psk] = await byPsk;
    assert.equal(psk.pskIdentity.toString(), 'bob');
    assert.equal(psk.publicKey.length, 0);
    const byKey = event(server, 'secureConnection');
    await event(openClient(t, server, { ...TO_US, key: THEIRS.key }), 'secureConnect');
    assert.deepEqual((await byKey)[0].publicKey, THEIRS.publicKey);
  });
});
