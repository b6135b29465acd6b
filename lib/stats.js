'use strict';

// What the native object counts on one connection, as a plain object.

const { tally: NAMES } = require('./transport/layout');

/**
 * @param {Buffer | string} written by the native object: a double for each name; a string has one character for each byte
 * @returns {{ [name: string]: number | undefined }} the time is undefined where none was measured
 */
function connectionStats(written) {
  const bytes = typeof written === 'string' ? Buffer.from(written, 'latin1') : written;
  const stats = { __proto__: null };
  for (const [index, name] of NAMES.entries()) {
    const value = bytes.readDoubleLE(index * Float64Array.BYTES_PER_ELEMENT);
    stats[name] = Number.isNaN(value) ? undefined : value;
  }
  return stats;
}

/** Of a connection on which nothing has happened. */
const NO_TALLY = Buffer.alloc(NAMES.length * Float64Array.BYTES_PER_ELEMENT);
NO_TALLY.writeDoubleLE(Number.NaN, NAMES.indexOf('roundTripTime') * Float64Array.BYTES_PER_ELEMENT);

module.exports = { NO_TALLY, connectionStats };
