'use strict';

// The part of CoAP (RFC 7252) that a test of its transport needs: confirmable requests, and responses in the
// acknowledgement.

const CODES = { GET: 0x01, POST: 0x02, PUT: 0x03, CONTENT: 0x45 };
const CONFIRMABLE = 0x40;
const ACKNOWLEDGEMENT = 0x60;
const URI_PATH = 11;
const PAYLOAD_MARKER = 0xff;

/** A confirmable request for a path of one segment of up to 12 characters, or for the root. */
function request(method, segment, { id, payload = '' }) {
  const option = segment === '' ? [] : [Buffer.of((URI_PATH << 4) | segment.length), Buffer.from(segment)];
  return Buffer.concat([Buffer.of(CONFIRMABLE, CODES[method], id >> 8, id & 0xff), ...option, marked(payload)]);
}

/** The acknowledgement of a request that carries 2.05 Content. */
function content(message, payload) {
  const tokenLength = message[0] & 0x0f;
  const header = Buffer.of(ACKNOWLEDGEMENT | tokenLength, CODES.CONTENT, message[2], message[3]);
  return Buffer.concat([header, message.subarray(4, 4 + tokenLength), marked(payload)]);
}

/** @returns {{ confirmable: boolean, code: string, payload: string }} code as in '2.05' */
function parse(message) {
  const confirmable = (message[0] & 0x30) === 0;
  const code = `${message[1] >> 5}.${String(message[1] & 0x1f).padStart(2, '0')}`;
  let at = 4 + (message[0] & 0x0f);
  while (at < message.length && message[at] !== PAYLOAD_MARKER) {
    const [delta, length] = [message[at] >> 4, message[at] & 0x0f];
    at += 1;
    if (delta >= 13) at += delta - 12;
    if (length === 13) at += 1 + message[at] + 13;
    else if (length === 14) at += 2 + message.readUInt16BE(at) + 269;
    else at += length;
  }
  return { confirmable, code, payload: message.toString('utf8', at + 1) };
}

function marked(payload) {
  return payload === '' ? Buffer.alloc(0) : Buffer.concat([Buffer.of(PAYLOAD_MARKER), Buffer.from(payload)]);
}

module.exports = { content, parse, request };
