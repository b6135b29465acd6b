'use strict';

// A ClientHello (RFC 6347, RFC 5246), written; and what a server answers to it, read. Nothing here is encrypted. What is
// malformed is a SyntaxError.

const { randomBytes } = require('node:crypto');
const net = require('node:net');

const DTLS_1_0 = 0xfeff;
const DTLS_1_2 = 0xfefd;
const DTLS_1_3 = 0xfefc;

const ALERT = 21;
const HANDSHAKE = 22;

const CLIENT_HELLO = 1;
const SERVER_HELLO = 2;
const HELLO_VERIFY_REQUEST = 3;
const CERTIFICATE = 11;
const SERVER_KEY_EXCHANGE = 12;
const CERTIFICATE_REQUEST = 13;
const SERVER_HELLO_DONE = 14;

const EXTENSION = {
  serverName: 0,
  maxFragmentLength: 1,
  supportedGroups: 10,
  ecPointFormats: 11,
  signatureAlgorithms: 13,
  alpn: 16,
  clientCertificateType: 19,
  serverCertificateType: 20,
  encryptThenMac: 22,
  extendedMasterSecret: 23,
  sessionTicket: 35,
  supportedVersions: 43,
  cookie: 44,
  keyShare: 51,
  connectionId: 54,
  renegotiationInfo: 0xff01,
};

const GROUPS = new Map([
  [23, 'P-256'],
  [29, 'X25519'],
  [24, 'P-384'],
  [25, 'P-521'],
  [30, 'X448'],
  [22, 'secp256k1'],
  [26, 'brainpoolP256r1'],
  [27, 'brainpoolP384r1'],
  [28, 'brainpoolP512r1'],
]);

const SIGNATURE_ALGORITHMS = [
  0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201,
];

/** The most that is kept of what a server answers to one ClientHello, in bytes and in messages. */
const MAX_ANSWER_LENGTH = 128 * 1024;
const MAX_MESSAGES = 16;

// Writing

const u8 = (number) => Buffer.from([number]);
const u16 = (number) => Buffer.from([number >> 8, number & 0xff]);
const u24 = (number) => Buffer.from([number >> 16, (number >> 8) & 0xff, number & 0xff]);
const vector8 = (...parts) => sized(u8, parts);
const vector16 = (...parts) => sized(u16, parts);

function sized(size, parts) {
  const bytes = Buffer.concat(parts);
  return Buffer.concat([size(bytes.length), bytes]);
}

/**
 * The body of a ClientHello, all but the cookie.
 *
 * @param {{ version: number, suites: number[], extensions: [number, Buffer][] }} offer
 * @returns {(cookie: Buffer) => Buffer}
 */
function clientHello({ version, suites, extensions }) {
  // RFC 6347 section 4.2.1: the second ClientHello has the same parameters as the first.
  const start = Buffer.concat([u16(version), randomBytes(32), vector8()]);
  const offered = Buffer.concat([
    vector16(...suites.map(u16)),
    vector8(u8(0)),
    vector16(...extensions.flatMap(([type, content]) => [u16(type), vector16(content)])),
  ]);
  return (cookie) => Buffer.concat([start, vector8(cookie), offered]);
}

function serverNameExtension(name) {
  if (name === undefined || net.isIP(name) !== 0) return [];
  return [[EXTENSION.serverName, vector16(u8(0), vector16(Buffer.from(name)))]];
}

/** One handshake message in one record. */
function helloRecord(body, { messageNumber, recordNumber }) {
  const header = [u8(CLIENT_HELLO), u24(body.length), u16(messageNumber), u24(0), u24(body.length)];
  return record(HANDSHAKE, recordNumber, Buffer.concat([...header, body]));
}

/** A fatal alert, by which the server can forget the handshake at once. */
function goodbyeRecord(recordNumber) {
  const USER_CANCELED = 90;
  return record(ALERT, recordNumber, Buffer.from([2, USER_CANCELED]));
}

function record(type, number, fragment) {
  const epochAndNumber = Buffer.alloc(8);
  epochAndNumber.writeUInt32BE(number, 4);
  return Buffer.concat([u8(type), u16(DTLS_1_2), epochAndNumber, vector16(fragment)]);
}

// Reading

/** Bytes that are read from front to back. */
class Reader {
  constructor(bytes) {
    this._rest = bytes;
  }

  get isAtEnd() {
    return this._rest.length === 0;
  }

  bytes(length) {
    if (length > this._rest.length) throw new SyntaxError(`${this._rest.length} bytes where ${length} belong`);
    const bytes = this._rest.subarray(0, length);
    this._rest = this._rest.subarray(length);
    return bytes;
  }

  rest() {
    return this.bytes(this._rest.length);
  }

  number(length) {
    return this.bytes(length).readUIntBE(0, length);
  }

  vector(lengthOfLength) {
    return this.bytes(this.number(lengthOfLength));
  }
}

/** All that one ClientHello has been answered with, put together from datagrams in any order. */
class Answer {
  /** @param {number} [ignored] type of messages that no longer count */
  constructor(ignored) {
    this._ignored = ignored;
    this._kept = 0;
    this._messages = new Map();
    /** @type {number | null} number of the alert that has ended the handshake */
    this.alert = null;
  }

  /** @param {Buffer} datagram from the server */
  add(datagram) {
    const reader = new Reader(datagram);
    while (!reader.isAtEnd) {
      const type = reader.number(1);
      const version = reader.number(2);
      const epoch = reader.number(2);
      reader.bytes(6);
      const fragment = reader.vector(2);
      if (version >> 8 !== 0xfe) throw new SyntaxError(`a record of version 0x${version.toString(16)}`);
      if (epoch !== 0) continue;
      if (type === ALERT) this._addAlert(new Reader(fragment));
      if (type === HANDSHAKE) this._addFragments(new Reader(fragment));
    }
  }

  /** The body of the whole message of this type; null if it has not come, or not whole. */
  message(type) {
    for (const message of this._messages.values()) {
      if (message.type === type && message.isWhole) return message.body;
    }
    return null;
  }

  _addAlert(reader) {
    const FATAL = 2;
    const level = reader.number(1);
    const number = reader.number(1);
    if (level === FATAL) this.alert = number;
  }

  _addFragments(reader) {
    while (!reader.isAtEnd) {
      const type = reader.number(1);
      const length = reader.number(3);
      const number = reader.number(2);
      const offset = reader.number(3);
      const fragment = reader.vector(3);
      if (type !== this._ignored) this._message(number, type, length).add(offset, fragment);
    }
  }

  _message(number, type, length) {
    let message = this._messages.get(number);
    if (message === undefined) {
      this._kept += length;
      if (this._kept > MAX_ANSWER_LENGTH || this._messages.size === MAX_MESSAGES) {
        throw new SyntaxError(`an answer of more than ${MAX_ANSWER_LENGTH} bytes or ${MAX_MESSAGES} messages`);
      }
      message = new Message(type, length);
      this._messages.set(number, message);
    }
    if (message.type !== type || message.body.length !== length) throw new SyntaxError('two fragments that disagree');
    return message;
  }
}

/** A handshake message, put together from its fragments. */
class Message {
  constructor(type, length) {
    this.type = type;
    this.body = Buffer.alloc(length);
    this._isThere = new Uint8Array(length);
    this._missing = length;
  }

  get isWhole() {
    return this._missing === 0;
  }

  add(offset, fragment) {
    if (offset + fragment.length > this.body.length) throw new SyntaxError('a fragment beyond the end of its message');
    fragment.copy(this.body, offset);
    for (let at = offset; at < offset + fragment.length; at++) {
      if (this._isThere[at] === 0) this._missing -= 1;
      this._isThere[at] = 1;
    }
  }
}

/** @returns {Buffer} the cookie of a HelloVerifyRequest */
function readCookie(body) {
  const reader = new Reader(body);
  reader.bytes(2);
  return reader.vector(1);
}

/** @returns {{ version: number, suite: number, extensions: Map<number, Buffer> }} */
function readServerHello(body) {
  const reader = new Reader(body);
  const legacyVersion = reader.number(2);
  reader.bytes(32);
  reader.vector(1);
  const suite = reader.number(2);
  reader.bytes(1);
  const extensions = new Map();
  const list = new Reader(reader.isAtEnd ? Buffer.alloc(0) : reader.vector(2));
  while (!list.isAtEnd) extensions.set(list.number(2), list.vector(2));
  // RFC 9147: in DTLS 1.3 the version is in an extension.
  const chosen = extensions.get(EXTENSION.supportedVersions);
  return { version: chosen === undefined ? legacyVersion : new Reader(chosen).number(2), suite, extensions };
}

/** @returns {Buffer[]} certificates in DER, leaf first; a raw public key (RFC 7250) stands in their place alone */
function readCertificates(body, isRawKey) {
  const list = new Reader(new Reader(body).vector(3));
  if (isRawKey) return [list.rest()];
  const certificates = [];
  while (!list.isAtEnd) certificates.push(list.vector(3));
  return certificates;
}

/** What a ServerKeyExchange says, by the name of its suite: the group of ECDHE, and a PSK identity hint. */
function readServerKeyExchange(body, suite) {
  const reader = new Reader(body);
  const told = {};
  if (/PSK/.test(suite)) told.hint = reader.vector(2);
  if (/ECDH/.test(suite)) {
    const NAMED_CURVE = 3;
    if (reader.number(1) === NAMED_CURVE) told.group = reader.number(2);
  }
  return told;
}

module.exports = {
  Answer,
  CERTIFICATE,
  CERTIFICATE_REQUEST,
  DTLS_1_0,
  DTLS_1_2,
  DTLS_1_3,
  EXTENSION,
  GROUPS,
  HELLO_VERIFY_REQUEST,
  SERVER_HELLO,
  SERVER_HELLO_DONE,
  SERVER_KEY_EXCHANGE,
  SIGNATURE_ALGORITHMS,
  clientHello,
  goodbyeRecord,
  helloRecord,
  readCertificates,
  readCookie,
  readServerHello,
  readServerKeyExchange,
  serverNameExtension,
  u16,
  u8,
  vector16,
  vector8,
};
