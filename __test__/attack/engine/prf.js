'use strict';

// What TLS 1.2 derives from secrets: the pseudorandom function, the master secret and the keys of a connection.

const { createHash, createHmac } = require('node:crypto');

const MASTER_SECRET_LENGTH = 48;
const VERIFY_DATA_LENGTH = 12;

const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();
const hmac = (key, ...parts) => createHmac('sha256', key).update(Buffer.concat(parts)).digest();

/** RFC 5246 section 5, with SHA-256, which all suites of this engine use. */
function prf(secret, label, seed, length) {
  const labelled = Buffer.concat([Buffer.from(label), seed]);
  const blocks = [];
  let a = labelled;
  for (let have = 0; have < length; have += 32) {
    a = hmac(secret, a);
    blocks.push(hmac(secret, a, labelled));
  }
  return Buffer.concat(blocks).subarray(0, length);
}

/** RFC 4279 section 2. */
function pskPremasterSecret(key) {
  const length = Buffer.of(key.length >> 8, key.length & 255);
  return Buffer.concat([length, Buffer.alloc(key.length), length, key]);
}

/**
 * RFC 7627 section 4 with a transcript, RFC 5246 section 8.1 with randoms.
 *
 * @param {Buffer} premaster
 * @param {{ transcript?: Buffer, clientRandom: Buffer, serverRandom: Buffer }} seed
 */
function masterSecret(premaster, { transcript, clientRandom, serverRandom }) {
  if (transcript !== undefined) {
    return prf(premaster, 'extended master secret', sha256(transcript), MASTER_SECRET_LENGTH);
  }
  return prf(premaster, 'master secret', Buffer.concat([clientRandom, serverRandom]), MASTER_SECRET_LENGTH);
}

/** RFC 5246 section 6.3: keys and implicit parts of nonces for an AEAD suite, which has no MAC keys. */
function connectionKeys(master, { clientRandom, serverRandom, keyLength, saltLength }) {
  const seed = Buffer.concat([serverRandom, clientRandom]);
  const block = prf(master, 'key expansion', seed, 2 * (keyLength + saltLength));
  const salts = 2 * keyLength;
  return {
    client: { key: block.subarray(0, keyLength), salt: block.subarray(salts, salts + saltLength) },
    server: { key: block.subarray(keyLength, salts), salt: block.subarray(salts + saltLength) },
  };
}

/** RFC 5246 section 7.4.9; `role` is that of the sender. */
function verifyData(master, role, transcript) {
  return prf(master, `${role} finished`, sha256(transcript), VERIFY_DATA_LENGTH);
}

module.exports = { connectionKeys, masterSecret, pskPremasterSecret, verifyData };
