'use strict';

// Payloads that are written while a batch of datagrams is delivered, until the native object takes them all at once: a
// call into it costs as much as sealing a small payload.

const { Buffer } = require('node:buffer');

/** Bytes: a batch of messages of 1 KB. What does not fit goes by itself. */
const CAPACITY = 65_536;

/** Payloads. */
const LIMIT = 64;

/** One for each thread, lent to one endpoint at a time. */
const bytes = Buffer.allocUnsafeSlow(CAPACITY);
/** Connection and end of each payload. */
const entries = new Uint32Array(2 * LIMIT);
let owner = null;
let count = 0;
let length = 0;

const outgoing = {
  /** Of no effect while somebody else has it: then put() has no room. */
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

  /** Hands over what is there. */
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
