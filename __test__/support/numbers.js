'use strict';

// The numbers of records that one side of a connection of DTLS 1.3 has sent, read from the wire with the secret of its key log (RFC 9147
// sections 4.2.2 and 4.2.3): for suites with AES-128-GCM. A number is a nonce.

const { createCipheriv, createDecipheriv, createHmac } = require('node:crypto');

const HASH = 'sha256';
const HANDSHAKE_EPOCH = 2;
const DATA_EPOCH = 3;
const KEY_LENGTH = 16;
const IV_LENGTH = 12;
const TAG_LENGTH = 16;

/** Epochs, and parts of 65536 numbers of each, that are tried. */
const EPOCHS = 400;
const PARTS = 4;

class Numbers {
  /**
   * @param {Buffer} lines of the key log
   * @param {number} [idLength] of the connection IDs in these records
   */
  constructor(lines, idLength = 0) {
    const secret = /SERVER_TRAFFIC_SECRET_0 \w+ (\w+)/.exec(lines)[1];
    this._secrets = [Buffer.from(secret, 'hex')];
    this._keys = [];
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

  /** Looks at the protected records of a datagram. Those of the handshake, in epoch 2, have other keys. */
  note(datagram) {
    for (let at = 0; at < datagram.length && (datagram[at] & 0xe0) === 0x20; ) {
      const numberAt = at + 1 + ((datagram[at] & 0x10) === 0 ? 0 : this._idLength);
      const end = numberAt + 4 + datagram.readUInt16BE(numberAt + 2);
      const record = datagram.subarray(at, end);
      const isRead = this._noteRecord(record, numberAt - at);
      const isOfHandshake = (record[0] & 3) === HANDSHAKE_EPOCH && this._epoch < HANDSHAKE_EPOCH + 4;
      if (!isRead && !isOfHandshake) throw new Error('A record that is not of this connection');
      at = end;
    }
  }

  _noteRecord(record, numberAt) {
    for (const epoch of this._epochs(record[0] & 3)) {
      const number = open(record, numberAt, this._keysOf(epoch));
      if (number === null) continue;
      const name = `${epoch} ${number}`;
      if (this._seen.has(name)) this.repeated++;
      this._seen.add(name);
      this._epoch = Math.max(this._epoch, epoch);
      return true;
    }
    return false;
  }

  /** The newest first. */
  *_epochs(bits) {
    for (let epoch = this._epoch + 3; epoch >= DATA_EPOCH && epoch > this._epoch - EPOCHS; epoch--) {
      if ((epoch & 3) === bits) yield epoch;
    }
  }

  _keysOf(epoch) {
    const index = epoch - DATA_EPOCH;
    while (this._secrets.length <= index) this._secrets.push(expand(this._secrets.at(-1), 'traffic upd', 32));
    this._keys[index] ??= {
      key: expand(this._secrets[index], 'key', KEY_LENGTH),
      iv: expand(this._secrets[index], 'iv', IV_LENGTH),
      mask: expand(this._secrets[index], 'sn', KEY_LENGTH),
    };
    return this._keys[index];
  }
}

/** @returns {number | null} null when the record has not been sealed with this key */
function open(record, numberAt, { key, iv, mask }) {
  const header = Buffer.from(record.subarray(0, numberAt + 4));
  const ciphertext = record.subarray(numberAt + 4);
  const cipher = createCipheriv('aes-128-ecb', mask, null);
  const bits = cipher.update(ciphertext.subarray(0, 16));
  header[numberAt] ^= bits[0];
  header[numberAt + 1] ^= bits[1];
  const low = header.readUInt16BE(numberAt);
  for (let part = 0; part < PARTS; part++) {
    const number = part * 0x1_0000 + low;
    const nonce = Buffer.from(iv);
    nonce.writeUInt32BE((nonce.readUInt32BE(IV_LENGTH - 4) ^ number) >>> 0, IV_LENGTH - 4);
    const decipher = createDecipheriv('aes-128-gcm', key, nonce, { authTagLength: TAG_LENGTH });
    decipher.setAAD(header);
    decipher.setAuthTag(ciphertext.subarray(-TAG_LENGTH));
    decipher.update(ciphertext.subarray(0, -TAG_LENGTH));
    try {
      decipher.final();
      return number;
    } catch {
      // It has another number, or another key.
    }
  }
  return null;
}

/** HKDF-Expand-Label without a context, of no more bytes than the hash has (RFC 8446 section 7.1, RFC 9147 section 5.9). */
function expand(secret, label, length) {
  const name = Buffer.from(`dtls13${label}`);
  const info = Buffer.concat([Buffer.of(0, length, name.length), name, Buffer.of(0, 1)]);
  return createHmac(HASH, secret).update(info).digest().subarray(0, length);
}

module.exports = { Numbers };
