'use strict';

// The API of the npm package node-dtls-client on this package's clients, for programs that were written for it:
// node-coap-client and whatever is built on that. It is written on the public API only. The events, the texts of errors
// that programs compare, and the order of events are those of node-dtls-client 2.

const { EventEmitter } = require('node:events');

const { getCiphers } = require('../capabilities');
const { opensslName } = require('../ciphers');
const { DtlsClient } = require('../client');

/** Time until a handshake is given up, ms, and the shortest that counts. */
const TIMEOUT = 1000;
const MIN_TIMEOUT = 100;

/** What node-dtls-client spoke. Gateways that it was made for have little room for a hello. */
const VERSION = 'DTLSv1.2';

/** How often a flight is sent again within that time. node-dtls-client did not send anything again. */
const TRANSMISSIONS = 4;

/**
 * A connection to one server. Events: 'connected', 'message'(message, rinfo), then 'close' or 'error'(error).
 */
class Socket extends EventEmitter {
  #client;
  #isClosed = false;

  /** @param {object} options see createSocket() */
  constructor(options) {
    super();
    this.#client = new DtlsClient(clientOptions(options));
    this.#client.on('secureConnect', () => this.emit('connected'));
    this.#client.on('data', (message) => {
      const { remoteAddress: address, remoteFamily: family, remotePort: port } = this.#client;
      this.emit('message', message, { address, family, port, size: message.length });
    });
    this.#client.on('error', (error) => {
      this.#isClosed = true;
      this.emit('error', translated(error));
    });
    this.#client.on('close', (hadError) => {
      this.#isClosed = true;
      // After an 'error', node-dtls-client says no more.
      if (!hadError) this.emit('close');
    });
  }

  /**
   * @param {Buffer} data one message
   * @param {(error: Error | null, bytes?: number) => void} [callback]
   */
  send(data, callback) {
    if (this.#isClosed) throw new Error('The socket is closed. Cannot send data.');
    if (!this.#client.connected) throw new Error('DTLS handshake is not finished yet. Cannot send data.');
    this.#client.send(data, ...(callback === undefined ? [] : [callback]));
  }

  /** @param {() => void} [callback] called on 'close' */
  close(callback) {
    if (callback !== undefined) this.once('close', callback);
    if (this.#client.connecting) this.#client.destroy();
    else this.#client.end();
  }
}

/**
 * @param {{ type: 'udp4' | 'udp6', address: string, port: number, psk: object, timeout?: number, ciphers?: string[],
 *   listenPort?: number }} options `psk` holds one identity and its key; `reuseAddr` and `compat` have no effect
 * @param {(message: Buffer, rinfo: object) => void} [callback] becomes a listener of 'message'
 * @returns {Socket} whose handshake begins at once
 */
function createSocket(options, callback) {
  checkOptions(options);
  const socket = new Socket(options);
  if (callback != null) socket.once('connected', () => socket.on('message', callback));
  return socket;
}

function clientOptions({ type, address, port, psk, timeout, ciphers, listenPort }) {
  const [[identity, key]] = Object.entries(psk);
  const handshakeTimeout = Math.max(MIN_TIMEOUT, timeout || TIMEOUT);
  return {
    host: address,
    port,
    family: type === 'udp6' ? 6 : 4,
    type,
    localPort: listenPort ?? undefined,
    pskIdentity: bytes(identity),
    psk: bytes(key),
    handshakeTimeout,
    handshakeTimeoutMin: Math.ceil(handshakeTimeout / TRANSMISSIONS),
    ciphers: usableCiphers(ciphers),
    maxVersion: VERSION,
  };
}

/** node-dtls-client has suites with SHA-1 and 3DES, which this package does not offer. */
function usableCiphers(ciphers) {
  if (ciphers == null) return undefined;
  const offered = new Set(getCiphers());
  const usable = ciphers.filter((suite) => offered.has(opensslName(suite)));
  // If nothing is left, connect() refuses the first of them by name.
  return usable.length > 0 ? usable : ciphers;
}

/** A string has one character for each byte. */
function bytes(value) {
  return typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
}

/** A handshake that took too long: nothing came, or nothing of use. */
const TIMEOUTS = new Set(['ERR_DTLS_HANDSHAKE_TIMEOUT', 'ERR_DTLS_NO_ANSWER', 'ERR_DTLS_NOT_DTLS']);

/** node-coap-client looks for this text, to tell a peer that is silent from one that refuses. */
function translated(error) {
  if (!TIMEOUTS.has(error.code)) return error;
  return Object.assign(new Error('The DTLS handshake timed out', { cause: error }), { code: error.code });
}

function checkOptions(options) {
  if (options == null) throw new Error('No connection options were given!');
  const { type, address, port, listenPort, psk } = options;
  if (type !== 'udp4' && type !== 'udp6') {
    throw new Error('The connection options must have a "type" property with value "udp4" or "udp6"!');
  }
  if (typeof address !== 'string' || address === '') {
    throw new Error('The connection options must contain the remote address as a string!');
  }
  if (!isPort(port)) throw new Error('The connection options must contain a remote port from 1 to 65535!');
  if (listenPort != null && !isPort(listenPort)) throw new Error('The listen port must be between 1 and 65535!');
  if (psk === null || typeof psk !== 'object' || Object.keys(psk).length === 0) {
    throw new Error('The connection options must contain a PSK dictionary object!');
  }
}

function isPort(value) {
  return Number.isInteger(value) && value >= 1 && value <= 65_535;
}

const dtls = { createSocket, Socket };

module.exports = { dtls };
