'use strict';

// The nonces that one side of a connection has used on the wire, for suites whose records carry one (RFC 5288, RFC 6655).

const WITH_CONNECTION_ID = 25;
const HEADER_LENGTH = 13;

/** Those of one side of one handshake. A life of its connection counts up, so that runs of numbers say all. */
class Nonces {
  /** @param {number} idLength of the connection IDs in these records */
  constructor(idLength) {
    this._idLength = idLength;
    /** By their upper half: first and last of each run of lower halves. */
    this._runs = new Map();
    /** How many have come that had come before. */
    this.repeated = 0;
  }

  /** Looks at the records of a datagram. Records in plaintext have none. */
  note(datagram) {
    for (let at = 0; at + HEADER_LENGTH <= datagram.length; ) {
      const idLength = datagram[at] === WITH_CONNECTION_ID ? this._idLength : 0;
      const start = at + HEADER_LENGTH + idLength;
      const end = start + datagram.readUInt16BE(start - 2);
      if (datagram.readUInt16BE(at + 3) > 0)
        this._noteNonce(datagram.readUInt32BE(start), datagram.readUInt32BE(start + 4));
      at = end;
    }
  }

  _noteNonce(upper, lower) {
    if (!this._runs.has(upper)) this._runs.set(upper, []);
    const runs = this._runs.get(upper);
    if (runs.some(([first, last]) => first <= lower && lower <= last)) {
      this.repeated++;
      return;
    }
    const run = runs.find(([, last]) => last + 1 === lower);
    if (run === undefined) runs.push([lower, lower]);
    else run[1] = lower;
  }
}

module.exports = { Nonces };
