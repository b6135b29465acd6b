'use strict';

// What the nodes of a fleet keep in their store, as bytes that nobody else can read, change or put under another name.
//
//   version | salt of 16 bytes | proof of 16 bytes that the reader has the same key | number of 6 bytes | ciphertext | tag
//
// A node seals under one key for as long as it lives: HKDF-SHA256 of the fleet's key with a random salt. So the number of a
// record alone is enough for a nonce, and to derive a key, which costs more than all the rest, happens once for each node
// that is heard of. The name is the additional data of AES-256-GCM.

const {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} = require('node:crypto');

const { damaged, wrongKey } = require('../exports/sealing');

const CIPHER = 'aes-256-gcm';
const VERSION = 2;

const SALT_LENGTH = 16;
const KEY_LENGTH = 32;
const PROOF_LENGTH = 16;
const NUMBER_LENGTH = 6;
const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;
const PROOF_AT = 1 + SALT_LENGTH;
const NUMBER_AT = PROOF_AT + PROOF_LENGTH;
const CIPHERTEXT_AT = NUMBER_AT + NUMBER_LENGTH;

/** Keys of other nodes that are kept derived, at most. A node that has gone is forgotten when others have come. */
const KEYS = 64;

class Records {
  #key;
  #own = null;
  /** salt as text -> key; those that were used last come last */
  #others = new Map();
  #number = 0;

  /** @param {Uint8Array} key of the fleet */
  constructor(key) {
    this.#key = key;
  }

  /**
   * @param {string} name that the store has it under
   * @param {Buffer[]} pieces of plaintext; they are wiped
   * @returns {Buffer}
   */
  seal(name, pieces) {
    this.#own ??= this.#derive(randomBytes(SALT_LENGTH));
    const { key, header } = this.#own;
    const number = Buffer.alloc(NUMBER_LENGTH);
    number.writeUIntBE(this.#number++, 0, NUMBER_LENGTH);
    const cipher = createCipheriv(CIPHER, key, nonceOf(number));
    cipher.setAAD(Buffer.from(name));
    const ciphertext = pieces.map((piece) => cipher.update(piece));
    cipher.final();
    for (const piece of pieces) piece.fill(0);
    return Buffer.concat([header, number, ...ciphertext, cipher.getAuthTag()]);
  }

  /**
   * @param {string} name
   * @param {Buffer} bytes
   * @returns {Buffer}
   * @throws {DtlsError}
   */
  open(name, bytes) {
    if (bytes.length < CIPHERTEXT_AT + TAG_LENGTH) throw damaged('a record is cut');
    if (bytes[0] !== VERSION) throw damaged('a record does not begin as such');
    const key = this.#keyFor(bytes.subarray(0, NUMBER_AT));
    const decipher = createDecipheriv(CIPHER, key, nonceOf(bytes.subarray(NUMBER_AT, CIPHERTEXT_AT)), {
      authTagLength: TAG_LENGTH,
    });
    decipher.setAAD(Buffer.from(name));
    decipher.setAuthTag(bytes.subarray(-TAG_LENGTH));
    const plaintext = decipher.update(bytes.subarray(CIPHERTEXT_AT, -TAG_LENGTH));
    try {
      decipher.final();
    } catch {
      plaintext.fill(0);
      throw damaged('a record is not authentic');
    }
    return plaintext;
  }

  #keyFor(header) {
    const salt = header.toString('latin1', 1, PROOF_AT);
    const known = this.#others.get(salt);
    const derived = known ?? this.#derive(header.subarray(1, PROOF_AT));
    if (!timingSafeEqual(derived.header, header)) throw wrongKey();
    this.#others.delete(salt);
    this.#others.set(salt, derived);
    if (this.#others.size > KEYS) this.#others.delete(this.#others.keys().next().value);
    return derived.key;
  }

  #derive(salt) {
    const bytes = Buffer.from(
      hkdfSync('sha256', this.#key, salt, `mbed-dtls store ${VERSION}`, KEY_LENGTH + PROOF_LENGTH),
    );
    const header = Buffer.concat([Buffer.of(VERSION), salt, bytes.subarray(KEY_LENGTH)]);
    const key = createSecretKey(bytes.subarray(0, KEY_LENGTH));
    bytes.fill(0);
    return { key, header };
  }
}

/** Numbers of records are of one key, and never repeat under it. */
function nonceOf(number) {
  const nonce = Buffer.alloc(NONCE_LENGTH);
  number.copy(nonce, NONCE_LENGTH - NUMBER_LENGTH);
  return nonce;
}

module.exports = { Records };
