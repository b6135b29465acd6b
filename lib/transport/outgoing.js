'use strict';

// Payloads that are written while a batch of datagrams is delivered. The native object takes many of them at once, because
// a call into it costs as much as sealing a small payload.

const { Buffer } = require('node:buffer');

/** Room for payloads, bytes: as many of 1 KB as may wait. The longest has half of that. */
const CAPACITY = 32_768;

/**
 * How many payloads wait at most. Linux has the processor that has sent a datagram free its memory. If a peer on this machine has read
 * 32 since we last sent something, its processor interrupts ours for that, which takes as long as several echoes.
 */
const LIMIT = 32;

/** There is one buffer for each thread, lent to one endpoint at a time. */
const bytes = Buffer.allocUnsafeSlow(CAPACITY);
/** For each payload, its connection and where it ends. */
const entries = new Uint32Array(2 * LIMIT);
let owner = null;
let native = null;
let count = 0;
let length = 0;

const outgoing = {
  /** Borrows the buffer. While another endpoint has it, this has no effect, and put() takes nothing. */
  open(endpoint, itsNative) {
    if (owner !== null) return;
    owner = endpoint;
    native = itsNative;
  },

  /** @returns {boolean} false when the payload is longer than any that can be sent, or this endpoint does not have the buffer */
  put(endpoint, connection, payload) {
    if (owner !== endpoint || payload.length > CAPACITY) return false;
    if (length + payload.length > CAPACITY) this.flush(endpoint);
    bytes.set(payload, length);
    length += payload.length;
    entries[2 * count] = connection;
    entries[2 * count + 1] = length;
    count++;
    if (count === LIMIT) this.flush(endpoint);
    return true;
  },

  /** Hands the payloads over to the native object. */
  flush(endpoint) {
    if (owner !== endpoint || count === 0) return;
    const taken = count;
    count = 0;
    length = 0;
    native.sendBatch(bytes, entries, taken);
  },

  close(endpoint) {
    if (owner !== endpoint) return;
    try {
      this.flush(endpoint);
    } finally {
      owner = null;
      native = null;
    }
  },
};

module.exports = { outgoing };
