'use strict';

// Handshake messages of DTLS 1.2 (RFC 6347 section 4.2.2, RFC 5246 section 7.4): how they are written, cut into fragments
// and read.

const { randomBytes } = require('node:crypto');

const TYPE = {
  HELLO_REQUEST: 0,
  CLIENT_HELLO: 1,
  SERVER_HELLO: 2,
  HELLO_VERIFY_REQUEST: 3,
  CERTIFICATE: 11,
  SERVER_KEY_EXCHANGE: 12,
  CERTIFICATE_REQUEST: 13,
  SERVER_HELLO_DONE: 14,
  CERTIFICATE_VERIFY: 15,
  CLIENT_KEY_EXCHANGE: 16,
  FINISHED: 20,
};

const EXTENSION = {
  SERVER_NAME: 0,
  MAX_FRAGMENT_LENGTH: 1,
  SUPPORTED_GROUPS: 10,
  EC_POINT_FORMATS: 11,
  SIGNATURE_ALGORITHMS: 13,
  ALPN: 16,
  CLIENT_CERTIFICATE_TYPE: 19,
  SERVER_CERTIFICATE_TYPE: 20,
  EXTENDED_MASTER_SECRET: 23,
  RENEGOTIATION_INFO: 0xff01,
};

const HEADER_LENGTH = 12;
const VERSION = Buffer.of(0xfe, 0xfd);

/** `value` in big-endian bytes. */
function number(value, bytes) {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}

/** Bytes with their length before them. */
function vector(content, lengthBytes) {
  return Buffer.concat([number(content.length, lengthBytes), content]);
}

/** A whole message in one fragment. */
function message(type, sequence, body) {
  return Buffer.concat([number(type, 1), number(body.length, 3), number(sequence, 2), number(0, 3), vector(body, 3)]);
}

/** Bytes `start` to `end` of a whole message's body, as a fragment; `claimed` is the length of the message. */
function fragment(whole, start, end, claimed = whole.length - HEADER_LENGTH) {
  const body = whole.subarray(HEADER_LENGTH + start, HEADER_LENGTH + end);
  return Buffer.concat([
    whole.subarray(0, 1),
    number(claimed, 3),
    whole.subarray(4, 6),
    number(start, 3),
    vector(body, 3),
  ]);
}

/** A message in fragments of `length` bytes of its body each. */
function fragments(whole, length) {
  const end = whole.length - HEADER_LENGTH;
  const starts = Array.from({ length: Math.ceil(end / length) }, (_, index) => index * length);
  return starts.map((start) => fragment(whole, start, Math.min(start + length, end)));
}

/** The messages in a record of them; each must be whole, as those of small flights are. */
function parseMessages(content) {
  const messages = [];
  for (let rest = content; rest.length > 0; ) {
    const length = rest.readUIntBE(1, 3);
    if (rest.readUIntBE(6, 3) !== 0 || rest.readUIntBE(9, 3) !== length) throw new RangeError('A message in fragments');
    const bytes = rest.subarray(0, HEADER_LENGTH + length);
    messages.push({ type: rest[0], sequence: rest.readUInt16BE(4), body: bytes.subarray(HEADER_LENGTH), bytes });
    rest = rest.subarray(bytes.length);
  }
  return messages;
}

function extension(type, content = Buffer.alloc(0)) {
  return Buffer.concat([number(type, 2), vector(content, 2)]);
}

/** RFC 6066 section 3. */
function serverName(name) {
  const hostName = Buffer.concat([Buffer.of(0), vector(Buffer.from(name), 2)]);
  return extension(EXTENSION.SERVER_NAME, vector(hostName, 2));
}

/** @returns {Buffer} the body of a ClientHello (RFC 6347 section 4.2.1) */
function clientHello({ random, sessionId = Buffer.alloc(0), cookie = Buffer.alloc(0), suites, extensions }) {
  const suiteList = Buffer.concat(suites.map((id) => number(id, 2)));
  return Buffer.concat([
    VERSION,
    random,
    vector(sessionId, 1),
    vector(cookie, 1),
    vector(suiteList, 2),
    vector(Buffer.of(0), 1),
    vector(Buffer.concat(extensions), 2),
  ]);
}

function parseClientHello(body) {
  const random = body.subarray(2, 34);
  const sessionId = body.subarray(35, 35 + body[34]);
  const afterId = 35 + body[34];
  const cookie = body.subarray(afterId + 1, afterId + 1 + body[afterId]);
  const afterCookie = afterId + 1 + body[afterId];
  const suiteBytes = body.readUInt16BE(afterCookie);
  const suites = Array.from({ length: suiteBytes / 2 }, (_, index) => body.readUInt16BE(afterCookie + 2 + 2 * index));
  return { random, sessionId, cookie, suites };
}

/** @returns {Buffer} the body of a ServerHello */
function serverHello({ random = randomBytes(32), sessionId = Buffer.alloc(0), suite, extensions = [] }) {
  const list = extensions.length === 0 ? Buffer.alloc(0) : vector(Buffer.concat(extensions), 2);
  return Buffer.concat([VERSION, random, vector(sessionId, 1), number(suite, 2), Buffer.of(0), list]);
}

function parseServerHello(body) {
  const end = 35 + body[34];
  const rest = body.subarray(end + 3);
  return {
    random: body.subarray(2, 34),
    sessionId: body.subarray(35, end),
    suite: body.readUInt16BE(end),
    extensions: rest.length === 0 ? [] : parseExtensions(rest.subarray(2)),
  };
}

function parseExtensions(list) {
  const types = [];
  for (let rest = list; rest.length > 0; rest = rest.subarray(4 + rest.readUInt16BE(2))) {
    types.push(rest.readUInt16BE(0));
  }
  return types;
}

/** @returns {Buffer} the body of a Certificate message with one certificate, DER (RFC 5246 section 7.4.2) */
function certificate(der) {
  return vector(vector(der, 3), 3);
}

/** @returns {Buffer} the body of a HelloVerifyRequest; its version is DTLS 1.0's (RFC 6347 section 4.2.1) */
function helloVerifyRequest(cookie) {
  return Buffer.concat([Buffer.of(0xfe, 0xff), vector(cookie, 1)]);
}

module.exports = {
  EXTENSION,
  TYPE,
  certificate,
  clientHello,
  extension,
  fragment,
  fragments,
  helloVerifyRequest,
  message,
  parseClientHello,
  parseMessages,
  parseServerHello,
  serverHello,
  serverName,
  vector,
};
