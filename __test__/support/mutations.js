'use strict';

// Datagrams that are nearly what an honest side has sent: bytes, lengths, types and numbers of records are changed, parts are left out,
// doubled, or taken from other datagrams.

const HEADER_LENGTH = 13;
const MESSAGE_HEADER_LENGTH = 12;
const HANDSHAKE = 22;

const TYPES = [0, 20, 21, 22, 23, 24, 25, 26, 27, 32, 47, 63, 254, 255];
const BYTES = [0, 1, 0x7f, 0x80, 0xff];

const below = (limit) => Math.floor(Math.random() * limit);
const oneOf = (list) => list[below(list.length)];

const CHANGES = [
  function flipBits(datagram) {
    for (let count = below(4); count >= 0; count--) datagram[below(datagram.length)] ^= 1 << below(8);
    return datagram;
  },
  function setBytes(datagram) {
    for (let count = below(3); count >= 0; count--) datagram[below(datagram.length)] = oneOf(BYTES);
    return datagram;
  },
  function changeHeader(datagram) {
    datagram[below(Math.min(HEADER_LENGTH, datagram.length))] = below(256);
    return datagram;
  },
  function changeType(datagram) {
    datagram[0] = oneOf(TYPES);
    return datagram;
  },
  function changeMessageHeader(datagram) {
    const at = HEADER_LENGTH + below(MESSAGE_HEADER_LENGTH);
    if (at < datagram.length) datagram[at] = below(256);
    return datagram;
  },
  function cutOff(datagram) {
    return datagram.subarray(0, 1 + below(datagram.length));
  },
  function leaveOut(datagram) {
    const at = below(datagram.length);
    return Buffer.concat([datagram.subarray(0, at), datagram.subarray(at + 1 + below(20))]);
  },
  function double(datagram) {
    const at = below(datagram.length);
    return Buffer.concat([datagram.subarray(0, at), datagram.subarray(below(at + 1))]);
  },
  /** The body of a handshake message, with lengths that agree. */
  function changeBody(datagram) {
    if (datagram[0] !== HANDSHAKE || datagram.length <= HEADER_LENGTH + MESSAGE_HEADER_LENGTH)
      return flipBits(datagram);
    const body = datagram.subarray(HEADER_LENGTH + MESSAGE_HEADER_LENGTH);
    const changed = CHANGES[below(2)](Buffer.from(body)).subarray(
      0,
      below(3) === 0 ? below(body.length + 1) : undefined,
    );
    const whole = Buffer.concat([datagram.subarray(0, HEADER_LENGTH + MESSAGE_HEADER_LENGTH), changed]);
    whole.writeUInt16BE(MESSAGE_HEADER_LENGTH + changed.length, 11);
    whole.writeUIntBE(changed.length, 14, 3);
    whole.writeUIntBE(changed.length, 22, 3);
    return whole;
  },
];

const [flipBits] = CHANGES;

/**
 * A datagram that differs from this one, most often.
 *
 * @param {Buffer} datagram
 * @param {Buffer} other parts of which may come behind it
 * @returns {Buffer} not empty
 */
function mutate(datagram, other) {
  if (below(16) === 0) return Buffer.concat([datagram, other.subarray(below(other.length))]);
  let changed = Buffer.from(datagram);
  for (let count = below(3); count >= 0; count--) changed = oneOf(CHANGES)(changed);
  return changed.length > 0 ? changed : Buffer.of(0);
}

module.exports = { mutate };
