'use strict';

// A server with an RSA key and an EC key: the client's hello decides which of them it is shown.

const assert = require('node:assert/strict');
const { createPrivateKey, createPublicKey, X509Certificate } = require('node:crypto');
const { describe, test } = require('node:test');

const { connect, createSecureContext, createServer } = require('../..');
const certificates = require('../support/certificates');
const { HOST, event, openClient, startServer } = require('../support/endpoints');
const { opensslPfx } = require('../support/pfx');

const RSA = 'ECDHE-RSA-AES128-GCM-SHA256';
const ECDSA = 'ECDHE-ECDSA-AES128-GCM-SHA256';
const PASSPHRASE = 'open sesame';

const { server: ec, serverRsa: rsa } = certificates;
const skip = !certificates.available && 'openssl was not found';
const raw = (pem) => new X509Certificate(pem).raw;
const publicKey = (key) => createPublicKey(key).export({ type: 'spki', format: 'pem' });
const encrypted = (key) =>
  createPrivateKey(key).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: PASSPHRASE });

/** What a client with these suites is shown, and what the server says that it has shown. */
async function shown(t, server, ciphers, trust = { ca: certificates.ca.cert, servername: 'localhost' }) {
  const client = openClient(t, server, { ciphers, ...trust });
  const [[socket]] = await Promise.all([event(server, 'secureConnection'), event(client, 'secureConnect')]);
  const seen = client.getPeerX509Certificate()?.raw ?? client.publicKeyPEM.toString();
  const own = socket.getX509Certificate()?.raw;
  client.destroy();
  return { seen, own };
}

describe('a server with an RSA key and an EC key', { skip }, () => {
  for (const [order, key, cert] of [
    ['in one order', [ec?.key, rsa?.key], [ec?.cert, rsa?.cert]],
    ['with the certificates in another order', [rsa?.key, ec?.key], [ec?.cert, rsa?.cert]],
  ]) {
    test(`shows each client the certificate of its suite, ${order}`, async (t) => {
      const server = await startServer(t, { key, cert });
      for (const [ciphers, { cert: expected }] of [
        [RSA, rsa],
        [ECDSA, ec],
        [undefined, ec],
      ]) {
        assert.deepEqual(await shown(t, server, ciphers), { seen: raw(expected), own: raw(expected) });
      }
    });
  }

  test('shows each client the raw public key of its suite', async (t) => {
    const server = await startServer(t, { key: [ec.key, rsa.key] });
    for (const [ciphers, { key }] of [
      [RSA, rsa],
      [ECDSA, ec],
    ]) {
      const peerPublicKey = publicKey(key);
      const { seen } = await shown(t, server, ciphers, { peerPublicKey });
      assert.equal(seen, peerPublicKey);
    }
  });

  test('takes keys with passphrases of their own, two PKCS#12 files, and a context', async (t) => {
    const files = ['server', 'serverRsa'].map((name) => opensslPfx(name, PASSPHRASE));
    const cert = [ec.cert, rsa.cert];
    const key = [{ pem: encrypted(ec.key), passphrase: PASSPHRASE }, { pem: rsa.key }];
    for (const options of [
      { key, cert },
      { pfx: files.map((buf) => ({ buf, passphrase: PASSPHRASE })) },
      { secureContext: createSecureContext({ key, cert }) },
    ]) {
      const server = await startServer(t, options);
      assert.deepEqual((await shown(t, server, RSA)).own, raw(rsa.cert));
      assert.deepEqual((await shown(t, server, ECDSA)).own, raw(ec.cert));
    }
  });

  test('has one key again after setSecureContext() with one', async (t) => {
    const server = await startServer(t, { key: [ec.key, rsa.key], cert: [ec.cert, rsa.cert] });
    server.setSecureContext({ key: rsa.key, cert: rsa.cert });
    assert.deepEqual((await shown(t, server, undefined)).own, raw(rsa.cert));
    const client = openClient(t, server, { ciphers: ECDSA, ca: certificates.ca.cert, servername: 'localhost' });
    assert.equal((await event(client, 'error'))[0].code, 'ERR_DTLS_ALERT_RECEIVED');
  });
});

describe('several keys are refused', { skip }, () => {
  const both = { key: [ec?.key, rsa?.key] };
  for (const [why, options, code] of [
    ['of one kind', { key: [ec?.key, certificates.client?.key] }, 'ERR_DTLS_INVALID_KEY'],
    ['of which one has no certificate', { ...both, cert: [ec?.cert, ec?.cert] }, 'ERR_DTLS_KEY_MISMATCH'],
    ['with one chain for both', { ...both, cert: ec?.cert }, 'ERR_INVALID_ARG_VALUE'],
    ['when there is none', { key: [] }, 'ERR_INVALID_ARG_VALUE'],
    ['when one cannot be read', { key: [ec?.key, '-----BEGIN PRIVATE KEY-----\nAA==\n'] }, 'ERR_DTLS_INVALID_KEY'],
    ['of another type', { key: [ec?.key, 17] }, 'ERR_INVALID_ARG_TYPE'],
  ]) {
    test(why, () => assert.throws(() => createServer(options), { code }));
  }

  test('on a client, also by way of a context', () => {
    const remote = { host: HOST, port: 9 };
    assert.throws(() => connect({ ...remote, ...both }), { code: 'ERR_INVALID_ARG_TYPE' });
    const secureContext = createSecureContext({ ...both, cert: [ec.cert, rsa.cert] });
    assert.throws(() => connect({ ...remote, secureContext }), { code: 'ERR_INVALID_ARG_VALUE' });
  });
});
