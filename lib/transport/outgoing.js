'use strict';

// Payloads that are written while a batch of datagrams is delivered. The native object takes them all at once, because
// a call into it costs as much as sealing a small payload.

const { Buffer } = require('node:buffer');

/** Room for payloads, bytes: a batch of messages of 1 KB. A payload that does not fit is sent by itself. */
const CAPACITY = 65_536;

/** How many payloads can wait. */
const LIMIT = 64;

/** There is one buffer for each thread, lent to one endpoint at a time. */
const bytes = Buffer.allocUnsafeSlow(CAPACITY);
/** For each payload, its connection and where it ends. */
const entries = new Uint32Array(2 * LIMIT);
let owner = null;
let count = 0;
let length = 0;

const outgoing = {
  /** Borrows the buffer. While another endpoint has it, this has no effect, and put() has no room. */
  open(endpoint) {
    owner ??= endpoint;
  },

  /** @returns {boolean} false when there is no room, or this endpoint does not have it */
  put(endpoint, connection, payload) {
    if (owner !== endpoint || count === LIMIT || length + payload.length > CAPACITY) return false;
    bytes.set(payload, length);
    length += payload.length;
    entries[2 * count] = connection;
    entries[2 * count + 1] = length;
    count++;
    return true;
  },

  /** Hands the payloads over to the native object. */
  flush(endpoint, native) {
    if (owner !== endpoint || count === 0) return;
    const taken = count;
    count = 0;
    length = 0;
    native.sendBatch(bytes, entries, taken);
  },

  close(endpoint, native) {
    if (owner !== endpoint) return;
    try {
      this.flush(endpoint, native);
    } finally {
      owner = null;
    }
  },
};

module.exports = { outgoing };
