'use strict';

// What happens to every connection arrives as numbers and bytes in memory that the native object writes to, see
// src/binding/brief.rs: it would take longer to make a JS object over there than to make it here.

const { suiteName } = require('./ciphers');

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
const LENGTH = 5;
const NAME_LENGTH = 6;
const TIME = 7;
const SLOT = 8;

const LONGEST_TEXTS = 448;
const TEXTS_PER_SLOT = 64;

// Kinds.
const IS_CONNECTION = 1;
const IS_PSK_LOOKUP = 2;
const IS_SECURE = 3;
const IS_CLOSED = 4;

// Bits of FLAGS.
const AUTHORIZED = 1;
const RESUMED = 2;
const HAS_NAME = 4;

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
          address: this._address(slot),
          port: number,
          servername: this._name(slot),
        };
      case IS_PSK_LOOKUP:
        return { kind: 'pskLookup', connection, lookup: number, identity: this._name(slot) };
      case IS_SECURE:
        return {
          kind: 'secure',
          connection,
          cipher: suiteName(number),
          resumed: (doubles[slot + FLAGS] & RESUMED) !== 0,
          pskIdentity: this._name(slot),
          authorized: (doubles[slot + FLAGS] & AUTHORIZED) !== 0,
          handshakeTime: doubles[slot + TIME],
        };
      case IS_CLOSED:
        return { kind: 'closed', connection, reason: REASONS[number] };
      default:
        return null;
    }
  }

  _address(slot) {
    const start = this._doubles[slot + TEXT];
    return this.bytes.latin1Slice(start, start + this._doubles[slot + LENGTH]);
  }

  _name(slot) {
    const doubles = this._doubles;
    if ((doubles[slot + FLAGS] & HAS_NAME) === 0) return undefined;
    const start = doubles[slot + TEXT] + doubles[slot + LENGTH];
    return this.bytes.latin1Slice(start, start + doubles[slot + NAME_LENGTH]);
  }
}

module.exports = { BriefEvents };
