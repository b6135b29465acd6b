'use strict';

// Records of DTLS 1.2 (RFC 6347 section 4.1): how they are written, cut out of datagrams, sealed and opened. Numbers and
// nonces are arguments here: an attacker chooses them.

const { createCipheriv, createDecipheriv } = require('node:crypto');

const CHANGE_CIPHER_SPEC = 20;
const ALERT = 21;
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;

const HEADER_LENGTH = 13;
const VERSION = 0xfefd;
const NUMBER_MASK = (1n << 48n) - 1n;

/** The cipher suites that the engine speaks: `explicit` is the part of the nonce that each record carries. */
const SUITES = {
  'PSK-AES128-CCM8': { id: 0xc0a8, cipher: 'aes-128-ccm', keyLength: 16, saltLength: 4, explicit: 8, tagLength: 8 },
  'PSK-AES128-GCM-SHA256': {
    id: 0x00a8,
    cipher: 'aes-128-gcm',
    keyLength: 16,
    saltLength: 4,
    explicit: 8,
    tagLength: 16,
  },
  'ECDHE-ECDSA-AES128-GCM-SHA256': {
    id: 0xc02b,
    cipher: 'aes-128-gcm',
    keyLength: 16,
    saltLength: 4,
    explicit: 8,
    tagLength: 16,
  },
  'PSK-CHACHA20-POLY1305': {
    id: 0xccab,
    cipher: 'chacha20-poly1305',
    keyLength: 32,
    saltLength: 12,
    explicit: 0,
    tagLength: 16,
  },
};

/** @returns {Buffer} one record */
function record({ type, epoch = 0, number = 0, content, version = VERSION }) {
  const header = Buffer.alloc(HEADER_LENGTH);
  header.writeUInt8(type, 0);
  header.writeUInt16BE(version, 1);
  header.writeBigUInt64BE(counter(epoch, number), 3);
  header.writeUInt16BE(content.length, 11);
  return Buffer.concat([header, content]);
}

/** The records of a datagram that is well formed; `bytes` is the whole of each. */
function parseRecords(datagram) {
  const records = [];
  for (let rest = datagram; rest.length > 0; ) {
    const length = HEADER_LENGTH + rest.readUInt16BE(11);
    if (length > rest.length) throw new RangeError(`A record of ${length} bytes in ${rest.length} bytes`);
    const bytes = rest.subarray(0, length);
    records.push({
      type: bytes[0],
      epoch: bytes.readUInt16BE(3),
      number: Number(bytes.readBigUInt64BE(3) & NUMBER_MASK),
      content: bytes.subarray(HEADER_LENGTH),
      bytes,
    });
    rest = rest.subarray(length);
  }
  return records;
}

/** The eight bytes that GCM and CCM records carry of their nonce (RFC 5288 section 3, RFC 6655 section 3). */
function explicitNonce({ content }) {
  return content.subarray(0, 8);
}

/** One direction of a connection: its key, its salt, and what they do to records. */
class Protection {
  constructor(suite, { key, salt }) {
    this._suite = suite;
    this._key = key;
    this._salt = salt;
  }

  /** @returns {Buffer} one record; the explicit nonce is epoch and number unless `nonce` says otherwise */
  seal({ type, epoch = 1, number, content, nonce }) {
    const { explicit } = this._suite;
    const sent = explicit === 0 ? Buffer.alloc(0) : (nonce ?? counterBytes(epoch, number));
    const cipher = createCipheriv(this._suite.cipher, this._key, this._nonce(epoch, number, sent), this._options());
    cipher.setAAD(additionalData(type, epoch, number, content.length), { plaintextLength: content.length });
    const text = Buffer.concat([cipher.update(content), cipher.final()]);
    return record({ type, epoch, number, content: Buffer.concat([sent, text, cipher.getAuthTag()]) });
  }

  /** @returns {Buffer | null} the content of a record, null if it is not authentic */
  open({ type, epoch, number, content }) {
    const { cipher, explicit, tagLength } = this._suite;
    const text = content.subarray(explicit, -tagLength);
    if (content.length < explicit + tagLength) return null;
    const nonce = this._nonce(epoch, number, content.subarray(0, explicit));
    const decipher = createDecipheriv(cipher, this._key, nonce, this._options());
    decipher.setAuthTag(content.subarray(-tagLength));
    decipher.setAAD(additionalData(type, epoch, number, text.length), { plaintextLength: text.length });
    try {
      return Buffer.concat([decipher.update(text), decipher.final()]);
    } catch {
      return null;
    }
  }

  _options() {
    return { authTagLength: this._suite.tagLength };
  }

  /** RFC 5288 section 3, RFC 6655 section 3; without an explicit part RFC 7905 section 2. */
  _nonce(epoch, number, explicit) {
    if (explicit.length > 0) return Buffer.concat([this._salt, explicit]);
    const nonce = Buffer.from(this._salt);
    counterBytes(epoch, number).forEach((byte, index) => {
      nonce[4 + index] ^= byte;
    });
    return nonce;
  }
}

function counter(epoch, number) {
  return (BigInt(epoch) << 48n) | BigInt(number);
}

function counterBytes(epoch, number) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(counter(epoch, number));
  return bytes;
}

/** RFC 5246 section 6.2.3.3, with epoch and number in place of the sequence number (RFC 6347 section 4.1.2.1). */
function additionalData(type, epoch, number, length) {
  const rest = Buffer.alloc(5);
  rest.writeUInt8(type, 0);
  rest.writeUInt16BE(VERSION, 1);
  rest.writeUInt16BE(length, 3);
  return Buffer.concat([counterBytes(epoch, number), rest]);
}

module.exports = {
  ALERT,
  APPLICATION_DATA,
  CHANGE_CIPHER_SPEC,
  HANDSHAKE,
  Protection,
  SUITES,
  explicitNonce,
  parseRecords,
  record,
};
