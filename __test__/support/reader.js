'use strict';

// Reads the application data of a captured connection with a line of its key log, for suites that tshark does not know:
// AEAD suites of DTLS 1.2, as RFC 5246, RFC 5288, RFC 6655 and RFC 7905 have them.

const { createDecipheriv, createHmac } = require('node:crypto');

const HANDSHAKE = 22;
const APPLICATION_DATA = 23;
const SERVER_HELLO = 2;

/**
 * @param {{ datagram: Buffer, fromServer: boolean }[]} datagrams of one connection
 * @param {Buffer} line of the key log
 * @param {string} suite OpenSSL's name
 * @returns {string[]} its payloads, in order; throws when one does not authenticate
 */
function read(datagrams, line, suite) {
  const [, , secret] = line.toString().trim().split(' ');
  const [, clientRandom] = line.toString().split(' ');
  const records = datagrams.flatMap(({ datagram, fromServer }) =>
    cut(datagram).map((record) => ({ ...record, fromServer })),
  );
  const hello = records.find(
    ({ type, epoch, fragment }) => type === HANDSHAKE && epoch === 0 && fragment[0] === SERVER_HELLO,
  );
  const seed = Buffer.concat([hello.fragment.subarray(14, 46), Buffer.from(clientRandom, 'hex')]);
  const form = formOf(suite);
  const block = prf(form.hash, Buffer.from(secret, 'hex'), 'key expansion', seed, 2 * (form.key + form.iv));
  const keys = [0, 1].map((side) => ({
    key: block.subarray(side * form.key, (side + 1) * form.key),
    iv: block.subarray(2 * form.key + side * form.iv, 2 * form.key + (side + 1) * form.iv),
  }));
  return records
    .filter(({ type, epoch }) => type === APPLICATION_DATA && epoch === 1)
    .map((record) => open(record, form, keys[record.fromServer ? 1 : 0]).toString());
}

function cut(datagram) {
  const records = [];
  for (let at = 0; at + 13 <= datagram.length; ) {
    const end = at + 13 + datagram.readUInt16BE(at + 11);
    const header = datagram.subarray(at, at + 11);
    records.push({
      type: datagram[at],
      epoch: datagram.readUInt16BE(at + 3),
      header,
      fragment: datagram.subarray(at + 13, end),
    });
    at = end;
  }
  return records;
}

function formOf(suite) {
  const hash = suite.includes('SHA384') ? 'sha384' : 'sha256';
  if (suite.includes('CHACHA20')) return { cipher: 'chacha20-poly1305', hash, key: 32, iv: 12, explicit: 0, tag: 16 };
  const bits = suite.includes('AES256') ? 256 : 128;
  const mode = suite.includes('CCM') ? 'ccm' : 'gcm';
  const tag = suite.includes('CCM8') ? 8 : 16;
  return { cipher: `aes-${bits}-${mode}`, hash, key: bits / 8, iv: 4, explicit: 8, tag };
}

function open({ type, header, fragment }, { cipher, explicit, tag }, { key, iv }) {
  const number = header.subarray(3, 11);
  const nonce = explicit > 0 ? Buffer.concat([iv, fragment.subarray(0, explicit)]) : exclusiveOr(iv, number);
  const sealed = fragment.subarray(explicit, fragment.length - tag);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(sealed.length);
  const decipher = createDecipheriv(cipher, key, nonce, { authTagLength: tag });
  decipher.setAuthTag(fragment.subarray(fragment.length - tag));
  decipher.setAAD(Buffer.concat([number, Buffer.from([type]), header.subarray(1, 3), length]), {
    plaintextLength: sealed.length,
  });
  return Buffer.concat([decipher.update(sealed), decipher.final()]);
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

module.exports = { read };
