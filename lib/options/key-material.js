'use strict';

// What is wrong with key material that has been refused. The addon says that it cannot use it; Node's OpenSSL knows more
// kinds of keys, and can say what it is instead. Nothing here decides whether key material is accepted.

const crypto = require('node:crypto');

const { DtlsError, fromNative } = require('../errors');

const ACCEPTED = 'An EC key on P-256, P-384 or P-521 or an RSA key of 2048 to 8192 bits is needed';

/** The words of node:crypto for kinds of keys, in everybody's spelling. */
const KINDS = {
  ed25519: 'an Ed25519',
  ed448: 'an Ed448',
  x25519: 'an X25519',
  x448: 'an X448',
  dsa: 'a DSA',
  dh: 'a DH',
};

/** What a PEM text holds by its first line (RFC 7468). */
const LABEL = /-----BEGIN ([A-Z0-9 ]+?) *-----/g;

/**
 * The error of ours for one that the addon threw about these options.
 *
 * @param {Error} error
 * @param {{ key?: Buffer, ca?: Buffer[], cert?: Buffer[], peerPublicKey?: Buffer[] }} options
 * @returns {DtlsError}
 */
function refusal(error, options) {
  const explained = explain(error, options);
  return fromNative(explained === null ? error : { code: error.code, message: explained });
}

function explain({ code, message }, { key, otherKeys, cert, ca, peerPublicKey }) {
  const index = Number(/^Entry (\d+) /.exec(message)?.[1] ?? 0);
  switch (code) {
    case 'ERR_DTLS_INVALID_KEY':
      // Of several, nobody knows which it was.
      return key === undefined || otherKeys !== undefined ? null : explainKey(key);
    case 'ERR_DTLS_INVALID_CERT':
      return misplaced(cert?.[index], 'cert', 'certificate');
    case 'ERR_DTLS_INVALID_CA':
      return misplaced(ca?.[index], 'ca', 'certificate');
    case 'ERR_DTLS_INVALID_PUBLIC_KEY':
      return misplaced(peerPublicKey?.[index], 'peerPublicKey', 'public key') ?? unfit(peerPublicKey?.[index], index);
    default:
      return null;
  }
}

/**
 * Why this cannot be a private key of ours, and what to do; null when nothing more is known.
 *
 * @param {Buffer} bytes PEM or DER
 */
function explainKey(bytes) {
  const what = contents(bytes);
  if (what === 'certificate') {
    return "The option 'key' holds a certificate. Give its private key as 'key', and the certificate as 'cert'";
  }
  if (what === 'public key') {
    return "The option 'key' holds a public key. Give the private key; 'peerPublicKey' is the option for a peer's public key";
  }
  if (what === 'encrypted key') {
    return "The option 'key' is encrypted, and the option 'passphrase' is missing";
  }
  if (what === 'certificate request') {
    return "The option 'key' holds a certificate request. Give the private key that belongs to it";
  }
  const kind = kindOf(bytes);
  return kind === null ? null : `The option 'key' is ${kind}, which cannot be used here. ${ACCEPTED}`;
}

/** The message for key material of another sort than the option is for; null when it is of that sort, and else unfit. */
function misplaced(bytes, option, wanted) {
  const what = bytes === undefined ? null : contents(bytes);
  if (what === null || what === wanted) return null;
  const article = /^[aeiou]/.test(what) ? 'an' : 'a';
  return `The option '${option}' holds ${article} ${what} where a ${wanted} is needed`;
}

/** The message for a public key of another kind than can be used; null when nothing more is known. */
function unfit(bytes, index) {
  const kind = bytes === undefined ? null : kindOf(bytes, crypto.createPublicKey, ['spki']);
  return kind === null
    ? null
    : `Entry ${index} of the option 'peerPublicKey' is ${kind}, which cannot be used here. ${ACCEPTED}`;
}

/** What there is in PEM or DER, when it is no plain private key. */
function contents(bytes) {
  const text = bytes.toString('latin1');
  const labels = [...text.matchAll(LABEL)].map(([, label]) => label);
  if (labels.length === 0) return contentsOfDer(bytes);
  if (text.includes('Proc-Type: 4,ENCRYPTED') || labels.includes('ENCRYPTED PRIVATE KEY')) return 'encrypted key';
  if (labels.some((label) => label.endsWith('PRIVATE KEY'))) return labels.length === 1 ? 'private key' : null;
  if (labels.some((label) => label.endsWith('CERTIFICATE REQUEST'))) return 'certificate request';
  if (labels.some((label) => /CERTIFICATE$/.test(label))) return 'certificate';
  if (labels.some((label) => label.endsWith('PUBLIC KEY'))) return 'public key';
  return null;
}

function contentsOfDer(key) {
  if (reads(() => new crypto.X509Certificate(key))) return 'certificate';
  if (reads(() => crypto.createPublicKey({ key, format: 'der', type: 'spki' }))) return 'public key';
  if (['pkcs8', 'sec1', 'pkcs1'].some((type) => reads(() => crypto.createPrivateKey({ key, format: 'der', type }))))
    return 'private key';
  return null;
}

/**
 * What kind of key it is, with its article; null when Node's OpenSSL cannot read it.
 *
 * @param {Buffer} key
 * @param {Function} read how it is read
 * @param {string[]} types forms that it may have in DER
 */
function kindOf(key, read = crypto.createPrivateKey, types = ['pkcs8', 'sec1', 'pkcs1']) {
  const forms = key.includes('-----BEGIN ') ? [{ format: 'pem' }] : types.map((type) => ({ format: 'der', type }));
  for (const form of forms) {
    try {
      return nameOfKind(read({ key, ...form }));
    } catch {
      // It may be of the next form.
    }
  }
  return null;
}

function nameOfKind({ asymmetricKeyType: type, asymmetricKeyDetails: details }) {
  if (type === 'rsa') return `an RSA key of ${details.modulusLength} bits`;
  if (type === 'rsa-pss') return 'an RSA key for PSS signatures alone';
  if (type === 'ec') return `an EC key on ${details.namedCurve}`;
  return `${KINDS[type] ?? `a ${type}`} key`;
}

function reads(read) {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

/** The error for a private key that this passphrase does not open. */
function lockedKey(bytes, cause) {
  const what = contents(bytes);
  const message =
    what === 'encrypted key' || what === null
      ? "The option 'passphrase' does not open the option 'key'"
      : explainKey(bytes);
  return new DtlsError(message ?? `The option 'key' cannot be read: ${cause.message}`, {
    code: 'ERR_DTLS_INVALID_KEY',
    cause,
  });
}

module.exports = { lockedKey, refusal };
