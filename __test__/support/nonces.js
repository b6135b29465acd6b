'use strict';

// The nonces that one side of a connection has used, for suites whose records carry one (RFC 5288, RFC 6655).

/** Whose copies are recognised: so many records that were sent last. */
const RECENT = 32;

/** Those of one side under one key. A life of its connection counts up, so that runs of numbers say all. */
class Nonces {
  constructor() {
    /** By their upper half: first and last of each run of lower halves. */
    this._runs = new Map();
    /** Nonce and tag of the latest records. */
    this._recent = [];
  }

  /**
   * @param {Buffer} nonce eight bytes
   * @param {Buffer} fragment of its record: the same one again, as a server sends it to the former address of a peer that seems to
   *   have moved, is no second use
   * @returns {'new' | 'copy' | 'repeated'}
   */
  note(nonce, fragment) {
    const record = Buffer.concat([nonce, fragment.subarray(-16)]).toString('latin1');
    if (this._recent.includes(record)) return 'copy';
    this._recent.push(record);
    if (this._recent.length > RECENT) this._recent.shift();
    return this._add(nonce.readUInt32BE(0), nonce.readUInt32BE(4)) ? 'new' : 'repeated';
  }

  _add(upper, lower) {
    if (!this._runs.has(upper)) this._runs.set(upper, []);
    const runs = this._runs.get(upper);
    if (runs.some(([first, last]) => first <= lower && lower <= last)) return false;
    const run = runs.find(([, last]) => last + 1 === lower);
    if (run === undefined) runs.push([lower, lower]);
    else run[1] = lower;
    return true;
  }
}

module.exports = { Nonces };
