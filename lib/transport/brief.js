'use strict';

// Events that every connection has arrive as numbers and bytes in memory that the native object writes to, as
// src/binding/brief.rs describes: JavaScript makes an object of them faster than the native side would.

const { suiteName } = require('../ciphers');
const { brief: layout } = require('./layout');

const { WRITTEN, READ, SLOTS } = layout;
const { SLOT_LENGTH, KIND, CONNECTION, NUMBER, FLAGS, TEXT, LENGTHS, TIME } = layout;
const { ADDRESS, PUBLIC_KEY, TALLY, NAME, CERTIFICATE, REFUSAL } = layout;
const { IS_CONNECTION, IS_PSK_QUESTION, IS_SECURE, IS_CLOSED } = layout;
const { REASONS, AUTHORIZED, RESUMED, HAS_NAME, HAS_PUBLIC_KEY, HAS_CERTIFICATE, IS_REFUSED } = layout;

class BriefEvents {
  /** @param {number} slots how many events can wait here; others wait in the native object */
  constructor(slots) {
    const doubles = SLOTS + SLOT_LENGTH * slots;
    const texts = layout.LONGEST_TEXTS + layout.TEXTS_PER_SLOT * slots;
    const memory = new ArrayBuffer(doubles * Float64Array.BYTES_PER_ELEMENT + texts);
    this.bytes = Buffer.from(memory);
    this._doubles = new Float64Array(memory, 0, doubles);
  }

  /** Whether everything has been read. */
  get isEmpty() {
    return this._doubles[READ] === this._doubles[WRITTEN];
  }

  /**
   * @returns {object | null} the event as the native object would make it, with one character for each byte of its
   * texts
   */
  read() {
    if (this.isEmpty) return null;
    const doubles = this._doubles;
    const slot = SLOTS + SLOT_LENGTH * doubles[READ]++;
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
        return { kind: 'closed', connection, reason: REASONS[number], data: this._text(slot, TALLY) };
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

  /** A text, with one character for each byte. */
  _text(slot, index) {
    const start = this._start(slot, index);
    return this.bytes.latin1Slice(start, start + this._doubles[slot + LENGTHS + index]);
  }

  /** A copy, which its receiver may keep. */
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
