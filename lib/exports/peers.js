'use strict';

// What JavaScript knows of a connection that travels to another process: who its peer is, what was negotiated, what has not
// been read yet, and the application's own. The native object's part is src/tls/saved_bytes.rs. Fields stand behind each
// other: a number, a length (7 bits in a byte, the highest bit says that more follow), and the content.

const { damaged } = require('./sealing');

// Fields. A number that is free is not used again.
const FLAGS = 1;
const PSK_IDENTITY = 2;
const PUBLIC_KEY = 3;
const CERTIFICATE = 4;
const ISSUER = 5;
const SERVERNAME = 6;
const PROTOCOL = 7;
const SRTP_PROFILE = 8;
const AUTHORIZATION_ERROR = 9;
const DATA = 10;
const MESSAGE = 11;
const LOCAL_PORT = 12;

const AUTHORIZED = 1;
const REUSED = 2;

/** Bytes at first. */
const ROOM = 16_384;

/** Characters of a short text, as most names are. */
const SHORT_TEXT = 32;

/** Bytes of a length at most. */
const LENGTH_LIMIT = 4;

/** Writes what is known of one connection after the other. */
class PeerWriter {
  constructor() {
    this._bytes = Buffer.allocUnsafeSlow(ROOM);
    this._at = 0;
  }

  /**
   * @param {object} socket
   * @param {string} [data] the application's own, JSON
   * @param {Buffer[]} [messages] that nobody has read
   * @param {number} [localPort] of a client's own UDP socket
   */
  write(socket, data, messages, localPort) {
    const start = this._at;
    // The length of the whole comes first.
    this._reserve(4);
    this._at += 4;
    this._writeTerms(socket);
    if (data !== undefined) this._field(DATA, data, 'utf8');
    if (localPort !== undefined) this._field(LOCAL_PORT, String(localPort), 'latin1');
    if (messages !== undefined) for (const message of messages) this._field(MESSAGE, message);
    this._bytes.writeUInt32BE(this._at - start - 4, start);
  }

  /** All that has been written. Wipe it when it has been sealed. */
  get bytes() {
    return this._bytes.subarray(0, this._at);
  }

  _writeTerms(socket) {
    const { _identity: identity, _publicKey: publicKey, _details: terms } = socket;
    const flags = (socket.authorized ? AUTHORIZED : 0) | (terms?.resumed ? REUSED : 0);
    if (flags !== 0) this._flags(flags);
    if (identity !== undefined) this._field(PSK_IDENTITY, identity, 'latin1');
    if (publicKey.length > 0) this._field(PUBLIC_KEY, publicKey, 'latin1');
    if (socket.servername) this._field(SERVERNAME, socket.servername, 'latin1');
    if (socket.alpnProtocol) this._field(PROTOCOL, socket.alpnProtocol, 'utf8');
    if (socket.authorizationError) this._field(AUTHORIZATION_ERROR, socket.authorizationError, 'latin1');
    if (terms === null) return;
    if (terms.certificate !== undefined) this._field(CERTIFICATE, terms.certificate, 'latin1');
    for (const issuer of terms.issuers ?? []) this._field(ISSUER, issuer);
    if (terms.srtpProfile) this._field(SRTP_PROFILE, terms.srtpProfile, 'latin1');
  }

  _flags(flags) {
    this._reserve(3);
    this._bytes[this._at++] = FLAGS;
    this._bytes[this._at++] = 1;
    this._bytes[this._at++] = flags;
  }

  /** @param {Uint8Array | string} content a string in this encoding, whose bytes are at most three for each character */
  _field(number, content, encoding) {
    const isText = typeof content === 'string';
    const length = isText && encoding === 'utf8' ? Buffer.byteLength(content) : content.length;
    this._reserve(1 + LENGTH_LIMIT + length);
    this._bytes[this._at++] = number;
    for (let rest = length; ; rest >>>= 7) {
      if (rest < 0x80) {
        this._bytes[this._at++] = rest;
        break;
      }
      this._bytes[this._at++] = (rest & 0x7f) | 0x80;
    }
    if (!isText) this._bytes.set(content, this._at);
    else if (encoding === 'latin1' && length <= SHORT_TEXT) this._writeShort(content);
    else this._bytes.write(content, this._at, length, encoding);
    this._at += length;
  }

  /** A call would take longer. */
  _writeShort(text) {
    for (let index = 0; index < text.length; index++) this._bytes[this._at + index] = text.charCodeAt(index);
  }

  _reserve(length) {
    const needed = this._at + length;
    if (needed <= this._bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this._bytes.length, needed));
    this._bytes.copy(larger, 0, 0, this._at);
    this._bytes.fill(0, 0, this._at);
    this._bytes = larger;
  }
}

/** A connection as `Peers` has it. All of them have one shape, because there may be many. */
class Peer {
  constructor() {
    this.flags = 0;
    this.pskIdentity = undefined;
    this.publicKey = undefined;
    this.certificate = undefined;
    this.issuers = undefined;
    this.servername = false;
    this.alpnProtocol = false;
    this.srtpProfile = undefined;
    this.authorizationError = null;
    this.data = undefined;
    this.messages = undefined;
    this.localPort = undefined;
  }

  get authorized() {
    return (this.flags & AUTHORIZED) !== 0;
  }

  /** What few connections have, as a socket keeps it. */
  get details() {
    const { certificate, issuers, srtpProfile } = this;
    const resumed = (this.flags & REUSED) !== 0;
    if (certificate === undefined && srtpProfile === undefined && !resumed) return null;
    return { certificate, issuers, resumed, srtpProfile };
  }
}

/** What has been written of several connections. Each is read when it is asked for: there may be many. */
class Peers {
  /**
   * @param {Buffer} bytes authentic, and nobody else's
   * @throws {DtlsError} when another version has written it
   */
  constructor(bytes) {
    this._bytes = bytes;
    // Where each of them begins, and the last one ends.
    this._places = [0];
    for (let at = 0; at < bytes.length; ) {
      if (bytes.length - at < 4) throw damaged('a length is missing');
      const end = at + 4 + bytes.readUInt32BE(at);
      if (end > bytes.length) throw damaged('a connection is cut');
      readPeer(bytes, at + 4, end);
      this._places.push(end);
      at = end;
    }
  }

  get length() {
    return this._places.length - 1;
  }

  /** @returns {Buffer} what has been read, as a copy */
  toBytes() {
    return Buffer.from(this._bytes);
  }

  /** @returns {Peer} */
  at(index) {
    return readPeer(this._bytes, this._places[index] + 4, this._places[index + 1]);
  }
}

function readPeer(bytes, start, end) {
  const peer = new Peer();
  for (let at = start; at < end; ) {
    const number = bytes[at++];
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      if (at >= end || shift >= 7 * LENGTH_LIMIT) throw damaged('a field has no length');
      const byte = bytes[at++];
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    if (length > end - at) throw damaged('a field is cut');
    readField(peer, number, bytes, at, at + length);
    at += length;
  }
  return peer;
}

function readField(peer, number, bytes, start, end) {
  switch (number) {
    case FLAGS:
      peer.flags = end - start === 1 ? bytes[start] : 0;
      break;
    case PSK_IDENTITY:
      // A string with one character for each byte, as a socket keeps it.
      peer.pskIdentity = bytes.latin1Slice(start, end);
      break;
    case PUBLIC_KEY:
      peer.publicKey = copy(bytes, start, end);
      break;
    case CERTIFICATE:
      peer.certificate = copy(bytes, start, end);
      break;
    case ISSUER:
      peer.issuers ??= [];
      peer.issuers.push(copy(bytes, start, end));
      break;
    case SERVERNAME:
      peer.servername = bytes.latin1Slice(start, end);
      break;
    case PROTOCOL:
      peer.alpnProtocol = bytes.utf8Slice(start, end);
      break;
    case SRTP_PROFILE:
      peer.srtpProfile = bytes.latin1Slice(start, end);
      break;
    case AUTHORIZATION_ERROR:
      peer.authorizationError = bytes.latin1Slice(start, end);
      break;
    case DATA:
      peer.data = JSON.parse(bytes.utf8Slice(start, end));
      break;
    case MESSAGE:
      peer.messages ??= [];
      peer.messages.push(copy(bytes, start, end));
      break;
    case LOCAL_PORT:
      peer.localPort = Number(bytes.latin1Slice(start, end));
      break;
    default:
      throw damaged(`they have a field ${number}, which this version does not know`);
  }
}

/** What is kept must not keep all the rest. */
function copy(bytes, start, end) {
  return Buffer.from(bytes.subarray(start, end));
}

module.exports = { PeerWriter, Peers };
