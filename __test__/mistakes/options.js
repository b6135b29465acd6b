'use strict';

// Mistakes in the options of createServer() and connect(): wrong keys, certificates, passphrases, names and ports.

const { createPublicKey, generateKeyPairSync } = require('node:crypto');

const { connect, createSecureContext, createServer } = require('../..');
const certificates = require('../support/certificates.js');
const { thrown } = require('./outcomes.js');

const { ca, client, encrypted, ed25519, encipherment, rsa1024, rsaPss, secp256k1, server, clientAlone } = certificates;
const pair = ({ key, cert }) => ({ key, cert });
const NEWER = { minVersion: 'DTLSv1.3' };
const OLDER = { maxVersion: 'DTLSv1.2' };
const serve = (options) => () => thrown(() => createServer(options));
const dial = (options) => () => thrown(() => connect(options));
const PUBLIC = createPublicKey(server.cert).export({ format: 'pem', type: 'spki' });
const publicKeyOf = ({ cert }) => createPublicKey(cert).export({ format: 'pem', type: 'spki' });
const ED25519_DER = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' });

module.exports = {
  'Private keys': {
    'a server without a key of any kind': serve({}),
    'a certificate as `key`': serve({ key: server.cert }),
    '`key` and `cert` swapped': serve({ key: server.cert, cert: server.key }),
    'a public key as `key`': serve({ key: PUBLIC }),
    'an encrypted key without its passphrase': serve(pair(encrypted)),
    'a wrong passphrase': serve({ ...pair(encrypted), passphrase: 'wrong' }),
    'the passphrase as a Buffer': serve({ ...pair(encrypted), passphrase: Buffer.from('secret') }),
    'an Ed25519 key': serve(pair(ed25519)),
    'an Ed25519 key in DER': serve({ key: ED25519_DER }),
    'an RSA key of 1024 bits': serve({ key: rsa1024.key }),
    'an RSA key for PSS alone': serve(pair(rsaPss)),
    'an EC key on secp256k1': serve({ key: secp256k1.key }),
    'a key that was cut short': serve({ key: server.key.subarray(0, 100) }),
    'a key file that does not exist': serve({ key: 'no-such-file.pem' }),
    'a key as an object': serve({ key: {} }),
  },
  Certificates: {
    'a certificate without its key': serve({ cert: server.cert }),
    'a certificate of another key': serve({ key: server.key, cert: client.cert }),
    'the name of a file as `cert`': serve({ key: server.key, cert: 'server.pem' }),
    'a private key as `cert`': serve({ key: server.key, cert: server.key }),
    'a certificate that was cut short': serve({ key: server.key, cert: server.cert.subarray(0, 200) }),
    'an empty list of certificates': serve({ key: server.key, cert: [] }),
    'a server whose certificate is for clients alone': serve(pair(clientAlone)),
    'a server whose key may not sign': serve(pair(encipherment)),
    'a private key as `ca`': dial({ port: 5684, ca: ca.key }),
    'a certificate as `peerPublicKey`': dial({ port: 5684, peerPublicKey: server.cert }),
    'a private key as `peerPublicKey`': dial({ port: 5684, peerPublicKey: server.key }),
    'an Ed25519 key as `peerPublicKey`': dial({ port: 5684, peerPublicKey: publicKeyOf(ed25519) }),
    'an RSA key of 1024 bits as `peerPublicKey`': dial({ port: 5684, peerPublicKey: publicKeyOf(rsa1024) }),
    'a certificate as `crl`': serve({ ...pair(server), ca: ca.cert, crl: ca.cert }),
    '`pfx` that is PEM': serve({ pfx: server.cert }),
    '`pfx` and `key` together': serve({ pfx: Buffer.alloc(10), key: server.key }),
    '`requestCert` without anything that a client could show': serve({ ...pair(server), requestCert: true }),
  },
  'Pre-shared keys': {
    'a client with a key and no identity': dial({ port: 5684, psk: 'secret' }),
    'a client with an identity and no key': dial({ port: 5684, pskIdentity: 'bob' }),
    'an empty key': serve({ psk: '' }),
    'a key of 65 bytes': serve({ psk: Buffer.alloc(65) }),
    'an identity of 257 bytes': dial({ port: 5684, psk: 'secret', pskIdentity: 'x'.repeat(257) }),
    'a number as the key': serve({ psk: 123456 }),
    'an array as the table of keys': serve({ psk: [['bob', 'secret']] }),
    '`psk` and `pskCallback` together': serve({ psk: 'secret', pskCallback: () => null }),
    '`pskCallback` that is no function': serve({ pskCallback: 'secret' }),
    'a hint on a server without pre-shared keys': serve({ ...pair(server), pskIdentityHint: 'hint' }),
  },
  'Names, ports and numbers': {
    'a client without a port': dial({ psk: 'secret', pskIdentity: 'bob' }),
    'port 0 on a client': dial({ port: 0, psk: 'secret', pskIdentity: 'bob' }),
    'port 70000': dial({ port: 70_000, psk: 'secret', pskIdentity: 'bob' }),
    'a port that is no number': dial({ port: 'coaps', psk: 'secret', pskIdentity: 'bob' }),
    'a host that is no string': dial({ port: 5684, host: 127, psk: 'secret', pskIdentity: 'bob' }),
    'an empty `servername`': dial({ port: 5684, servername: '', ca: ca.cert }),
    'an IPv6 host on an IPv4 socket': dial({ port: 5684, host: '::1', type: 'udp4', psk: 'x', pskIdentity: 'bob' }),
    '`dhparam`': serve({ psk: 'secret', dhparam: 'auto' }),
    'an option with a typing error': serve({ psk: 'secret', handshakeTimout: 1 }),
    'a cipher suite that does not exist': serve({ psk: 'secret', ciphers: 'AES128-SHA' }),
    'a cipher suite that the credentials do not serve': serve({
      psk: 'secret',
      ciphers: 'ECDHE-RSA-AES128-GCM-SHA256',
    }),
    'a group that does not exist': serve({ psk: 'secret', ecdhCurve: 'secp256k1' }),
    'a signature algorithm that does not exist': serve({ ...pair(server), sigalgs: 'ed25519' }),
    "RSA-PSS by IANA's name": serve({ ...pair(server), sigalgs: 'rsa_pss_rsae_sha256' }),
    'an application protocol without a name': serve({ psk: 'secret', ALPNProtocols: [''] }),
    '`ALPNCallback` and `ALPNProtocols` together': serve({ psk: 'x', ALPNCallback: () => 'a', ALPNProtocols: ['a'] }),
    '`debug: 5`': serve({ psk: 'secret', debug: 5 }),
    'an `mtu` that is too small': serve({ psk: 'secret', mtu: 100 }),
    'a timeout in seconds that is a string': serve({ psk: 'secret', handshakeTimeout: '30s' }),
    'an unknown profile': serve({ psk: 'secret', compat: 'particles' }),
    'a context with a key that is a certificate': () => thrown(() => createSecureContext({ key: server.cert })),
    'a connection ID of 33 bytes': serve({ psk: 'secret', connectionId: 33 }),
    '`ticketKeys` of 80 bytes, as OpenSSL has them': serve({ psk: 'secret', ticketKeys: Buffer.alloc(80) }),
    '`ticketKeys` on a client': dial({ port: 5684, psk: 'x', pskIdentity: 'bob', ticketKeys: Buffer.alloc(48) }),
  },
  'Versions of DTLS': {
    "a version in TLS's spelling": serve({ psk: 'secret', minVersion: 'TLSv1.2' }),
    'a version without its v': serve({ psk: 'secret', maxVersion: 'DTLS1.3' }),
    'a version as a number': serve({ psk: 'secret', maxVersion: 1.3 }),
    'a version that is too old': serve({ psk: 'secret', minVersion: 'DTLSv1' }),
    '`minVersion` newer than `maxVersion`': serve({ psk: 'secret', ...NEWER, ...OLDER }),
    '`secureProtocol`': serve({ psk: 'secret', secureProtocol: 'DTLSv1_2_method' }),
    'suites of DTLS 1.2 alone with `minVersion`': serve({ psk: 'secret', ...NEWER, ciphers: 'PSK-AES128-CCM8' }),
    'suites of DTLS 1.3 alone with `maxVersion`': serve({ psk: 'secret', ...OLDER, ciphers: 'TLS_AES_128_GCM_SHA256' }),
    'suites of DTLS 1.3 alone with `maxFragmentLength`': serve({
      psk: 'secret',
      maxFragmentLength: 512,
      ciphers: 'TLS_AES_128_GCM_SHA256',
    }),
    "DTLS 1.3's suite with short tags": serve({ psk: 'secret', ciphers: 'TLS_AES_128_CCM_8_SHA256' }),
    'P-521 alone for DTLS 1.3': serve({ psk: 'secret', ...NEWER, ecdhCurve: 'P-521' }),
    'X25519MLKEM768 alone for DTLS 1.2': serve({ psk: 'secret', ...OLDER, ecdhCurve: 'X25519MLKEM768' }),
    '`maxFragmentLength` for DTLS 1.3': serve({ psk: 'secret', ...NEWER, maxFragmentLength: 512 }),
    '`srtpProfiles` for DTLS 1.3': serve({ psk: 'secret', ...NEWER, srtpProfiles: 'SRTP_AEAD_AES_128_GCM' }),
    'signatures that leave a key no way to sign in DTLS 1.3': serve({
      ...pair(server),
      ...NEWER,
      sigalgs: 'ECDSA+SHA384',
    }),
    'an empty identity for DTLS 1.3': dial({ port: 5684, psk: 'secret', pskIdentity: '', ...NEWER }),
    'a mode of pre-shared keys with a typing error': serve({ psk: 'secret', pskKeyExchangeModes: 'psk-dhe-ke' }),
  },
};
