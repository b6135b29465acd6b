'use strict';

// A dgram.Socket with DTLS underneath, for programs and libraries that are written for UDP sockets. It is written on the
// public API only. The class is the UDP socket itself: what arrives is decrypted before 'message', and what is sent is
// encrypted on its way to dgram's own send().

const dgram = require('node:dgram');
const dns = require('node:dns');
const net = require('node:net');
const process = require('node:process');

const { constants } = require('../capabilities');
const { DtlsError, invalidArgType, invalidArgValue, missingOption, stateError } = require('../errors');
const defaults = require('../options/defaults');
const {
  abortSignal,
  boolean,
  callback: checkCallback,
  datagram,
  integer,
  oneOf,
  port: checkPort,
} = require('../options/validate');
const { canonicalAddress } = require('../transport/addresses');
const { Peers } = require('./dgram-peers');

/** Options of the UDP socket, with their checkers. */
const UDP = {
  __proto__: null,
  type: oneOf('udp4', 'udp6'),
  reuseAddr: boolean,
  reusePort: boolean,
  ipv6Only: boolean,
  recvBufferSize: integer(1, 2 ** 31 - 1),
  sendBufferSize: integer(1, 2 ** 31 - 1),
  lookup: checkCallback,
  signal: abortSignal,
};

/** What createServer() and connect() take, and bind() and send() say here. */
const NOT_FOR_SERVERS = ['socket', 'host', 'port', 'compat'];
const NOT_FOR_CLIENTS = [...NOT_FOR_SERVERS, 'family', 'localAddress', 'localPort', ...Object.keys(UDP)];

/**
 * Makes a dgram.Socket with DTLS underneath. It accepts connections if the options are those of createServer(), and
 * opens connections if there is a `client` option.
 *
 * @param {object} options see index.d.ts
 * @param {(message: Buffer, rinfo: object) => void} [messageListener]
 * @returns {dgram.Socket} not bound
 */
function createDgramSocket(options, messageListener) {
  const socket = new DgramSocket(sortOptions(options));
  if (messageListener !== undefined) socket.on('message', checkCallback(messageListener, 'messageListener'));
  return socket;
}

/**
 * Events, beside those of dgram.Socket: 'secureConnection'(socket) when the handshake with a peer is over, and
 * 'peerError'(error, socket) when it fails, or the connection does.
 */
class DgramSocket extends dgram.Socket {
  #peers;
  #lookup;
  // What waits until the socket is bound; null from then on.
  #pending = [];
  #isBinding = false;
  #isClosing = false;
  // Whom connect() has chosen; `isReady` after 'connect'.
  #remote = null;

  constructor({ udp, server, client, sendQueueLimit }) {
    super(udp);
    this.#lookup = udp.lookup ?? dns.lookup;
    this.#peers = new Peers(this, { server, client, sendQueueLimit }, (event, ...args) => this.#report(event, args));
  }

  /** The DtlsServer that accepts connections, null if the socket does not: its counters, contexts and questions. */
  get dtlsServer() {
    return this.#peers.server;
  }

  bind(...args) {
    super.bind(...args);
    this.#isBinding = this.#pending !== null;
    return this;
  }

  /**
   * send(message[, offset, length][, port][, address][, callback]), as in node:dgram. A peer without a connection is
   * connected to first, and what goes wrong is told to the callback only, as nobody waits for other datagrams.
   */
  send(message, ...args) {
    const { bytes, port, host, callback } = this.#sendArguments(message, args);
    const whenSent = callback === undefined ? ignore : (...results) => process.nextTick(callback, ...results);
    this.#checkOpen();
    const { MAX_MESSAGE_LENGTH } = constants;
    if (bytes.length > MAX_MESSAGE_LENGTH) {
      whenSent(tooLarge(bytes.length, MAX_MESSAGE_LENGTH));
    } else {
      this.#whenBound((error) => {
        if (error !== null) whenSent(error);
        else if (port === undefined) this.#sendToRemote(bytes, whenSent);
        else this.#resolve(port, host, (failure, peer) => this.#sendTo(failure, peer, bytes, whenSent));
      });
    }
  }

  /**
   * Chooses the only peer of this socket, and connects to it.
   *
   * @param {number} port
   * @param {string} [address] IP address or DNS name
   * @param {(error?: Error) => void} [callback]
   */
  connect(port, address, callback) {
    if (typeof address === 'function') return this.connect(port, undefined, address);
    const remotePort = checkPort(1)(port, 'port');
    const host = this.#hostOf(address);
    if (callback !== undefined) checkCallback(callback, 'callback');
    this.#checkOpen();
    if (this.#remote !== null) throw stateError('ERR_SOCKET_DGRAM_IS_CONNECTED', 'Already connected');
    this.#remote = { isReady: false, waiting: [] };
    this.#whenBound((bindError) => {
      if (bindError !== null) this.#connected(bindError, callback);
      else this.#resolve(remotePort, host, (error, peer) => this.#connectTo(error, peer, callback));
    });
  }

  /** Node.js 26 has it. It would connect the UDP socket, where a DTLS connection takes a handshake. */
  connectSync() {
    throw stateError('ERR_METHOD_NOT_IMPLEMENTED', 'A handshake takes round trips: use connect()');
  }

  #connectTo(error, peer, callback) {
    const failure = error ?? (this.#isClosing ? notRunning() : null);
    if (failure !== null) {
      this.#connected(failure, callback);
      return;
    }
    Object.assign(this.#remote, peer);
    this.#peers.send(peer, null, (notReached) => this.#connected(notReached, callback));
  }

  #connected(error, callback) {
    const { waiting } = this.#remote;
    if (error === null) this.#remote.isReady = true;
    else this.#remote = null;
    for (const send of waiting) send(error);
    if (callback !== undefined && error === null) this.once('connect', callback);
    if (error === null) this.emit('connect');
    else process.nextTick(callback ?? ((failure) => super.emit('error', failure)), error);
  }

  /** Ends the connection that connect() has opened, and lets send() name peers again. */
  disconnect() {
    if (!this.#remote?.isReady) {
      super.disconnect();
      return;
    }
    this.#peers.disconnect(this.#remote);
    this.#remote = null;
  }

  remoteAddress() {
    if (!this.#remote?.isReady) return super.remoteAddress();
    const { address, port } = this.#remote;
    return { address, family: address.includes(':') ? 'IPv6' : 'IPv4', port };
  }

  /** Says goodbye to every peer, waits until that has left, and closes the UDP socket. */
  close(callback) {
    if (callback !== undefined) checkCallback(callback, 'callback');
    this.#checkOpen();
    if (callback !== undefined) this.once('close', callback);
    this.#isClosing = true;
    this.#settle(notRunning());
    this.#peers.close(() => super.close());
    return this;
  }

  // DTLS has no multicast: two peers share each key.

  addMembership() {
    throw noMulticast();
  }

  dropMembership() {
    throw noMulticast();
  }

  addSourceSpecificMembership() {
    throw noMulticast();
  }

  dropSourceSpecificMembership() {
    throw noMulticast();
  }

  setBroadcast() {
    throw noMulticast();
  }

  setMulticastInterface() {
    throw noMulticast();
  }

  setMulticastLoopback() {
    throw noMulticast();
  }

  setMulticastTTL() {
    throw noMulticast();
  }

  /** The UDP socket emits its own events here. Datagrams go to their connections first. */
  emit(event, ...args) {
    switch (event) {
      case 'message':
        if (!this.#isClosing) this.#peers.handleDatagram(...args);
        return true;
      case 'listening':
        this.#onListening();
        return super.emit(event);
      case 'error':
        if (this.#pending !== null && this.#isBinding) this.#settle(args[0]);
        return this.#peers?.handleError(args[0]) || super.emit(event, ...args);
      default:
        return super.emit(event, ...args);
    }
  }

  #onListening() {
    if (this.#isClosing) return;
    this.#peers.start();
    this.#settle(null);
    this.#pending = null;
  }

  /** What the connections report. */
  #report(event, args) {
    if (this.#isClosing && event === 'message') return;
    if (event === 'message' && this.#remote !== null && !this.#isFromRemote(args[1])) return;
    super.emit(event, ...args);
  }

  #isFromRemote({ address, port }) {
    return this.#remote.address === address && this.#remote.port === port;
  }

  #checkOpen() {
    if (this.#isClosing) throw notRunning();
  }

  /** Calls back when the socket is bound, which it is to any port if bind() has not been called. */
  #whenBound(callback) {
    if (this.#pending === null) {
      callback(null);
      return;
    }
    this.#pending.push(callback);
    if (!this.#isBinding && !this.#isBound()) this.bind({ port: 0, exclusive: true });
  }

  /** Also between bindSync() of Node.js 26 and 'listening'. */
  #isBound() {
    try {
      super.address();
      return true;
    } catch {
      return false;
    }
  }

  /** Goes on with what has waited. After a failure, bind() may be called again. */
  #settle(error) {
    this.#isBinding = false;
    for (const callback of this.#pending?.splice(0) ?? []) process.nextTick(callback, error);
  }

  #sendTo(error, peer, bytes, callback) {
    if (error) callback(error);
    else if (this.#isClosing) callback(notRunning());
    else this.#peers.send(peer, bytes, callback);
  }

  #sendToRemote(bytes, callback) {
    const send = (error) => this.#sendTo(error, this.#remote, bytes, callback);
    if (this.#remote === null) callback(notConnected());
    else if (this.#remote.isReady) send(null);
    else this.#remote.waiting.push(send);
  }

  #resolve(port, host, callback) {
    const resolved = (error, address) => {
      if (error) callback(error);
      else if (isMulticast(address)) callback(noMulticast(address));
      else {
        const name = net.isIP(host) === 0 ? host : null;
        callback(null, { address: canonicalAddress(address), port, name });
      }
    };
    if (net.isIP(host) !== 0) resolved(null, host);
    else this.#lookup(host, this.type === 'udp6' ? 6 : 4, resolved);
  }

  #hostOf(address) {
    if (address === undefined || address === null || address === '') return this.type === 'udp6' ? '::1' : '127.0.0.1';
    if (typeof address !== 'string') throw invalidArgType('address', 'of type string', address);
    return address;
  }

  /** Sorts the arguments of send() by dgram's rules: a connected socket takes neither port nor address. */
  #sendArguments(message, args) {
    const callback = typeof args.at(-1) === 'function' ? args.pop() : undefined;
    while (args.length > 0 && args.at(-1) == null) args.pop();
    const whole = Array.isArray(message) ? Buffer.concat(message.map((part) => datagram(part))) : message;
    const isPart = args.length > 2 || typeof args[1] === 'number';
    const [offset, length, port, address] = isPart ? args : [undefined, undefined, ...args];
    const bytes = datagram(whole, offset, length);
    if (this.#remote === null)
      return { bytes, port: checkPort(1)(port, 'port'), host: this.#hostOf(address), callback };
    if (port !== undefined) throw stateError('ERR_SOCKET_DGRAM_IS_CONNECTED', 'Already connected');
    return { bytes, callback };
  }
}

function sortOptions(options) {
  if (options === null || typeof options !== 'object') throw invalidArgType('options', 'of type object', options);
  const { client, sendQueueLimit = defaults.dgram.sendQueueLimit, ...rest } = options;
  const udp = { type: 'udp4' };
  const server = {};
  for (const [name, value] of Object.entries(rest)) {
    if (value === undefined) continue;
    if (UDP[name] !== undefined) udp[name] = UDP[name](value, `options.${name}`);
    else server[name] = value;
  }
  refuse(server, 'options', NOT_FOR_SERVERS);
  if (client !== undefined) {
    if (client === null || typeof client !== 'object') throw invalidArgType('options.client', 'of type object', client);
    refuse(client, 'options.client', NOT_FOR_CLIENTS);
  }
  const accepts = Object.keys(server).length > 0;
  if (!accepts && client === undefined) {
    throw missingOption('"options.client" or an option of createServer()', 'a socket opens or accepts connections');
  }
  return {
    udp,
    server: accepts ? { ...server, type: udp.type } : null,
    client: client === undefined ? null : { ...client },
    sendQueueLimit: integer(0, 2 ** 31 - 1)(sendQueueLimit, 'options.sendQueueLimit'),
  };
}

function refuse(options, name, others) {
  const other = others.find((option) => options[option] !== undefined);
  if (other !== undefined) throw invalidArgValue(`${name}.${other}`, 'is not an option of createDgramSocket() there');
}

function isMulticast(address) {
  if (net.isIPv6(address)) {
    const mapped = /^::ffff:(\d+\..*)$/i.exec(address);
    return mapped === null ? /^ff/i.test(address) : isMulticast(mapped[1]);
  }
  const first = Number(address.split('.')[0]);
  return (first >= 224 && first < 240) || address === '255.255.255.255';
}

function noMulticast(address) {
  const message = `DTLS has neither multicast nor broadcast, because two peers share each key`;
  return new DtlsError(address === undefined ? message : `${message}: ${address}`, {
    code: 'ERR_DTLS_MULTICAST',
    address,
  });
}

function tooLarge(length, limit) {
  const message = `Payload of ${length} bytes exceeds the record limit of ${limit}`;
  return new DtlsError(message, { code: 'ERR_DTLS_PAYLOAD_TOO_LARGE' });
}

function notRunning() {
  return stateError('ERR_SOCKET_DGRAM_NOT_RUNNING', 'Not running');
}

function notConnected() {
  return stateError('ERR_SOCKET_DGRAM_NOT_CONNECTED', 'Not connected');
}

function ignore() {}

module.exports = { createDgramSocket };
