'use strict';

const assert = require('node:assert/strict');
const { X509Certificate } = require('node:crypto');
const { describe, test } = require('node:test');

const certificates = require('../support/certificates.js');
const { connectedPair, event, openClient, startServer } = require('../support/endpoints.js');

const skip = certificates.available ? false : 'openssl not found';

async function pair(t, serverOptions, clientOptions) {
  const server = await startServer(t, serverOptions);
  const client = openClient(t, server, clientOptions);
  const [[socket]] = await Promise.all([event(server, 'secureConnection'), event(client, 'secureConnect')]);
  return { socket, client };
}

const own = (name) => ({ key: certificates[name].key, cert: certificates[name].cert });

describe('authorized', { skip }, () => {
  test('is true for a certificate that verifies, on both sides', async (t) => {
    const ca = certificates.ca.cert;
    const { socket, client } = await pair(t, { ...own('server'), ca }, { ...own('client'), ca });
    for (const side of [socket, client]) assert.deepEqual([side.authorized, side.authorizationError], [true, null]);
  });

  test('is false with the reason for a server that was let in nevertheless', async (t) => {
    for (const [name, code] of [
      ['selfSigned', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
      ['otherIssuer', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
      ['expired', 'CERT_HAS_EXPIRED'],
      ['notYetValid', 'CERT_NOT_YET_VALID'],
      ['wrongName', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ]) {
      const { client } = await pair(t, own(name), { ca: certificates.ca.cert, rejectUnauthorized: false });
      assert.deepEqual([client.authorized, client.authorizationError], [false, code]);
    }
  });

  test('is false with the reason for a client that was let in nevertheless', async (t) => {
    const asks = { ...own('server'), ca: certificates.ca.cert, requestCert: true, rejectUnauthorized: false };
    const trusts = { ca: certificates.ca.cert };
    const stranger = await pair(t, asks, { ...trusts, ...own('selfSigned') });
    assert.equal(stranger.socket.authorized, false);
    assert.equal(stranger.socket.authorizationError, 'DEPTH_ZERO_SELF_SIGNED_CERT');
    const nobody = await pair(t, asks, trusts);
    assert.equal(nobody.socket.authorized, false);
    assert.equal(nobody.socket.authorizationError, 'ERR_DTLS_NO_PEER_CERTIFICATE');
  });

  test('is false without a reason for a client that nobody asks', async (t) => {
    const { socket } = await pair(t, own('server'), { ca: certificates.ca.cert });
    assert.deepEqual([socket.authorized, socket.authorizationError], [false, null]);
  });

  test('is true with a pre-shared key, and false before the end of the handshake', async (t) => {
    const { socket, client } = await connectedPair(t);
    assert.deepEqual([socket.authorized, client.authorized], [true, true]);
    assert.equal(client.isSessionReused(), false);
    const server = await startServer(t);
    assert.equal(openClient(t, server).authorized, false);
  });
});

describe('the certificate of a peer', { skip }, () => {
  test('has the shape that it has in node:tls', async (t) => {
    const ca = certificates.ca.cert;
    const { socket, client } = await pair(t, { ...own('server'), ca }, { ...own('client'), ca });
    const expected = new X509Certificate(certificates.server.cert);
    assert.deepEqual(client.getPeerCertificate(), expected.toLegacyObject());
    assert.equal(client.getPeerX509Certificate().fingerprint256, expected.fingerprint256);
    assert.equal(socket.getPeerCertificate().subject.CN, 'Test Client');
    client.destroy();
    assert.equal(client.getPeerCertificate(), null);
  });

  test('comes with its issuers as far as they were sent', async (t) => {
    const { client } = await pair(t, own('intermediate'), { ca: certificates.ca.cert });
    assert.equal(client.getPeerCertificate().issuerCertificate, undefined);
    const detailed = client.getPeerCertificate(true);
    assert.equal(detailed.issuerCertificate.subject.CN, 'Test Intermediate CA');
    assert.equal(detailed.issuerCertificate.issuerCertificate, undefined);
    const alone = await pair(t, own('selfSigned'), { rejectUnauthorized: false });
    const circular = alone.client.getPeerCertificate(true);
    assert.equal(circular.issuerCertificate, circular);
  });

  test('is empty where there is none', async (t) => {
    const { socket } = await connectedPair(t);
    assert.deepEqual(socket.getPeerCertificate(), {});
    assert.equal(socket.getPeerX509Certificate(), undefined);
  });
});
