'use strict';

// Encryption by passphrase in PKCS#12 files: PBES2 (RFC 8018) and PKCS#12's own schemes (RFC 7292). node:crypto does
// all of the cryptography; what Node's OpenSSL does not offer, such as RC2, is refused by name.

const crypto = require('node:crypto');

const { SEQUENCE } = require('./der');

/**
 * How many rounds of hashing one file may ask for: some seconds' worth. OpenSSL writes 2048 for a key, keytool 10000.
 */
const MAX_ROUNDS = 5_000_000;

/** For each hash, the sizes of its output and of its block, bytes. */
const HASHES = {
  __proto__: null,
  sha1: [20, 64],
  sha224: [28, 64],
  sha256: [32, 64],
  sha384: [48, 128],
  sha512: [64, 128],
};

const DIGESTS = {
  __proto__: null,
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.4': 'sha224',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

const PBES2 = '1.2.840.113549.1.5.13';
const PBKDF2 = '1.2.840.113549.1.5.12';
const PBMAC1 = '1.2.840.113549.1.5.14';

/** HMACs, which serve as pseudo-random functions and as message authentication. */
const HMACS = {
  __proto__: null,
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
};

/** Ciphers of PBES2: Node's name and the length of the key, bytes. The initialisation vector is a parameter. */
const CIPHERS = {
  __proto__: null,
  '2.16.840.1.101.3.4.1.2': ['aes-128-cbc', 16],
  '2.16.840.1.101.3.4.1.22': ['aes-192-cbc', 24],
  '2.16.840.1.101.3.4.1.42': ['aes-256-cbc', 32],
  '1.2.840.113549.3.7': ['des-ede3-cbc', 24],
};

/**
 * Ciphers of RFC 7292 appendix C: Node's name and the length of the key, bytes. SHA-1 derives key and initialisation
 * vector.
 */
const PKCS12_CIPHERS = {
  __proto__: null,
  '1.2.840.113549.1.12.1.3': ['des-ede3-cbc', 24],
  '1.2.840.113549.1.12.1.4': ['des-ede-cbc', 16],
  '1.2.840.113549.1.12.1.5': ['rc2-cbc', 16],
  '1.2.840.113549.1.12.1.6': ['rc2-40-cbc', 5],
};

const PKCS12_IV = 8;

/** Lengths of a PBMAC1 key, bytes. RFC 9579 section 9 forbids shorter keys, and nobody needs longer ones. */
const MIN_MAC_KEY = 20;
const MAX_MAC_KEY = 128;

/** Purposes of key material (RFC 7292 appendix B.3). */
const FOR_KEY = 1;
const FOR_IV = 2;
const FOR_MAC = 3;

/** An algorithm that is not implemented here; the message names it. */
class Unsupported extends Error {}

/** A passphrase, which may be empty, and the rounds of hashing that are left for it. */
class Passphrase {
  /** @param {string} text empty for none */
  constructor(text) {
    this._utf8 = Buffer.from(text);
    // A BMPString that ends with a zero (RFC 7292 appendix B.1).
    this._bmp = Buffer.from(`${text}\0`, 'utf16le').swap16();
    this._rounds = MAX_ROUNDS;
  }

  /** Whether there is no passphrase. Some programs then write a zero where others write nothing. */
  get isEmpty() {
    return this._utf8.length === 0;
  }

  /** Changes to the other way to write an empty passphrase, and returns false when there is none left. */
  takeOther() {
    if (!this.isEmpty || this._bmp.length === 0) return false;
    this._bmp = this._bmp.subarray(0, 0);
    return true;
  }

  /**
   * The HMAC of a whole file (RFC 7292 appendix A, RFC 9579).
   *
   * @param {Element} algorithm of the digest, or PBMAC1, which ignores salt and iterations
   */
  mac(algorithm, salt, iterations, content) {
    const { oid, parameters } = algorithmOf(algorithm);
    if (oid === PBMAC1) return this._pbmac1(parameters, content);
    const hash = lookUp(DIGESTS, oid, 'the digest');
    const key = this._derive(hash, FOR_MAC, salt, iterations, HASHES[hash][0]);
    const mac = crypto.createHmac(hash, key).update(content).digest();
    key.fill(0);
    return mac;
  }

  /**
   * @param {Element} algorithm AlgorithmIdentifier
   * @param {Buffer} content
   * @returns {Buffer}
   */
  decrypt(algorithm, content) {
    const { oid, parameters } = algorithmOf(algorithm);
    const { cipher, key, iv } = oid === PBES2 ? this._pbes2(parameters) : this._pkcs12(oid, parameters);
    try {
      const decipher = decipherOf(cipher, key, iv);
      return Buffer.concat([decipher.update(content), decipher.final()]);
    } finally {
      key.fill(0);
    }
  }

  /** RFC 8018 section 6.2. */
  _pbes2(parameters) {
    const [derivation, encryption] = fields(parameters, 2).map(algorithmOf);
    const [cipher, keyLength] = lookUp(CIPHERS, encryption.oid, 'the cipher');
    const key = this._pbkdf2(derivation, keyLength);
    return { cipher, key, iv: present(encryption.parameters).octets() };
  }

  /** RFC 8018 section 7.1, and RFC 9579 section 5: the length of the key is not left open. */
  _pbmac1(parameters, content) {
    const [derivation, authentication] = fields(parameters, 2).map(algorithmOf);
    const hash = lookUp(HMACS, authentication.oid, 'the message authentication');
    const keyLength = fields(derivation.parameters, 3)[2].integer();
    if (keyLength < MIN_MAC_KEY || keyLength > MAX_MAC_KEY) throw new Unsupported(`a MAC key of ${keyLength} bytes`);
    const key = this._pbkdf2(derivation, keyLength);
    const mac = crypto.createHmac(hash, key).update(content).digest();
    key.fill(0);
    return mac;
  }

  /** RFC 8018 appendix A.2. */
  _pbkdf2({ oid, parameters }, keyLength) {
    if (oid !== PBKDF2) throw new Unsupported(`the key derivation ${oid}`);
    const [salt, iterations, ...rest] = fields(parameters, 2);
    // What follows is the length of the key, which is known, and the PRF, which is HMAC with SHA-1 by default.
    const prf = rest.find((element) => element.tag === SEQUENCE);
    const hash = prf === undefined ? 'sha1' : lookUp(HMACS, algorithmOf(prf).oid, 'the pseudo-random function');
    const rounds = this._spend(iterations.integer(), Math.ceil(keyLength / HASHES[hash][0]));
    return crypto.pbkdf2Sync(this._utf8, salt.octets(), rounds, keyLength, hash);
  }

  _pkcs12(oid, parameters) {
    const [cipher, keyLength] = lookUp(PKCS12_CIPHERS, oid, 'the encryption');
    const [salt, iterations] = fields(parameters, 2);
    const derive = (purpose, length) => this._derive('sha1', purpose, salt.octets(), iterations.integer(), length);
    return { cipher, key: derive(FOR_KEY, keyLength), iv: derive(FOR_IV, PKCS12_IV) };
  }

  /** RFC 7292 appendix B.2, with the names of variables that it uses. */
  _derive(hash, purpose, salt, iterations, length) {
    const [outputSize, v] = HASHES[hash];
    const blocks = Math.ceil(length / outputSize);
    this._spend(iterations, blocks);
    const D = Buffer.alloc(v, purpose);
    const I = Buffer.concat([repeated(salt, v), repeated(this._bmp, v)]);
    const output = [];
    for (let block = 0; block < blocks; block++) {
      let A = crypto.createHash(hash).update(D).update(I).digest();
      for (let round = 1; round < iterations; round++) A = crypto.createHash(hash).update(A).digest();
      output.push(A);
      const B = repeated(A, v);
      for (let at = 0; at < I.length; at += v) addPlusOne(I.subarray(at, at + v), B);
    }
    I.fill(0);
    return Buffer.concat(output).subarray(0, length);
  }

  _spend(iterations, blocks) {
    if (iterations < 1) throw new SyntaxError('an iteration count of 0');
    this._rounds -= iterations * blocks;
    if (this._rounds < 0) throw new Unsupported(`more than ${MAX_ROUNDS} rounds of key derivation`);
    return iterations;
  }

  /** Wipes the passphrase, which cannot be used any more. */
  wipe() {
    this._utf8.fill(0);
    this._bmp.fill(0);
  }
}

/** @returns {{ oid: string, parameters: Element | undefined }} of an AlgorithmIdentifier */
function algorithmOf(element) {
  const [algorithm, parameters] = element.fields(1);
  return { oid: algorithm.oid(), parameters };
}

/** The parameters of an algorithm that needs them. */
function present(parameters) {
  if (parameters === undefined) throw new SyntaxError('an algorithm without its parameters');
  return parameters;
}

function fields(parameters, least) {
  return present(parameters).fields(least);
}

function lookUp(table, oid, what) {
  const found = table[oid];
  if (found === undefined) throw new Unsupported(`${what} ${oid}`);
  return found;
}

function decipherOf(cipher, key, iv) {
  try {
    return crypto.createDecipheriv(cipher, key, iv);
  } catch (error) {
    if (error.code === 'ERR_CRYPTO_INVALID_IV') throw new SyntaxError('an initialisation vector of a wrong length');
    throw new Unsupported(`the cipher ${cipher}`);
  }
}

/** The bytes, repeated until they fill whole blocks; empty when they are empty. */
function repeated(bytes, blockSize) {
  const length = Math.ceil(bytes.length / blockSize) * blockSize;
  return length === 0 ? Buffer.alloc(0) : Buffer.alloc(length, bytes);
}

/** Adds `summand` and 1 to `target`, both big-endian; what does not fit is dropped (RFC 7292 appendix B.2). */
function addPlusOne(target, summand) {
  let carry = 1;
  for (let at = target.length - 1; at >= 0; at--) {
    carry += target[at] + summand[at];
    target[at] = carry & 0xff;
    carry >>= 8;
  }
}

module.exports = { Passphrase, Unsupported };
