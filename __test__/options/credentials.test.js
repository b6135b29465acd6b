'use strict';

// Kinds of keys and certificates, and the forms in which keys are encrypted. Each works, or is refused at the right
// moment.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { describe, test } = require('node:test');
const { inspect } = require('node:util');

const certificates = require('../support/certificates.js');
const { BOB, connectedPair, event, openClient, startServer } = require('../support/endpoints.js');
const { connect, createServer } = require('../..');

const skip = certificates.available ? false : 'openssl not found';
const own = (name) => ({ key: certificates[name].key, cert: certificates[name].cert });

function openssl(...args) {
  const { status, stdout, stderr } = spawnSync('openssl', args);
  if (status !== 0) throw new Error(`openssl ${args.join(' ')}\n${stderr}`);
  return stdout;
}

describe('an encrypted key', { skip }, () => {
  const encrypted = (...args) => [...args, '-passout', 'pass:secret'];
  const pkcs8 = (...args) => encrypted('pkcs8', '-topk8', ...args);
  const legacy = (cipher) => [encrypted('ec', cipher), encrypted('rsa', '-traditional', cipher)];
  for (const [form, ec, rsa] of [
    ['PKCS#8 as OpenSSL 3 writes it (PBES2, AES-256, SHA-256), PEM', pkcs8()],
    ['the same in DER', pkcs8('-outform', 'DER')],
    ['PKCS#8 with AES-128 and SHA-1', pkcs8('-v2', 'aes-128-cbc', '-v2prf', 'hmacWithSHA1')],
    ['PKCS#8 with 3DES (PBES2)', pkcs8('-v2', 'des3')],
    ['PKCS#8 with scrypt', pkcs8('-scrypt')],
    ["PKCS#8 with PKCS#12's 3DES, DER", pkcs8('-v1', 'PBE-SHA1-3DES', '-outform', 'DER')],
    ['legacy PEM (Proc-Type: 4,ENCRYPTED) with AES-256', ...legacy('-aes256')],
    ['legacy PEM (Proc-Type: 4,ENCRYPTED) with 3DES', ...legacy('-des3')],
  ]) {
    test(`${form}, is decrypted with its passphrase, and with no other`, () => {
      for (const [name, args] of [
        ['server', ec],
        ['serverRsa', rsa ?? ec],
      ]) {
        const { cert, keyPath } = certificates[name];
        const key = openssl(...args, '-in', keyPath);
        assert(!key.equals(certificates[name].key));
        createServer({ key, cert, passphrase: 'secret' });
        for (const passphrase of ['Secret', '', undefined]) {
          const options = { key, cert, passphrase };
          assert.throws(() => createServer(options), { name: 'DtlsError', code: 'ERR_DTLS_INVALID_KEY' });
          assert.throws(() => connect({ port: 5684, ...options }), { code: 'ERR_DTLS_INVALID_KEY' });
        }
        assert.throws(() => createServer({ key, cert }), /passphrase/);
      }
    });
  }
});

describe('a certificate with a key', { skip }, () => {
  for (const [kind, name, issuer, cipher] of [
    ['on P-384, of an authority on P-384, with SHA-384', 'p384', 'p384Ca', /^(ECDHE-ECDSA|TLS_AES)/],
    ['on P-521, of an authority on P-521, with SHA-512', 'p521', 'p521Ca', /^(ECDHE-ECDSA|TLS_AES)/],
    ['of RSA with 4096 bits, of an authority with RSA', 'rsa4096', 'rsaCa', /^(ECDHE-RSA|TLS_AES)/],
  ]) {
    test(`${kind}, is good for both sides`, async (t) => {
      const ca = certificates[issuer].cert;
      const server = await startServer(t, { ...own(name), ca });
      const client = openClient(t, server, { ...own(name), ca, servername: 'localhost' });
      const [[socket]] = await Promise.all([event(server, 'secureConnection'), event(client, 'secureConnect')]);
      assert.deepEqual([socket.authorized, client.authorized], [true, true]);
      assert.match(client.getCipher().name, cipher);
    });
  }

  for (const [kind, name] of [
    ['of RSA-PSS', 'rsaPss'],
    ['of Ed25519', 'ed25519'],
    ['on secp256k1', 'secp256k1'],
  ]) {
    test(`${kind}, is refused at the call, as one's own`, () => {
      assert.throws(() => createServer(own(name)), { code: 'ERR_DTLS_INVALID_KEY' });
      assert.throws(() => connect({ port: 5684, ...own(name) }), { code: 'ERR_DTLS_INVALID_KEY' });
    });
  }

  for (const [what, name] of [
    ['of RSA with 1024 bits', 'rsa1024'],
    ['and a signature with SHA-1', 'sha1'],
  ]) {
    test(`${what}, is too weak for either side`, async (t) => {
      const ca = certificates.ca.cert;
      const weak = await startServer(t, own(name));
      const [error] = await event(openClient(t, weak, { ca, servername: 'localhost' }), 'error');
      assert.equal(error.code, 'ERR_DTLS_WEAK_CERTIFICATE');
      const strict = await startServer(t, { ...own('server'), ca });
      const refusal = event(strict, 'clientError');
      openClient(t, strict, { ...own(name), ca, servername: 'localhost' }).on('error', () => {});
      assert.equal((await refusal)[0].code, 'ERR_DTLS_WEAK_CERTIFICATE');
    });
  }
});

test('a certificate that no server can use is refused at the call', { skip }, () => {
  for (const name of ['clientAlone', 'encipherment']) {
    assert.throws(() => createServer(own(name)), { code: 'ERR_DTLS_INVALID_CERT' });
  }
});

test('key material that is not valid is refused at the call', () => {
  const pem = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n';
  assert.throws(() => createServer({ key: pem, cert: pem }), {
    name: 'DtlsError',
    code: /^ERR_DTLS_INVALID_(KEY|CERT)$/,
  });
  assert.throws(() => createServer({ psk: 'secret', ciphers: 'TLS_NO_SUCH_SUITE' }), {
    name: 'DtlsError',
    code: 'ERR_DTLS_INVALID_CIPHER',
    message: /TLS_NO_SUCH_SUITE/,
  });
  assert.throws(() => createServer({ psk: 'secret', ciphers: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256' }), {
    code: 'ERR_DTLS_NO_USABLE_CIPHER',
  });
});

test('a socket shows no key when it is printed', async (t) => {
  const { server, socket, client } = await connectedPair(t);
  for (const each of [server, socket, client]) {
    assert(!inspect(each, { depth: 20, showHidden: true }).includes(BOB.psk));
    assert(!inspect(each, { depth: 20 }).includes(Buffer.from(BOB.psk).toString('hex').match(/../g).join(' ')));
  }
});
