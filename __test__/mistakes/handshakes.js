'use strict';

// Two sides whose options are good, and do not fit together.

const { createPublicKey } = require('node:crypto');

const certificates = require('../support/certificates.js');
const { handshake } = require('./outcomes.js');

const { ca, client, expired, notYetValid, otherCa, selfSigned, server, wrongName } = certificates;
const pair = ({ key, cert }) => ({ key, cert });
const publicKeyOf = ({ cert }) => createPublicKey(cert).export({ format: 'pem', type: 'spki' });
const BOB = { psk: 'secret', pskIdentity: 'bob' };
const KEYS = { psk: { bob: 'secret' } };
const NEWER = { minVersion: 'DTLSv1.3' };
const OLDER = { maxVersion: 'DTLSv1.2' };
const trusting = { ca: ca.cert, servername: 'localhost' };
const between =
  (serverOptions, clientOptions, more = undefined) =>
  () =>
    handshake(serverOptions, clientOptions, more);

module.exports = {
  'Two sides that do not fit together': {
    'another key than the server has': between(KEYS, { ...BOB, psk: 'Secret' }),
    'an identity that the server does not know': between(KEYS, { ...BOB, pskIdentity: 'Bob' }),
    'a hexadecimal key as a string on one side': between({ psk: Buffer.from('0011', 'hex') }, { ...BOB, psk: '0011' }),
    'no cipher suite in common': between(
      { ...KEYS, ciphers: 'PSK-AES128-CCM8' },
      { ...BOB, ciphers: 'PSK-AES256-CCM8' },
    ),
    'pre-shared keys on one side, certificates on the other': between(KEYS, trusting),
    'no group in common': between({ ...pair(server), ecdhCurve: 'P-256' }, { ...trusting, ecdhCurve: 'P-384' }),
    'no application protocol in common': between({ ...KEYS, ALPNProtocols: ['a'] }, { ...BOB, ALPNProtocols: ['b'] }),
    'a certificate of another authority': between(pair(server), { ...trusting, ca: otherCa.cert }),
    "no `ca` for an authority of one's own": between(pair(server), { servername: 'localhost' }),
    'a self-signed certificate': between(pair(selfSigned), trusting),
    'a certificate that has expired': between(pair(expired), trusting),
    'a certificate that is not valid yet': between(pair(notYetValid), trusting),
    'a certificate for another name': between(pair(wrongName), trusting),
    'an IP address as the host of a certificate for a name': between(pair(server), {
      ca: ca.cert,
      servername: '192.0.2.1',
    }),
    'a client without the certificate that it needs': between({ ...pair(server), ca: ca.cert }, trusting),
    'a client certificate of another authority': between(
      { ...pair(server), ca: otherCa.cert },
      { ...trusting, ...pair(client) },
    ),
    'a raw public key on the server, certificates alone on the client': between({ key: server.key }, trusting),
    'certificates alone on the server, and a client with a raw public key': between(
      { ...pair(server), ca: ca.cert },
      { ...trusting, key: client.key },
    ),
    'raw public keys alone on the server, and a client without a key': between(
      { key: server.key, peerPublicKey: publicKeyOf(client) },
      { peerPublicKey: publicKeyOf(server) },
    ),
    'another public key than the pinned one': between({ key: server.key }, { peerPublicKey: publicKeyOf(client) }),
    'a look-up that throws': between(
      {
        pskCallback() {
          throw new Error('database down');
        },
      },
      BOB,
    ),
    'a look-up that answers with something else': between({ pskCallback: () => 42 }, BOB),
    'a look-up that never answers': between({ pskCallback: () => new Promise(() => {}) }, BOB, { wait: 400 }),
    "a client's look-up that answers with a key alone": between(KEYS, { pskCallback: () => 'secret' }),
    "a client's look-up that has no key": between(KEYS, { pskCallback: () => null, ...NEWER }),
  },
  'Two sides of different versions': {
    'a server of DTLS 1.3 alone, a client of DTLS 1.2 alone': between({ ...KEYS, ...NEWER }, { ...BOB, ...OLDER }),
    'a server of DTLS 1.2 alone, a client of DTLS 1.3 alone': between({ ...KEYS, ...OLDER }, { ...BOB, ...NEWER }),
    'a client whose `ciphers` leave DTLS 1.3 out': between(
      { ...KEYS, ...NEWER },
      { ...BOB, ciphers: 'PSK-AES128-CCM8' },
    ),
    'a client whose `maxFragmentLength` leaves DTLS 1.3 out': between(
      { ...KEYS, ...NEWER },
      { ...BOB, maxFragmentLength: 512 },
    ),
    'a client that needs a hint, which DTLS 1.3 does not have': between(
      { ...KEYS, ...NEWER, pskIdentityHint: 'house' },
      { pskCallback: (hint) => (hint === 'house' ? { psk: 'secret', identity: 'bob' } : null) },
    ),
    '`psk_ke` alone on the server': between({ ...KEYS, pskKeyExchangeModes: 'psk_ke' }, BOB),
    '`psk_ke` alone on the client': between(KEYS, { ...BOB, pskKeyExchangeModes: 'psk_ke' }),
    'signatures of the client that no key of the server can make': between(pair(server), {
      ...trusting,
      sigalgs: 'ECDSA+SHA384',
    }),
    'pre-shared keys on one side, certificates on the other, in DTLS 1.2': between({ ...KEYS, ...OLDER }, trusting),
    'another key than the server has, in DTLS 1.2': between({ ...KEYS, ...OLDER }, { ...BOB, psk: 'Secret' }),
    'a client without the certificate that it needs, in DTLS 1.2': between(
      { ...pair(server), ca: ca.cert, ...OLDER },
      trusting,
    ),
    'a raw public key on the server, certificates alone on the client, in DTLS 1.2': between(
      { key: server.key, ...OLDER },
      trusting,
    ),
  },
};
