'use strict';

// What happens to every connection arrives as numbers and bytes in memory that the native object writes to, see
// src/binding/brief.rs: it would take longer to make a JS object over there than to make it here.

const { suiteName } = require('./ciphers');

// Doubles, and behind them two texts.
const KIND = 0;
const CONNECTION = 1;
const NUMBER = 2;
const FLAGS = 3;
const LENGTH = 4;
const NAME_LENGTH = 5;
const TIME = 6;
const DOUBLES = 7;
const TEXTS = DOUBLES * Float64Array.BYTES_PER_ELEMENT;
const TEXTS_LIMIT = 512;

// Kinds; 0 says nothing.
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
  constructor() {
    const memory = new ArrayBuffer(TEXTS + TEXTS_LIMIT);
    this.bytes = Buffer.from(memory);
    this._doubles = new Float64Array(memory, 0, DOUBLES);
  }

  /** @returns {object | null} the event as the native object would have made it; bytes are strings, a character a byte */
  read() {
    const doubles = this._doubles;
    const connection = doubles[CONNECTION];
    switch (doubles[KIND]) {
      case IS_CONNECTION:
        return {
          kind: 'connection',
          connection,
          address: this.bytes.latin1Slice(TEXTS, TEXTS + doubles[LENGTH]),
          port: doubles[NUMBER],
          servername: this._name(),
        };
      case IS_PSK_LOOKUP:
        return { kind: 'pskLookup', connection, lookup: doubles[NUMBER], identity: this._name() };
      case IS_SECURE:
        return {
          kind: 'secure',
          connection,
          cipher: suiteName(doubles[NUMBER]),
          resumed: (doubles[FLAGS] & RESUMED) !== 0,
          pskIdentity: this._name(),
          authorized: (doubles[FLAGS] & AUTHORIZED) !== 0,
          handshakeTime: doubles[TIME],
        };
      case IS_CLOSED:
        return { kind: 'closed', connection, reason: REASONS[doubles[NUMBER]] };
      default:
        return null;
    }
  }

  _name() {
    if ((this._doubles[FLAGS] & HAS_NAME) === 0) return undefined;
    const start = TEXTS + this._doubles[LENGTH];
    return this.bytes.latin1Slice(start, start + this._doubles[NAME_LENGTH]);
  }
}

module.exports = { BriefEvents };
