'use strict';

// DTLS 1.3 with certificates and raw public keys, over UDP sockets: what the application sees of it.

const assert = require('node:assert/strict');
const { X509Certificate, createPublicKey } = require('node:crypto');
const { describe, test } = require('node:test');

const certificates = require('../support/certificates.js');
const { messages } = require('../support/endpoints.js');
const { keyPair } = require('../support/keys.js');
const { refused, secured } = require('../support/outcomes.js');
const { createSecureContext, versions } = require('../..');

const NEWER = { minVersion: 'DTLSv1.3', maxVersion: 'DTLSv1.3' };

const hasNewer = versions['aws-lc'] !== undefined;
const skip = (!hasNewer && 'this build has no AWS-LC') || (!certificates.available && 'skipped (openssl not found)');

const pair = (t, server, client) => secured(t, { ...server, ...NEWER }, { ...client, ...NEWER });
const failure = (t, server, client) => refused(t, { ...server, ...NEWER }, { ...client, ...NEWER });

describe('certificates in DTLS 1.3', { skip }, () => {
  const { ca, otherCa, server: own, client: theirs, otherIssuer } = certificates;
  const server = { key: own?.key, cert: own?.cert };
  const client = { ca: ca?.cert, servername: 'localhost' };
  const fingerprint = ({ cert }) => new X509Certificate(cert).fingerprint256;

  for (const kind of ['server', 'p384', 'p521', 'serverRsa']) {
    test(`of the kind ${kind} prove who the server is`, async (t) => {
      const { key, cert } = certificates[kind];
      const authority = { p384: 'p384Ca', p521: 'p521Ca' }[kind] ?? 'ca';
      const options = { ...client, ca: certificates[authority].cert };
      const { client: connected, socket } = await pair(t, { key, cert }, options);
      assert.equal(connected.getProtocol(), 'DTLSv1.3');
      assert.equal(connected.authorized, true);
      assert.equal(connected.getPeerCertificate().fingerprint256, fingerprint({ cert }));
      assert.equal(socket.getCertificate().fingerprint256, fingerprint({ cert }));
      assert.equal(socket.authorized, false);
      const received = messages(socket, 1);
      connected.write('hello');
      assert.deepEqual(await received, ['hello']);
    });
  }

  for (const ecdhCurve of ['X25519MLKEM768', 'X25519', 'P-256', 'P-384']) {
    test(`go with the group ${ecdhCurve}`, async (t) => {
      const { client: connected } = await pair(t, { ...server, ecdhCurve }, client);
      assert.equal(connected.authorized, true);
    });
  }

  test('that do not verify have the codes that they have in DTLS 1.2', async (t) => {
    const wrongName = await failure(t, server, { ...client, servername: 'elsewhere.test' });
    assert.equal(wrongName.clientError.code, 'ERR_TLS_CERT_ALTNAME_INVALID');
    const unknown = await failure(t, server, { ...client, ca: otherCa.cert });
    assert.equal(unknown.clientError.code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    const lenient = await pair(t, server, { ...client, ca: otherCa.cert, rejectUnauthorized: false });
    assert.deepEqual(
      [lenient.client.authorized, lenient.client.authorizationError],
      [false, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    );
  });

  test('prove who both sides are', async (t) => {
    const mutual = { ...client, key: theirs.key, cert: theirs.cert };
    const { socket } = await pair(t, { ...server, ca: ca.cert }, mutual);
    assert.equal(socket.authorized, true);
    assert.equal(socket.getPeerCertificate().fingerprint256, fingerprint(theirs));
  });

  test('of a client are required once they are asked for', async (t) => {
    const required = { ...server, ca: ca.cert };
    const foreign = { ...client, key: otherIssuer.key, cert: otherIssuer.cert };
    assert.equal((await failure(t, required, client)).serverError.code, 'ERR_DTLS_NO_PEER_CERTIFICATE');
    assert.equal((await failure(t, required, foreign)).serverError.code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    const { socket } = await pair(t, { ...required, rejectUnauthorized: false }, client);
    assert.deepEqual([socket.authorized, socket.publicKey.length], [false, 0]);
  });

  test('are verified before verifyPeer is asked', async (t) => {
    const verifyPeer = t.mock.fn((_socket, peer) => peer.cert.length > peer.publicKey.length);
    const mutual = { ...client, key: theirs.key, cert: theirs.cert };
    await pair(t, { ...server, ca: ca.cert, verifyPeer }, mutual);
    assert.equal(verifyPeer.mock.callCount(), 1);
    await failure(t, { ...server, ca: otherCa.cert, verifyPeer }, mutual);
    assert.equal(verifyPeer.mock.callCount(), 1);
  });

  test('are those of the context that belongs to the name', async (t) => {
    const named = createSecureContext({ key: certificates.p384.key, cert: certificates.p384.cert, ...NEWER });
    const SNICallback = (name, callback) => callback(null, name === 'localhost' ? named : null);
    const { client: connected } = await pair(
      t,
      { ...server, SNICallback },
      { ...client, ca: certificates.p384Ca.cert },
    );
    assert.equal(connected.getPeerCertificate().fingerprint256, fingerprint(certificates.p384));
  });

  test('leave their work to other threads', async (t) => {
    const { client: connected } = await pair(t, { ...server, handshakeThreads: 2 }, { ...client, handshakeThreads: 2 });
    assert.equal(connected.authorized, true);
  });

  test('serve a client that offers both versions, in the newest that its server has', async (t) => {
    for (const version of ['DTLSv1.2', 'DTLSv1.3']) {
      const both = { ...client, minVersion: 'DTLSv1.2', maxVersion: 'DTLSv1.3' };
      const { client: connected } = await secured(t, { ...server, maxVersion: version }, both);
      assert.deepEqual([connected.getProtocol(), connected.authorized], [version, true]);
    }
  });

  test('and raw public keys prove who the other side is', async (t) => {
    const [ours, his] = [keyPair(), keyPair()];
    const publicKeyOf = ({ cert }) => createPublicKey(cert).export({ type: 'spki', format: 'der' });
    const raw = await pair(
      t,
      { key: ours.key, peerPublicKey: his.publicKey },
      { key: his.key, peerPublicKey: ours.publicKey },
    );
    assert.deepEqual([raw.client.publicKey, raw.socket.publicKey], [ours.publicKey, his.publicKey]);
    const either = await pair(t, server, { peerPublicKey: publicKeyOf(own) });
    assert.deepEqual(either.client.publicKey, publicKeyOf(own));
    const other = await failure(t, { key: ours.key }, { peerPublicKey: his.publicKey });
    assert.equal(other.clientError.code, 'ERR_DTLS_PEER_KEY_MISMATCH');
  });
});
