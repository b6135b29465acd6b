'use strict';

// What happens to every connection arrives as numbers and bytes in memory that the native object writes to, see
// src/binding/brief.rs: it would take longer to make a JS object over there than to make it here.

const { suiteName } = require('../ciphers');

// Doubles: how many events have been written and read, then a slot for each event. Behind them, texts.
const WRITTEN = 0;
const READ = 1;
const SLOTS = 2;

// Doubles of a slot.
const KIND = 0;
const CONNECTION = 1;
const NUMBER = 2;
const FLAGS = 3;
const TEXT = 4;
const LENGTHS = 5;
const TIME = 9;
const SLOT = 10;

// Texts of a slot: in a 'secure' event the first is the public key.
const ADDRESS = 0;
const PUBLIC_KEY = 0;
const NAME = 1;
const CERTIFICATE = 2;
const REFUSAL = 3;

const LONGEST_TEXTS = 448;
const TEXTS_PER_SLOT = 64;

// Kinds.
const IS_CONNECTION = 1;
const IS_PSK_QUESTION = 2;
const IS_SECURE = 3;
const IS_CLOSED = 4;

// Bits of FLAGS.
const AUTHORIZED = 1;
const RESUMED = 2;
const HAS_NAME = 4;
const HAS_PUBLIC_KEY = 8;
const HAS_CERTIFICATE = 16;
const IS_REFUSED = 32;

const REASONS = ['peer', 'local', 'idle', 'replaced'];

class BriefEvents {
  /** @param {number} slots events that can wait here; others wait in the native object */
  constructor(slots) {
    const doubles = SLOTS + SLOT * slots;
    const memory = new ArrayBuffer(doubles * Float64Array.BYTES_PER_ELEMENT + LONGEST_TEXTS + TEXTS_PER_SLOT * slots);
    this.bytes = Buffer.from(memory);
    this._doubles = new Float64Array(memory, 0, doubles);
  }

  /** Whether everything has been read. */
  get isEmpty() {
    return this._doubles[READ] === this._doubles[WRITTEN];
  }

  /** @returns {object | null} the event as the native object would have made it; bytes are strings, a character a byte */
  read() {
    if (this.isEmpty) return null;
    const doubles = this._doubles;
    const slot = SLOTS + SLOT * doubles[READ]++;
    const connection = doubles[slot + CONNECTION];
    const number = doubles[slot + NUMBER];
    switch (doubles[slot + KIND]) {
      case IS_CONNECTION:
        return {
          kind: 'connection',
          connection,
          address: this._text(slot, ADDRESS),
          port: number,
          servername: this._name(slot),
        };
      case IS_PSK_QUESTION:
        return { kind: 'question', about: 'psk', connection, question: number, identity: this._name(slot) };
      case IS_SECURE:
        return this._secure(slot, connection, number);
      case IS_CLOSED:
        return { kind: 'closed', connection, reason: REASONS[number] };
      default:
        return null;
    }
  }

  _secure(slot, connection, suite) {
    const flags = this._doubles[slot + FLAGS];
    return {
      kind: 'secure',
      connection,
      cipher: suiteName(suite),
      resumed: (flags & RESUMED) !== 0,
      pskIdentity: this._name(slot),
      publicKey: (flags & HAS_PUBLIC_KEY) === 0 ? undefined : this._bytes(slot, PUBLIC_KEY),
      certificate: (flags & HAS_CERTIFICATE) === 0 ? undefined : this._bytes(slot, CERTIFICATE),
      authorized: (flags & AUTHORIZED) !== 0,
      authorizationError: (flags & IS_REFUSED) === 0 ? undefined : this._text(slot, REFUSAL),
      handshakeTime: this._doubles[slot + TIME],
    };
  }

  _name(slot) {
    return (this._doubles[slot + FLAGS] & HAS_NAME) === 0 ? undefined : this._text(slot, NAME);
  }

  /** A character a byte. */
  _text(slot, index) {
    const start = this._start(slot, index);
    return this.bytes.latin1Slice(start, start + this._doubles[slot + LENGTHS + index]);
  }

  /** For its receiver to keep. */
  _bytes(slot, index) {
    const start = this._start(slot, index);
    return Buffer.from(this.bytes.subarray(start, start + this._doubles[slot + LENGTHS + index]));
  }

  _start(slot, index) {
    let start = this._doubles[slot + TEXT];
    for (let before = 0; before < index; before++) start += this._doubles[slot + LENGTHS + before];
    return start;
  }
}

module.exports = { BriefEvents };
