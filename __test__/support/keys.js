'use strict';

const { generateKeyPairSync } = require('node:crypto');

/** A key pair, its public half as DER. */
function keyPair(type = 'ec', options = { namedCurve: 'P-256' }) {
  const { privateKey, publicKey } = generateKeyPairSync(type, options);
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  return { privateKey, key, publicKey: publicKey.export({ type: 'spki', format: 'der' }) };
}

module.exports = { keyPair };
