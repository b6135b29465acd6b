'use strict';

// Opens records of a captured connection with a line of its key log, for suites that tshark does not know: AEAD suites of
// DTLS 1.2, as RFC 5246, RFC 5288, RFC 6655 and RFC 7905 have them, with connection IDs (RFC 9146) or without.

const { createDecipheriv, createHmac } = require('node:crypto');

const { cutNewer, isNewer } = require('./reader13.js');

const HANDSHAKE = 22;
const APPLICATION_DATA = 23;
const WITH_CONNECTION_ID = 25;
const SERVER_HELLO = 2;
const HEADER_LENGTH = 13;

/**
 * @param {{ datagram: Buffer, fromServer: boolean }[]} datagrams of one connection
 * @param {Buffer} line of the key log
 * @param {string} suite OpenSSL's name
 * @returns {string[]} its payloads, in order; throws when one does not authenticate
 */
function read(datagrams, line, suite) {
  const records = datagrams.flatMap(({ datagram, fromServer }) =>
    cut(datagram).map((record) => ({ ...record, fromServer })),
  );
  const keys = new Keys(line, records.map(serverRandom).find(Boolean), suite);
  return records
    .filter(({ type, epoch }) => type === APPLICATION_DATA && epoch === 1)
    .map((record) => keys.open(record, record.fromServer).toString());
}

/**
 * The records of a datagram. Those of DTLS 1.3 are for `reader13.js`, once they are protected.
 *
 * @param {number} [idLength] of the connection IDs in them
 */
function cut(datagram, idLength = 0) {
  const records = [];
  for (let at = 0; at + HEADER_LENGTH <= datagram.length; ) {
    if (isNewer(datagram[at])) {
      records.push(cutNewer(datagram.subarray(at), idLength));
      at += records.at(-1).length;
      continue;
    }
    const start = at + HEADER_LENGTH + (datagram[at] === WITH_CONNECTION_ID ? idLength : 0);
    const end = start + datagram.readUInt16BE(start - 2);
    const epoch = datagram.readUInt16BE(at + 3);
    records.push({
      type: datagram[at],
      epoch,
      isProtected: epoch > 0,
      header: datagram.subarray(at, at + 11),
      id: datagram.subarray(at + 11, start - 2),
      fragment: datagram.subarray(start, end),
    });
    at = end;
  }
  return records;
}

/** The random bytes of a ServerHello; undefined for any other record. */
function serverRandom({ type, epoch, fragment }) {
  return type === HANDSHAKE && epoch === 0 && fragment[0] === SERVER_HELLO ? fragment.subarray(14, 46) : undefined;
}

/** The keys of both sides of one connection. */
class Keys {
  /**
   * @param {Buffer} line of the key log
   * @param {Buffer} random of the ServerHello
   * @param {string} suite OpenSSL's name
   */
  constructor(line, random, suite) {
    const [, clientRandom, secret] = line.toString().trim().split(' ');
    const seed = Buffer.concat([random, Buffer.from(clientRandom, 'hex')]);
    const form = formOf(suite);
    const block = prf(form.hash, Buffer.from(secret, 'hex'), 'key expansion', seed, 2 * (form.key + form.iv));
    this._form = form;
    this._sides = [0, 1].map((side) => ({
      key: block.subarray(side * form.key, (side + 1) * form.key),
      iv: block.subarray(2 * form.key + side * form.iv, 2 * form.key + (side + 1) * form.iv),
    }));
  }

  /** The key log has one line. */
  get areComplete() {
    return true;
  }

  /** The eight bytes that make a record's nonce, its own ones or its number (RFC 7905); null when these are not its keys. */
  nonce(record, fromServer) {
    if (record.isNewer) return null;
    try {
      this.open(record, fromServer);
    } catch {
      return null;
    }
    return this._form.explicit > 0 ? record.fragment.subarray(0, this._form.explicit) : record.header.subarray(3, 11);
  }

  /** @returns {Buffer} what is in a record; throws when it was not sealed with these keys */
  open(record, fromServer) {
    const { cipher, explicit, tag } = this._form;
    const { key, iv } = this._sides[fromServer ? 1 : 0];
    const { header, fragment } = record;
    const own = fragment.subarray(0, explicit);
    const nonce = explicit > 0 ? Buffer.concat([iv, own]) : exclusiveOr(iv, header.subarray(3, 11));
    const sealed = fragment.subarray(explicit, fragment.length - tag);
    const decipher = createDecipheriv(cipher, key, nonce, { authTagLength: tag });
    decipher.setAuthTag(fragment.subarray(fragment.length - tag));
    decipher.setAAD(additionalData(record, sealed.length), { plaintextLength: sealed.length });
    return Buffer.concat([decipher.update(sealed), decipher.final()]);
  }
}

/** RFC 5246 section 6.2.3.3; RFC 9146 section 5.3. */
function additionalData({ type, header, id }, plaintextLength) {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(plaintextLength);
  const number = header.subarray(3, 11);
  if (type !== WITH_CONNECTION_ID) return Buffer.concat([number, header.subarray(0, 3), length]);
  const placeholder = Buffer.alloc(8, 0xff);
  return Buffer.concat([placeholder, Buffer.of(type, id.length), header, id, length]);
}

function formOf(suite) {
  const hash = suite.includes('SHA384') ? 'sha384' : 'sha256';
  if (suite.includes('CHACHA20')) return { cipher: 'chacha20-poly1305', hash, key: 32, iv: 12, explicit: 0, tag: 16 };
  const bits = suite.includes('AES256') ? 256 : 128;
  const mode = suite.includes('CCM') ? 'ccm' : 'gcm';
  const tag = suite.includes('CCM8') ? 8 : 16;
  return { cipher: `aes-${bits}-${mode}`, hash, key: bits / 8, iv: 4, explicit: 8, tag };
}

/** RFC 7905: the record number, as long as the nonce, is added to it bit by bit. */
function exclusiveOr(iv, number) {
  const nonce = Buffer.from(iv);
  number.forEach((byte, index) => {
    nonce[index + 4] ^= byte;
  });
  return nonce;
}

function prf(hash, secret, label, seed, length) {
  const mac = (...parts) => createHmac(hash, secret).update(Buffer.concat(parts)).digest();
  const whole = Buffer.concat([Buffer.from(label), seed]);
  const blocks = [];
  for (let a = mac(whole), got = 0; got < length; a = mac(a)) {
    const block = mac(a, whole);
    blocks.push(block);
    got += block.length;
  }
  return Buffer.concat(blocks).subarray(0, length);
}

module.exports = { Keys, cut, read, serverRandom };
