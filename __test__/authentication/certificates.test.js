'use strict';

const assert = require('node:assert/strict');
const { X509Certificate, createPrivateKey } = require('node:crypto');
const { describe, test } = require('node:test');

const { connect, createServer } = require('../..');
const certificates = require('../support/certificates.js');
const { BOB, HOST, event, openClient, startServer } = require('../support/endpoints.js');

const skip = certificates.available ? false : 'openssl not found';
const own = (name) => ({ key: certificates[name].key, cert: certificates[name].cert });

/** A server with one of the certificates, and the fate of a client that trusts the test's own authority. */
async function attempt(t, name, clientOptions = {}, serverOptions = {}) {
  const { key, cert } = certificates[name];
  const server = await startServer(t, { key, cert, ...serverOptions });
  const client = openClient(t, server, { ca: certificates.ca.cert, ...clientOptions });
  const refusal = event(server, 'clientError');
  const outcome = await Promise.race([
    event(client, 'secureConnect').then(() => 'secure'),
    event(client, 'error').then(([error]) => error),
  ]);
  return { server, client, outcome, refusal };
}

async function assertSecure(t, name, clientOptions, serverOptions) {
  const { client, outcome } = await attempt(t, name, clientOptions, serverOptions);
  assert.equal(outcome, 'secure');
  return client;
}

async function assertRefused(t, name, code, clientOptions) {
  const { outcome, refusal } = await attempt(t, name, clientOptions);
  assert.equal(outcome.code, code);
  assert.equal(outcome.name, 'DtlsError');
  assert.equal(outcome.address, HOST);
  // An alert tells the server that it was refused.
  assert.equal((await refusal)[0].code, 'ERR_DTLS_ALERT_RECEIVED');
}

describe('a client accepts a server', { skip }, () => {
  test('with an ECDSA certificate of an authority that it trusts', async (t) => {
    const client = await assertSecure(t, 'server');
    assert.equal(client.getPeerCertificate().asn1Curve, 'prime256v1');
    assert.match(client.getCipher().standardName, /^TLS_(ECDHE_ECDSA_WITH|AES)_/);
    assert.equal(client.pskIdentity, undefined);
  });

  test('with an RSA certificate', async (t) => {
    const client = await assertSecure(t, 'serverRsa');
    assert.equal(client.getPeerCertificate().bits, 2048);
    assert.match(client.getCipher().standardName, /^TLS_(ECDHE_RSA_WITH|AES)_/);
  });

  test('with a chain of certificates', async (t) => {
    await assertSecure(t, 'intermediate');
  });

  test('by DNS name, by wildcard and by IP address', async (t) => {
    for (const servername of ['localhost', 'LOCALHOST', 'sensor.example.test', '127.0.0.1', '::1']) {
      await assertSecure(t, 'server', { servername });
    }
  });

  test('with one of several authorities', async (t) => {
    await assertSecure(t, 'server', { ca: [certificates.otherCa.cert, certificates.ca.cert] });
  });

  test('whose certificate does not verify, if told to', async (t) => {
    for (const name of ['selfSigned', 'expired', 'wrongName', 'otherIssuer']) {
      await assertSecure(t, name, { rejectUnauthorized: false });
    }
  });
});

describe('a client refuses a server', { skip }, () => {
  test('of an unknown authority', async (t) => {
    await assertRefused(t, 'otherIssuer', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  test("when only Node's own authorities are trusted", async (t) => {
    await assertRefused(t, 'server', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', { ca: undefined });
  });

  test('that has signed its certificate itself', async (t) => {
    await assertRefused(t, 'selfSigned', 'DEPTH_ZERO_SELF_SIGNED_CERT');
  });

  test('whose certificate has expired, or is not valid yet', async (t) => {
    await assertRefused(t, 'expired', 'CERT_HAS_EXPIRED');
    await assertRefused(t, 'notYetValid', 'CERT_NOT_YET_VALID');
  });

  test('of another name or address', async (t) => {
    await assertRefused(t, 'wrongName', 'ERR_TLS_CERT_ALTNAME_INVALID');
    for (const servername of ['elsewhere.test', 'a.b.example.test', '192.0.2.1', '::2']) {
      await assertRefused(t, 'server', 'ERR_TLS_CERT_ALTNAME_INVALID', { servername });
    }
  });
});

test('one server has certificates for some clients and pre-shared keys for others', { skip }, async (t) => {
  const { key, cert } = certificates.server;
  const server = await startServer(t, { key, cert, psk: { bob: BOB.psk } });
  const identities = [];
  server.on('secureConnection', (socket) => identities.push(socket.pskIdentity?.toString()));
  for (const options of [BOB, { ca: certificates.ca.cert }]) {
    const announced = event(server, 'secureConnection');
    await event(openClient(t, server, options), 'secureConnect');
    await announced;
  }
  assert.deepEqual(identities, ['bob', undefined]);
});

describe('key material', { skip }, () => {
  const { server, serverRsa, encrypted } = certificates;

  test('is PEM or DER, as string or as bytes', async (t) => {
    const key = createPrivateKey(server.key);
    const forms = [
      { key: server.key.toString(), cert: server.cert.toString() },
      { key: key.export({ type: 'pkcs8', format: 'der' }), cert: [new X509Certificate(server.cert).raw] },
      { key: key.export({ type: 'sec1', format: 'der' }), cert: new Uint8Array(server.cert) },
    ];
    for (const form of forms) await assertSecure(t, 'server', {}, form);
  });

  test('is decrypted with its passphrase, PEM or DER', async (t) => {
    const key = createPrivateKey(server.key);
    const der = { type: 'pkcs8', format: 'der', cipher: 'aes-128-cbc', passphrase: 'open sesame' };
    await assertSecure(t, 'encrypted', {}, { passphrase: certificates.passphrase });
    await assertSecure(t, 'server', {}, { key: key.export(der), passphrase: 'open sesame' });
    await assertSecure(t, 'server', {}, { passphrase: 'of no use' });
  });

  test('that is not valid is refused at the call', () => {
    const refusals = [
      [{ key: Buffer.from('nonsense'), cert: server.cert }, 'ERR_DTLS_INVALID_KEY'],
      [{ key: server.key, cert: Buffer.from('nonsense') }, 'ERR_DTLS_INVALID_CERT'],
      [own('forgedOutside'), 'ERR_DTLS_INVALID_CERT'],
      [{ key: serverRsa.key, cert: server.cert }, 'ERR_DTLS_KEY_MISMATCH'],
      [{ key: encrypted.key, cert: server.cert }, 'ERR_DTLS_INVALID_KEY'],
      [{ key: encrypted.key, cert: server.cert, passphrase: 'wrong' }, 'ERR_DTLS_INVALID_KEY'],
    ];
    for (const [options, code] of refusals) {
      assert.throws(() => createServer(options), { name: 'DtlsError', code });
    }
    assert.throws(() => connect({ port: 5684, ca: Buffer.from('nonsense') }), { code: 'ERR_DTLS_INVALID_CA' });
  });
});
