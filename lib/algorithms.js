'use strict';

// What a handshake has agreed on beside its suite, from IANA's numbers to the words of node:tls.

/** OpenSSL's name of each group, and the bits of its curve. */
const GROUPS = new Map([
  [23, ['prime256v1', 256]],
  [24, ['secp384r1', 384]],
  [25, ['secp521r1', 521]],
  [29, ['X25519', 253]],
  [4588, ['X25519MLKEM768', 253]],
]);

/** By OpenSSL's names: the kind of key, and the hash. */
const SIGNATURES = new Map([
  [0x0401, 'RSA+SHA256'],
  [0x0501, 'RSA+SHA384'],
  [0x0601, 'RSA+SHA512'],
  [0x0403, 'ECDSA+SHA256'],
  [0x0503, 'ECDSA+SHA384'],
  [0x0603, 'ECDSA+SHA512'],
  [0x0804, 'RSA-PSS+SHA256'],
  [0x0805, 'RSA-PSS+SHA384'],
  [0x0806, 'RSA-PSS+SHA512'],
]);

/**
 * @param {number} group 0 without an ephemeral key exchange
 * @returns {{ type?: 'ECDH', name?: string, size?: number }}
 */
function ephemeralKeyInfo(group) {
  const known = GROUPS.get(group);
  return known === undefined ? {} : { type: 'ECDH', name: known[0], size: known[1] };
}

/**
 * @param {number[]} signatures
 * @returns {string[]}
 */
function signatureNames(signatures) {
  return signatures.map((number) => SIGNATURES.get(number));
}

module.exports = { ephemeralKeyInfo, signatureNames };
