'use strict';

// Two sides whose options are good, and do not fit together.

const { createPublicKey } = require('node:crypto');

const certificates = require('../support/certificates.js');
const { handshake } = require('./outcomes.js');

const { ca, client, expired, notYetValid, otherCa, selfSigned, server, wrongName } = certificates;
const pair = ({ key, cert }) => ({ key, cert });
const OTHER_KEY = createPublicKey(client.cert).export({ format: 'pem', type: 'spki' });
const BOB = { psk: 'secret', pskIdentity: 'bob' };
const KEYS = { psk: { bob: 'secret' } };
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
    'another public key than the pinned one': between({ key: server.key }, { peerPublicKey: OTHER_KEY }),
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
  },
};
