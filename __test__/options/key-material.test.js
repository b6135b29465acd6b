'use strict';

// What is wrong with key material, and what to do about it. Messages may change; what they have to name may not.

const assert = require('node:assert/strict');
const { createPublicKey, generateKeyPairSync } = require('node:crypto');
const { test } = require('node:test');

const { connect, createSecureContext, createServer } = require('../..');
const certificates = require('../support/certificates.js');

const { server, encrypted, ed25519, rsa1024, rsaPss, secp256k1 } = certificates;
const publicKey = createPublicKey(server.cert).export({ format: 'pem', type: 'spki' });
const REQUEST = '-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n';
const der = (pair) => pair.privateKey.export({ format: 'der', type: 'pkcs8' });

for (const [name, options, code, words] of [
  ['a certificate as the key', { key: server.cert, cert: server.cert }, 'KEY', /holds a certificate.*'cert'/],
  ['key and certificate that have been swapped', { key: server.cert, cert: server.key }, 'KEY', /holds a certificate/],
  ['a public key as the key', { key: publicKey }, 'KEY', /holds a public key.*'peerPublicKey'/],
  [
    'a certificate request as the key',
    { key: REQUEST },
    'KEY',
    /holds a certificate request.*private key that belongs to it/,
  ],
  ['an Ed25519 key', { key: ed25519.key }, 'KEY', /an Ed25519 key.*P-256, P-384 or P-521/],
  ['an Ed25519 key in DER', { key: der(generateKeyPairSync('ed25519')) }, 'KEY', /an Ed25519 key/],
  ['a short RSA key', { key: rsa1024.key }, 'KEY', /an RSA key of 1024 bits.*2048 to 8192 bits/],
  ['an RSA-PSS key', { key: rsaPss.key, cert: rsaPss.cert }, 'KEY', /an RSA key for PSS signatures alone/],
  ['an EC key on another curve', { key: secp256k1.key }, 'KEY', /an EC key on secp256k1/],
  ['an encrypted key without its passphrase', { ...pick(encrypted) }, 'KEY', /encrypted.*'passphrase' is missing/],
  ['a wrong passphrase', { ...pick(encrypted), passphrase: 'wrong' }, 'KEY', /'passphrase' does not open/],
  ['a private key as the certificate', { key: server.key, cert: server.key }, 'CERT', /'cert' holds a private key/],
]) {
  test(`${name} is called that`, () => {
    for (const make of [createServer, createSecureContext]) {
      assert.throws(
        () => make(options),
        (error) => {
          assert.equal(error.code, `ERR_DTLS_INVALID_${code}`);
          assert.match(error.message, words);
          assert.doesNotMatch(error.message, /HiError|LoError|BEGIN/);
          return true;
        },
      );
    }
  });
}

test('what is trusted is called by its name when it is something else', () => {
  const port = 5684;
  assert.throws(() => connect({ port, ca: server.key }), { code: 'ERR_DTLS_INVALID_CA', message: /a private key/ });
  for (const [peerPublicKey, words] of [
    [server.cert, /a certificate where a public key/],
    [server.key, /a private key where a public key/],
    [encrypted.key, /an encrypted key where a public key/],
    [
      generateKeyPairSync('ed25519').publicKey.export({ format: 'pem', type: 'spki' }),
      /^Entry 0 of the option 'peerPublicKey' is an Ed25519 key, which cannot be used here/,
    ],
  ]) {
    assert.throws(() => connect({ port, peerPublicKey }), { code: 'ERR_DTLS_INVALID_PUBLIC_KEY', message: words });
  }
});

test('an option of node:tls that does not apply says what does', () => {
  for (const [name, words] of [
    ['secureProtocol', /minVersion and maxVersion/],
    ['secureOptions', /ciphers, ecdhCurve and sigalgs/],
    ['dhparam', /ecdhCurve/],
    ['sessionIdContext', /bound to the credentials/],
  ]) {
    assert.throws(() => createServer({ psk: 'secret', [name]: 'x' }), {
      code: 'ERR_INVALID_ARG_VALUE',
      message: words,
    });
  }
});

function pick({ key, cert }) {
  return { key, cert };
}
