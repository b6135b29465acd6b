'use strict';

// The numbers of records that one side of a connection of DTLS 1.3 has sent, read from the wire with the secret of its key log (RFC 9147
// sections 4.2.2 and 4.2.3). A number is a nonce.

const { DATA_EPOCH, Epoch, cutNewer, isNewer } = require('./reader13.js');

/** Epochs behind the newest one that are tried. */
const EPOCHS = 400;

class Numbers {
  /**
   * @param {Buffer} lines of the key log
   * @param {number} [idLength] of the connection IDs in these records
   */
  constructor(lines, idLength = 0) {
    const secret = /SERVER_TRAFFIC_SECRET_0 \w+ (\w+)/.exec(lines)[1];
    this._epochs = [new Epoch(DATA_EPOCH, Buffer.from(secret, 'hex'))];
    this._idLength = idLength;
    this._seen = new Set();
    this._epoch = DATA_EPOCH;
    /** How many have come that had come before. */
    this.repeated = 0;
  }

  /** How many have come. */
  get count() {
    return this._seen.size;
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
      const name = `${epoch.epoch} ${number}`;
      if (this._seen.has(name)) this.repeated++;
      this._seen.add(name);
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

module.exports = { Numbers };
