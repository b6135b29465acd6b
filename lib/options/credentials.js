'use strict';

// Keys, certificates and pre-shared keys as the caller writes them, turned into the Buffers that the addon parses. Only
// kinds and lengths are checked here; the addon checks what is in the PEM or DER.

const crypto = require('node:crypto');
const fs = require('node:fs');
const process = require('node:process');
const tls = require('node:tls');
const { types } = require('node:util');

const { constants } = require('../capabilities');
const { DtlsError, invalidArgType, invalidArgValue, outOfRange } = require('../errors');
const { lockedKey } = require('./key-material');
const { usualPem } = require('./pem');
const { copyBytes, own } = require('./validate');

const { MAX_PSK_LENGTH, MAX_PSK_IDENTITY_LENGTH, MAX_PSK_IDENTITY_HINT_LENGTH } = constants;

const PEM_BEGIN = '-----BEGIN ';

const EXTRA = extraCertificates(process.env.NODE_EXTRA_CA_CERTS);

/** One private key: PEM or the name of a file as a string, PEM or DER as bytes. */
function privateKey(value, name) {
  return isFileName(value) ? keyFile(value, name) : encoded(value, name, { secret: true });
}

/** A string without PEM is the name of a file, as in node-mbed-dtls. */
function isFileName(value) {
  return typeof value === 'string' && !value.includes(PEM_BEGIN);
}

/** Reads the file synchronously, in the call that makes a server or client. */
function keyFile(file, name) {
  try {
    return usualPem(fs.readFileSync(file));
  } catch ({ code }) {
    // The message does not name the file, because the string may be a key in a wrong form.
    throw new DtlsError(
      `The option '${name.replace('options.', '')}' is not PEM text and does not name a file that can be read (${code})`,
      {
        code: name.endsWith('peerPublicKey') ? 'ERR_DTLS_INVALID_PUBLIC_KEY' : 'ERR_DTLS_INVALID_KEY',
      },
    );
  }
}

/**
 * The key without its encryption. Mbed TLS 2.28 decrypts no PKCS#8 key that is encrypted with AES, which is what
 * OpenSSL has written for years; Node's own OpenSSL does.
 *
 * @param {Buffer} key PEM or DER
 * @param {string} passphrase
 * @returns {Buffer} PKCS#8, DER
 */
function decryptKey(key, passphrase) {
  const form = key.includes(PEM_BEGIN) ? { format: 'pem' } : { format: 'der', type: 'pkcs8' };
  try {
    return crypto.createPrivateKey({ key, passphrase, ...form }).export({ format: 'der', type: 'pkcs8' });
  } catch (cause) {
    throw lockedKey(key, cause);
  }
}

/** One certificate or several, leaf first: PEM as a string, PEM or DER as bytes. Returns an array. */
function certificates(value, name) {
  if (!Array.isArray(value)) return [encoded(value, name)];
  if (value.length === 0) throw invalidArgValue(name, 'must not be an empty array');
  return value.map((item, index) => encoded(item, `${name}[${index}]`));
}

/** A pre-shared key of 1 to 64 bytes: a string stands for its UTF-8 bytes. */
function presharedKey(value, name) {
  const key = copyBytes(value);
  if (key === null) {
    throw invalidArgType(name, 'of type string or an instance of Buffer, TypedArray or DataView', value, {
      secret: true,
    });
  }
  checkLength(key, name, 1, MAX_PSK_LENGTH);
  return key;
}

/** A PSK identity of up to 256 bytes, which may be empty (RFC 4279): a string stands for its UTF-8 bytes. */
function identity(value, name) {
  const bytes = copyBytes(value);
  if (bytes === null) {
    throw invalidArgType(name, 'of type string or an instance of Buffer, TypedArray or DataView', value);
  }
  checkLength(bytes, name, 0, MAX_PSK_IDENTITY_LENGTH);
  return bytes;
}

/** A server's hint of 1 to 128 bytes: a string stands for its UTF-8 bytes. */
function identityHint(value, name) {
  const bytes = copyBytes(value);
  if (bytes === null) {
    throw invalidArgType(name, 'of type string or an instance of Buffer, TypedArray or DataView', value);
  }
  checkLength(bytes, name, 1, MAX_PSK_IDENTITY_HINT_LENGTH);
  return bytes;
}

/**
 * The answer of a client's pskCallback: a key and the identity that goes with it, or null.
 *
 * @returns {{ psk: Buffer, identity: Buffer } | null}
 */
function ownPsk(value) {
  if (value == null) return null;
  if (typeof value !== 'object') {
    throw invalidArgType("pskCallback's answer", 'of type object', value, { secret: true });
  }
  return { psk: presharedKey(own(value, 'psk'), 'psk'), identity: identity(own(value, 'identity'), 'identity') };
}

/**
 * The keys that a server knows: one key for every identity, or a Map or plain object from identity to key. The table is
 * copied, so that it is checked as a whole and does not change afterwards; pskCallback is for tables that change.
 *
 * @returns {{ key: Buffer } | { table: Map<string, Buffer> }} the table keyed as by identityKey()
 */
function serverPsk(value, name) {
  const entries = tableEntries(value);
  if (entries === null) return { __proto__: null, key: presharedKey(value, name) };
  const table = new Map();
  for (const [who, key] of entries) {
    const bytes = identity(who, `${name}'s identity`);
    table.set(identityKey(bytes), presharedKey(key, `${name}[${JSON.stringify(bytes.toString())}]`));
  }
  return { __proto__: null, table };
}

/** The key of an identity in a Map, which compares strings by value but not bytes: one character for each byte. */
function identityKey(bytes) {
  return bytes.latin1Slice();
}

/** The identity of a Map key that identityKey() has made. */
function identityBytes(key) {
  return Buffer.from(key, 'latin1');
}

let roots = { list: null, pem: null };

/**
 * The certificates that Node itself trusts, as one PEM Buffer, which stays the same as long as they do. Since versions
 * 22.15 and 23.10, Node says which these are after --use-system-ca, NODE_EXTRA_CA_CERTS and
 * tls.setDefaultCACertificates().
 */
function rootCertificates() {
  const list = tls.getCACertificates?.('default') ?? tls.rootCertificates;
  if (list !== roots.list) {
    const extra = tls.getCACertificates === undefined ? EXTRA : [];
    roots = { list, pem: Buffer.from([...list, ...extra].join('\n')) };
  }
  return roots.pem;
}

/** The contents of NODE_EXTRA_CA_CERTS for older versions of Node. Node itself warns when it is not a file. */
function extraCertificates(file) {
  if (!file) return [];
  try {
    return [fs.readFileSync(file, 'utf8')];
  } catch {
    return [];
  }
}

function tableEntries(value) {
  if (types.isMap(value)) return value.entries();
  if (value === null || typeof value !== 'object') return null;
  const prototype = Object.getPrototypeOf(value);
  const plain = prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
  // Only own properties are identities: inheritance must not let in an identity called 'constructor'.
  return plain && !types.isAnyArrayBuffer(value) ? Object.entries(value) : null;
}

function encoded(value, name, { secret = false } = {}) {
  if (typeof value === 'string') {
    if (!value.includes(PEM_BEGIN)) {
      throw invalidArgValue(
        name,
        'is a string but not PEM text: read the file with fs.readFileSync(), for only keys may be names of files',
      );
    }
    return usualPem(Buffer.from(value));
  }
  const bytes = copyBytes(value);
  if (bytes === null)
    throw invalidArgType(name, 'of type string or an instance of Buffer or Uint8Array', value, { secret });
  return usualPem(bytes);
}

function checkLength(bytes, name, min, max) {
  if (bytes.length < min || bytes.length > max) {
    throw outOfRange(`${name}.length`, `>= ${min} && <= ${max} bytes`, `${bytes.length} bytes`);
  }
}

module.exports = {
  certificates,
  decryptKey,
  identity,
  identityBytes,
  identityHint,
  identityKey,
  isFileName,
  keyFile,
  ownPsk,
  presharedKey,
  privateKey,
  rootCertificates,
  serverPsk,
};
