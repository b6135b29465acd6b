'use strict';

// The nonces of the data that one side of a connection has sent, read from the wire.

const { DATA_EPOCH, Epoch, cutNewer, isNewer } = require('./reader13.js');

const APPLICATION_DATA = 23;

/** Epochs behind the newest one that are tried. */
const EPOCHS = 400;

/** Of DTLS 1.2, for suites whose records carry a nonce (RFC 5288, RFC 6655), and without connection IDs. */
class ExplicitNonces {
  constructor() {
    this._seen = new Set();
    /** How many have come that had come before. */
    this.repeated = 0;
  }

  /** How many have come. */
  get count() {
    return this._seen.size;
  }

  note(datagram) {
    if (datagram[0] === APPLICATION_DATA) this._add(datagram.toString('latin1', 13, 21));
  }

  _add(nonce) {
    if (this._seen.has(nonce)) this.repeated++;
    this._seen.add(nonce);
  }
}

/** Of DTLS 1.3, whose nonces are record numbers, read with the secret of a key log (RFC 9147 sections 4.2.2 and 4.2.3). */
class Numbers extends ExplicitNonces {
  /**
   * @param {Buffer} lines of the key log
   * @param {number} [idLength] of the connection IDs in these records
   */
  constructor(lines, idLength = 0) {
    super();
    const secret = /SERVER_TRAFFIC_SECRET_0 \w+ (\w+)/.exec(lines)[1];
    this._epochs = [new Epoch(DATA_EPOCH, Buffer.from(secret, 'hex'))];
    this._idLength = idLength;
    this._epoch = DATA_EPOCH;
  }

  /** The newest epoch. */
  get epoch() {
    return this._epoch;
  }

  /** Looks at the protected records of a datagram. */
  note(datagram) {
    for (let rest = datagram; rest.length > 0 && isNewer(rest[0]); ) {
      const record = cutNewer(rest, this._idLength);
      // Those of the handshake have other keys; an epoch with the same two bits may come four epochs later.
      const mayBeOfHandshake = record.isOfHandshake && this._epoch < DATA_EPOCH + 3;
      if (!this._noteRecord(record) && !mayBeOfHandshake) throw new Error('A record that is not of this connection');
      rest = rest.subarray(record.length);
    }
  }

  _noteRecord(record) {
    for (const epoch of this._candidates()) {
      const number = epoch.isNamedBy(record) ? epoch.open(record) : null;
      if (number === null) continue;
      this._add(`${epoch.epoch} ${number}`);
      this._epoch = Math.max(this._epoch, epoch.epoch);
      return true;
    }
    return false;
  }

  /** The newest first, from some that may have begun meanwhile. */
  *_candidates() {
    while (this._epochs.at(-1).epoch < this._epoch + 3) this._epochs.push(this._epochs.at(-1).following());
    const newest = this._epochs.length - 1;
    for (let index = newest; index >= 0 && index > newest - EPOCHS; index--) yield this._epochs[index];
  }
}

/**
 * @param {'DTLSv1.2' | 'DTLSv1.3'} version
 * @param {Buffer} lines of the key log of a device
 * @param {number} [idLength] of the connection IDs in these records
 */
function noncesOf(version, lines, idLength) {
  return version === 'DTLSv1.3' ? new Numbers(lines, idLength) : new ExplicitNonces();
}

module.exports = { noncesOf };
