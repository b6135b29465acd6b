'use strict';

// Where things are in the memory that the native object shares with JavaScript.

/** Registers, doubles: src/binding/driver.rs rewrites them before each native call returns. */
const registers = {
  /** What is waiting to be asked for: the bits below. */
  WAITING: 0,
  /** When the native object wants to be woken, ms on its clock; Infinity for never. */
  DUE: 1,
  /** The time on that clock, ms. */
  NOW: 2,
  /** Payloads in the last batch. */
  COUNT: 3,
  /** 1 when more datagrams may have arrived. */
  MORE: 4,
  /** 1 when other threads have steps of handshakes. */
  JOBS: 5,
  /** Three registers for each payload of a batch: its connection, its end in the batch, bytes of its datagram. */
  PAYLOADS: 6,
  REGISTERS_PER_PAYLOAD: 3,
  BATCH_LIMIT: 64,
  /** Bits of WAITING: datagrams, and events that are not brief ones. */
  TRANSMITS: 1,
  EVENTS: 2,
};

/** Brief events, see src/binding/brief.rs: doubles, and behind them the bytes of texts. */
const brief = {
  /** How many events have been written and how many have been read; then one slot for each event. */
  WRITTEN: 0,
  READ: 1,
  SLOTS: 2,
  /** Doubles of a slot. */
  KIND: 0,
  CONNECTION: 1,
  NUMBER: 2,
  FLAGS: 3,
  TEXT: 4,
  LENGTHS: 5,
  TIME: 9,
  SLOT: 10,
  /** Texts of a slot; the first of a 'secure' event is the public key. */
  ADDRESS: 0,
  PUBLIC_KEY: 0,
  NAME: 1,
  CERTIFICATE: 2,
  REFUSAL: 3,
  /** Bytes of texts: the longest of one event, and those that each slot has room for beside. */
  LONGEST_TEXTS: 448,
  TEXTS_PER_SLOT: 64,
  /** Kinds of events. */
  IS_CONNECTION: 1,
  IS_PSK_QUESTION: 2,
  IS_SECURE: 3,
  IS_CLOSED: 4,
  /** Bits of FLAGS. */
  AUTHORIZED: 1,
  RESUMED: 2,
  HAS_NAME: 4,
  HAS_PUBLIC_KEY: 8,
  HAS_CERTIFICATE: 16,
  IS_REFUSED: 32,
};

module.exports = { brief, registers };
