'use strict';

// Exported connections as bytes that nobody can read or change: a header, then chunks under AES-256-GCM. The construction
// is STREAM (Hoang, Reyhanitabar, Rogaway and Vizár, 2015): the number of a chunk, and whether it is the last, are in its
// nonce, so that none can be left out, put elsewhere, or cut off.
//
//   header   "mbed-dtls" | version | salt of 32 bytes | proof of 16 bytes that the reader has the same key
//   chunk    4 bytes: its length, and in the highest bit whether it is the last | ciphertext | tag of 16 bytes
//
// Each export has a key of its own, from HKDF-SHA256 with the salt. So the number alone is enough for a nonce, and no
// random numbers can meet, however many exports there are under one key of the caller's.

const { createCipheriv, createDecipheriv, hkdfSync, randomBytes, timingSafeEqual } = require('node:crypto');

const { DtlsError } = require('../errors');

const CIPHER = 'aes-256-gcm';
const MAGIC = Buffer.from('mbed-dtls');
const VERSION = 1;

const SALT_LENGTH = 32;
const KEY_LENGTH = 32;
const PROOF_LENGTH = 16;
const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;
const PREFIX_LENGTH = MAGIC.length + 1;
const HEADER_LENGTH = PREFIX_LENGTH + SALT_LENGTH + PROOF_LENGTH;

/** Bytes of plaintext in one chunk. Nothing is kept of a chunk that is longer, and not authentic yet. */
const CHUNK_LENGTH = 65_536;

const LAST = 0x8000_0000;

/**
 * @param {Uint8Array} key of the caller
 * @param {Uint8Array} salt
 * @returns {{ key: Uint8Array, proof: Uint8Array }} of one export
 */
function derive(key, salt) {
  const bytes = Buffer.from(hkdfSync('sha256', key, salt, `mbed-dtls export ${VERSION}`, KEY_LENGTH + PROOF_LENGTH));
  return { key: bytes.subarray(0, KEY_LENGTH), proof: bytes.subarray(KEY_LENGTH) };
}

function nonce(number, isLast) {
  const bytes = Buffer.alloc(NONCE_LENGTH);
  bytes.writeUInt32BE(number, NONCE_LENGTH - 5);
  bytes[NONCE_LENGTH - 1] = isLast ? 1 : 0;
  return bytes;
}

/** Seals plaintext, piece by piece. */
class Sealer {
  #key;

  /** @param {Uint8Array} key */
  constructor(key) {
    const salt = randomBytes(SALT_LENGTH);
    const derived = derive(key, salt);
    this.#key = derived.key;
    this._number = 0;
    /** What comes before all chunks. */
    this.header = Buffer.concat([MAGIC, Buffer.of(VERSION), salt, derived.proof]);
  }

  /**
   * @param {Buffer} plaintext at most CHUNK_LENGTH bytes
   * @param {boolean} isLast whether nothing follows
   * @returns {Buffer}
   */
  seal(plaintext, isLast) {
    const cipher = createCipheriv(CIPHER, this.#key, nonce(this._number++, isLast));
    const length = Buffer.alloc(4);
    length.writeUInt32BE((isLast ? LAST : 0) + plaintext.length + TAG_LENGTH);
    const chunk = Buffer.concat([length, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
    if (isLast) this.#key.fill(0);
    return chunk;
  }

  /** @returns {Buffer[]} chunks that hold all of the plaintext */
  sealAll(plaintext) {
    const chunks = [];
    for (let at = 0; ; at += CHUNK_LENGTH) {
      const isLast = plaintext.length - at <= CHUNK_LENGTH;
      chunks.push(this.seal(plaintext.subarray(at, at + CHUNK_LENGTH), isLast));
      if (isLast) return chunks;
    }
  }
}

/** Opens what a Sealer has made, piece by piece, however it has been cut on its way. */
class Opener {
  #callersKey;
  #key = null;

  /** @param {Uint8Array} key */
  constructor(key) {
    this.#callersKey = key;
    /** Of the export: which no other one has, and which says nothing of what is in it. */
    this.id = '';
    this._number = 0;
    this._isWhole = false;
    this._waiting = [];
    this._length = 0;
  }

  /**
   * @param {Buffer} bytes
   * @returns {Buffer[]} plaintext that is authentic, as far as it goes
   * @throws {DtlsError}
   */
  open(bytes) {
    this._waiting.push(bytes);
    this._length += bytes.length;
    const opened = [];
    if (this.#key === null && !this._readHeader()) return opened;
    for (let chunk = this._nextChunk(); chunk !== null; chunk = this._nextChunk()) opened.push(chunk);
    return opened;
  }

  /** @throws {DtlsError} when something is missing */
  end() {
    if (this._isWhole) return;
    throw new DtlsError('The exported connections are not complete: what was read ends before their end', {
      code: 'ERR_DTLS_EXPORT_INCOMPLETE',
    });
  }

  _readHeader() {
    if (this._length >= PREFIX_LENGTH) checkPrefix(this._peek(PREFIX_LENGTH));
    const header = this._take(HEADER_LENGTH);
    if (header === null) return false;
    const salt = header.subarray(PREFIX_LENGTH, PREFIX_LENGTH + SALT_LENGTH);
    this.id = salt.toString('hex');
    const { key, proof } = derive(this.#callersKey, salt);
    if (!timingSafeEqual(proof, header.subarray(PREFIX_LENGTH + SALT_LENGTH))) {
      throw wrongKey();
    }
    this.#key = key;
    return true;
  }

  _nextChunk() {
    if (this._isWhole) {
      if (this._length > 0) throw damaged('something follows their end');
      return null;
    }
    if (this._length < 4) return null;
    const word = this._peek(4).readUInt32BE();
    const isLast = word >= LAST;
    const length = isLast ? word - LAST : word;
    if (length < TAG_LENGTH || length > CHUNK_LENGTH + TAG_LENGTH) throw damaged('a chunk has an impossible length');
    const chunk = this._take(4 + length);
    if (chunk === null) return null;
    this._isWhole = isLast;
    return this._decrypt(chunk.subarray(4), isLast);
  }

  _decrypt(chunk, isLast) {
    const decipher = createDecipheriv(CIPHER, this.#key, nonce(this._number++, isLast), {
      authTagLength: TAG_LENGTH,
    });
    decipher.setAuthTag(chunk.subarray(-TAG_LENGTH));
    const plaintext = decipher.update(chunk.subarray(0, -TAG_LENGTH));
    try {
      decipher.final();
    } catch {
      plaintext.fill(0);
      throw damaged('a chunk is not authentic');
    }
    return plaintext;
  }

  /** So many bytes, which stay; there must be as many. */
  _peek(length) {
    if (this._waiting[0].length < length) this._waiting = [Buffer.concat(this._waiting)];
    return this._waiting[0].subarray(0, length);
  }

  /** So many bytes, or null as long as there are less. */
  _take(length) {
    if (this._length < length) return null;
    const bytes = this._peek(length);
    this._waiting[0] = this._waiting[0].subarray(length);
    this._length -= length;
    return bytes;
  }
}

function checkPrefix(prefix) {
  if (!prefix.subarray(0, MAGIC.length).equals(MAGIC)) throw damaged('they do not begin as such');
  const version = prefix[MAGIC.length];
  if (version !== VERSION) {
    throw new DtlsError(
      `The connections were exported in format ${version}, and this version reads format ${VERSION}`,
      {
        code: 'ERR_DTLS_EXPORT_VERSION',
      },
    );
  }
}

/** @returns {DtlsError} */
function wrongKey() {
  return new DtlsError('The connections were exported under another key', { code: 'ERR_DTLS_EXPORT_WRONG_KEY' });
}

/** @returns {DtlsError} for what is no export, or has been changed */
function damaged(why) {
  return new DtlsError(`These are no exported connections, or somebody has changed them: ${why}`, {
    code: 'ERR_DTLS_EXPORT_DAMAGED',
  });
}

/** @returns {DtlsError} for what is whole, and can go on nowhere, or not here */
function unusable(why) {
  return new DtlsError(`The exported connection cannot go on here: ${why}`, { code: 'ERR_DTLS_EXPORT_DAMAGED' });
}

module.exports = { CHUNK_LENGTH, Opener, Sealer, damaged, unusable, wrongKey };
