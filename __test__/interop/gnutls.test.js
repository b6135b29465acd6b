'use strict';

// GnuTLS in both roles, with raw public keys (RFC 7250): which peers are accepted and which are not. The matrix has
// what works.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { event, freePort, openClient, startServer } = require('../support/endpoints.js');
const gnutls = require('../support/gnutls.js');

const skip = gnutls.missing && `skipped (${gnutls.missing})`;

async function startGnutls(t, own, options) {
  const port = await freePort();
  const peer = gnutls.serv(t, port, own, options);
  await peer.printed('Echo Server listening');
  return { port, peer };
}

const at = (port) => ({ address: () => ({ port }) });

describe('gnutls-cli', { skip }, () => {
  for (const options of [{}, { requestCert: true, rejectUnauthorized: false }]) {
    test(`without a key is let in by our server that requires none, with ${JSON.stringify(options)}`, async (t) => {
      const server = await startServer(t, { key: gnutls.keyPair(t).key, ...options });
      const secure = event(server, 'secureConnection');
      const peer = gnutls.cli(t, server.address().port, undefined);
      const [socket] = await secure;
      assert.equal(socket.publicKey.length, 0);
      await peer.printed('Certificate type: Raw Public Key');
      await peer.printed('Handshake was completed');
    });
  }

  test('without a key is refused by our server that requires one', async (t) => {
    const server = await startServer(t, { key: gnutls.keyPair(t).key, verifyPeer: () => true });
    const refusal = event(server, 'clientError');
    gnutls.cli(t, server.address().port, undefined);
    assert.equal((await refusal)[0].code, 'ERR_DTLS_NO_SHARED_CERTIFICATE_TYPE');
  });

  test('is refused with another key, and by verifyPeer', async (t) => {
    const [ours, theirs, other] = [gnutls.keyPair(t), gnutls.keyPair(t), gnutls.keyPair(t)];
    for (const [options, code] of [
      [{ peerPublicKey: other.publicKey }, 'ERR_DTLS_PEER_KEY_MISMATCH'],
      [{ verifyPeer: async () => false }, 'ERR_DTLS_PEER_REFUSED'],
    ]) {
      const server = await startServer(t, { key: ours.key, ...options });
      const refusal = event(server, 'clientError');
      const peer = gnutls.cli(t, server.address().port, theirs);
      assert.equal((await refusal)[0].code, code);
      assert.equal(await peer.exit(), 1);
    }
  });
});

describe('gnutls-serv', { skip }, () => {
  test('serves a client of ours that has no key', async (t) => {
    const theirs = gnutls.keyPair(t);
    const { port } = await startGnutls(t, theirs);
    const client = openClient(t, at(port), { peerPublicKey: theirs.publicKey });
    await event(client, 'secureConnect');
    assert.deepEqual(client.publicKey, theirs.publicKey);
  });

  test('refuses a client of ours that has no key where one is required', async (t) => {
    const theirs = gnutls.keyPair(t);
    const { port } = await startGnutls(t, theirs, { clients: 'require' });
    const client = openClient(t, at(port), { peerPublicKey: theirs.publicKey, handshakeTimeout: 3000 });
    const [error] = await event(client, 'error');
    assert.match(error.code, /^ERR_DTLS_(ALERT_RECEIVED|HANDSHAKE_TIMEOUT)$/);
  });

  test('is refused with another key, and by verifyPeer', async (t) => {
    const [theirs, other] = [gnutls.keyPair(t), gnutls.keyPair(t)];
    const { port } = await startGnutls(t, theirs);
    for (const [options, code] of [
      [{ peerPublicKey: other.publicKey }, 'ERR_DTLS_PEER_KEY_MISMATCH'],
      [{ verifyPeer: async () => false }, 'ERR_DTLS_PEER_REFUSED'],
    ]) {
      const client = openClient(t, at(port), options);
      const [error] = await event(client, 'error');
      assert.equal(error.code, code);
    }
  });
});
