'use strict';

// Certificates of clients.

const assert = require('node:assert/strict');
const { createPublicKey } = require('node:crypto');
const { describe, test } = require('node:test');

const certificates = require('../support/certificates.js');
const { event, openClient, startServer } = require('../support/endpoints.js');
const { keyPair } = require('../support/keys.js');
const { secured, refused } = require('../support/outcomes.js');

const OURS = keyPair();

const skip = !certificates.available && 'skipped (openssl not found)';

describe('certificates', { skip }, () => {
  const { ca, otherCa, server: own, client: theirs, otherIssuer } = certificates;
  const server = { key: own?.key, cert: own?.cert, ca: ca?.cert };
  const client = { key: theirs?.key, cert: theirs?.cert, ca: ca?.cert, servername: 'localhost' };
  const publicKeyOf = ({ cert }) => createPublicKey(cert).export({ type: 'spki', format: 'der' });

  test('authenticate both sides', async (t) => {
    const pair = await secured(t, server, client);
    assert.deepEqual(pair.socket.publicKey, publicKeyOf(theirs));
    assert.deepEqual(pair.client.publicKey, publicKeyOf(own));
  });

  test('of a client are required once they are asked for', async (t) => {
    const { key, cert, ...anonymous } = client;
    assert.deepEqual((await refused(t, server, anonymous)).codes, [
      'ERR_DTLS_NO_PEER_CERTIFICATE',
      'ERR_DTLS_ALERT_RECEIVED',
    ]);
    const pair = await secured(t, { ...server, rejectUnauthorized: false }, anonymous);
    assert.equal(pair.socket.publicKey.length, 0);
  });

  test('of a client must be issued by one of the authorities, for clients', async (t) => {
    const foreign = { ...client, key: otherIssuer.key, cert: otherIssuer.cert };
    assert.equal((await refused(t, server, foreign)).serverError.code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    const pair = await secured(t, { ...server, rejectUnauthorized: false }, foreign);
    assert.deepEqual(pair.socket.publicKey, publicKeyOf(otherIssuer));
    const wrongPurpose = { ...client, key: own.key, cert: own.cert };
    assert.equal((await refused(t, server, wrongPurpose)).serverError.code, 'INVALID_PURPOSE');
  });

  test('are verified before verifyPeer is asked', async (t) => {
    const verifyPeer = t.mock.fn((_socket, peer) => peer.cert.length > peer.publicKey.length);
    await secured(t, { ...server, verifyPeer }, client);
    assert.equal(verifyPeer.mock.callCount(), 1);
    await refused(t, { ...server, ca: otherCa.cert, verifyPeer }, client);
    assert.equal(verifyPeer.mock.callCount(), 1);
  });

  test('and raw public keys are both shown by one server, as each client prefers', async (t) => {
    const both = await startServer(t, { key: own.key, cert: own.cert });
    for (const options of [
      { ca: ca.cert, servername: 'localhost' },
      { peerPublicKey: publicKeyOf(own) },
      { peerPublicKey: publicKeyOf(own), ca: ca.cert, servername: 'localhost' },
    ]) {
      const connected = openClient(t, both, options);
      await event(connected, 'secureConnect');
      assert.deepEqual(connected.publicKey, publicKeyOf(own));
    }
  });

  test('are not raw public keys', async (t) => {
    const { codes } = await refused(t, { key: OURS.key }, { ca: ca.cert });
    assert.deepEqual(codes, ['ERR_DTLS_NO_SHARED_CERTIFICATE_TYPE', 'ERR_DTLS_ALERT_RECEIVED']);
  });
});
