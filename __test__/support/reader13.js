'use strict';

// Opens records of a connection of DTLS 1.3 with its key log, as RFC 9147 has them, for TLS_AES_128_GCM_SHA256.

const { createCipheriv, createDecipheriv, createHmac } = require('node:crypto');

const SUITE = 'TLS_AES_128_GCM_SHA256';
const KEY_LENGTH = 16;
const IV_LENGTH = 12;
const TAG_LENGTH = 16;

const MARK = 0x20;
const MARK_BITS = 0xe0;
const HAS_ID = 0x10;
const HAS_LONG_NUMBER = 0x08;
const HAS_LENGTH = 0x04;
const EPOCH_BITS = 0x03;

const HANDSHAKE_EPOCH = 2;
const DATA_EPOCH = 3;

/** Whether a record that begins so is a protected one of DTLS 1.3. */
function isNewer(firstByte) {
  return (firstByte & MARK_BITS) === MARK;
}

/** The record at the beginning of these bytes, and its length. */
function cutNewer(bytes, idLength) {
  const id = bytes[0] & HAS_ID ? idLength : 0;
  const number = { at: 1 + id, length: bytes[0] & HAS_LONG_NUMBER ? 2 : 1 };
  const behind = number.at + number.length;
  const start = bytes[0] & HAS_LENGTH ? behind + 2 : behind;
  const end = bytes[0] & HAS_LENGTH ? start + bytes.readUInt16BE(behind) : bytes.length;
  const isOfHandshake = (bytes[0] & EPOCH_BITS) === HANDSHAKE_EPOCH;
  const [head, fragment] = [bytes.subarray(0, start), bytes.subarray(start, end)];
  return { isNewer: true, isProtected: true, isOfHandshake, number, head, fragment, length: end };
}

/** RFC 8446 section 7.1, with the prefix of DTLS. */
function expandLabel(secret, label, length) {
  const name = Buffer.from(`dtls13${label}`);
  const info = Buffer.concat([Buffer.of(length >> 8, length & 255, name.length), name, Buffer.of(0, 1)]);
  return createHmac('sha256', secret).update(info).digest().subarray(0, length);
}

/** Keys of one side in one epoch. */
class Epoch {
  constructor(epoch, secret) {
    this.epoch = epoch;
    this._secret = secret;
    this._key = expandLabel(secret, 'key', KEY_LENGTH);
    this._iv = expandLabel(secret, 'iv', IV_LENGTH);
    this._mask = expandLabel(secret, 'sn', KEY_LENGTH);
    /** The number of the next record. */
    this._next = 0;
  }

  /** The keys after a KeyUpdate. */
  following() {
    return new Epoch(this.epoch + 1, expandLabel(this._secret, 'traffic upd', 32));
  }

  /** Whether a record says that it is of this epoch, or of another with the same two bits. */
  isNamedBy({ head }) {
    return (head[0] & EPOCH_BITS) === (this.epoch & EPOCH_BITS);
  }

  /** @returns {number | null} the record's number, null when these are not its keys */
  open({ head, number, fragment }) {
    const cipher = createCipheriv('aes-128-ecb', this._mask, null).setAutoPadding(false);
    const mask = cipher.update(fragment.subarray(0, 16));
    const plain = Buffer.from(head);
    for (let index = 0; index < number.length; index++) plain[number.at + index] ^= mask[index];
    const low = plain.readUIntBE(number.at, number.length);
    const found = this._near(low, 1 << (8 * number.length)).find((one) => this._seals(one, plain, fragment));
    if (found === undefined) return null;
    this._next = Math.max(this._next, found + 1);
    return found;
  }

  /** The numbers that end so, the nearest to the next one first (RFC 9147 section 4.2.2). */
  _near(low, span) {
    const base = this._next - (this._next % span) + low;
    const distance = (one) => Math.abs(one - this._next);
    const all = [base - span, base, base + span].filter((one) => one >= 0);
    return all.sort((one, other) => distance(one) - distance(other));
  }

  /** Whether this is what these keys make of a record with this number. */
  _seals(number, head, fragment) {
    const nonce = Buffer.from(this._iv);
    const digits = Buffer.alloc(8);
    digits.writeUIntBE(number, 2, 6);
    digits.forEach((byte, index) => {
      nonce[index + 4] ^= byte;
    });
    const decipher = createDecipheriv('aes-128-gcm', this._key, nonce, { authTagLength: TAG_LENGTH });
    decipher.setAAD(head);
    decipher.setAuthTag(fragment.subarray(-TAG_LENGTH));
    decipher.update(fragment.subarray(0, -TAG_LENGTH));
    try {
      decipher.final();
      return true;
    } catch {
      return false;
    }
  }
}

/** The keys of both sides of one connection. */
class NewerKeys {
  constructor() {
    this._sides = [[], []];
  }

  /** Whether all are there that a handshake makes. */
  get areComplete() {
    return this._sides.every((epochs) => epochs.some(({ epoch }) => epoch >= DATA_EPOCH));
  }

  /** @param {string} line of the key log */
  learn(line) {
    const [, side, generation] = /^(CLIENT|SERVER)_(?:HANDSHAKE_TRAFFIC_SECRET|TRAFFIC_SECRET_(\d+)) /.exec(line) ?? [];
    if (side === undefined) return;
    const epoch = generation === undefined ? HANDSHAKE_EPOCH : DATA_EPOCH + Number(generation);
    this._sides[side === 'SERVER' ? 1 : 0].unshift(new Epoch(epoch, Buffer.from(line.split(' ')[2], 'hex')));
  }

  /** @returns {Buffer | null} what makes a record's nonce beside its key: epoch and number; null when these are not its keys */
  nonce(record, fromServer) {
    if (!record.isNewer) return null;
    const epochs = this._sides[fromServer ? 1 : 0];
    const known = epochs.filter((epoch) => epoch.isNamedBy(record));
    // One that nobody has announced here, because the handshake is over.
    const next = known.length === 0 && epochs[0]?.epoch >= DATA_EPOCH ? [epochs[0].following()] : [];
    for (const one of [...known, ...next]) {
      const number = one.open(record);
      if (number === null) continue;
      if (next.includes(one)) epochs.unshift(one);
      const nonce = Buffer.alloc(8);
      nonce.writeUInt16BE(one.epoch, 0);
      nonce.writeUIntBE(number, 2, 6);
      return nonce;
    }
    return null;
  }
}

module.exports = { DATA_EPOCH, SUITE, Epoch, NewerKeys, cutNewer, isNewer };
