'use strict';

// DER (X.690), written from the inside out. lib/pkcs12/der.js reads it.

/** One element; its content is given in pieces. */
function element(tag, ...pieces) {
  const content = Buffer.concat(pieces);
  return Buffer.concat([Buffer.from([tag]), length(content.length), content]);
}

function length(size) {
  if (size < 0x80) return Buffer.from([size]);
  const digits = Buffer.alloc(4);
  digits.writeUInt32BE(size);
  const significant = digits.subarray(digits.findIndex((digit) => digit !== 0));
  return Buffer.concat([Buffer.from([0x80 | significant.length]), significant]);
}

const boolean = (value) => element(0x01, Buffer.from([value ? 0xff : 0]));

/** A non-negative INTEGER, from its bytes. */
function integer(bytes) {
  const start = bytes.findIndex((byte) => byte !== 0);
  const digits = start === -1 ? Buffer.alloc(1) : bytes.subarray(start);
  // Otherwise the first bit would be the sign.
  return digits[0] & 0x80 ? element(0x02, Buffer.alloc(1), digits) : element(0x02, digits);
}

const bitString = (bytes, unusedBits = 0) => element(0x03, Buffer.from([unusedBits]), bytes);
const octetString = (bytes) => element(0x04, bytes);
const utf8String = (text) => element(0x0c, Buffer.from(text));
const sequence = (...elements) => element(0x30, ...elements);
const set = (...elements) => element(0x31, ...elements);

/** '2.5.4.3' */
function oid(text) {
  const [first, second, ...rest] = text.split('.').map(Number);
  const arcs = [first * 40 + second, ...rest];
  return element(0x06, Buffer.from(arcs.flatMap(base128)));
}

function base128(arc) {
  const digits = [arc & 0x7f];
  for (let rest = arc >>> 7; rest > 0; rest >>>= 7) digits.unshift((rest & 0x7f) | 0x80);
  return digits;
}

/** A moment as RFC 5280 section 4.1.2.5 has it: with two digits for the year until 2049, and with four from then on. */
function time(date) {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, '');
  return date.getUTCFullYear() < 2050
    ? element(0x17, Buffer.from(digits.slice(2)))
    : element(0x18, Buffer.from(digits));
}

module.exports = { bitString, boolean, element, integer, octetString, oid, sequence, set, time, utf8String };
