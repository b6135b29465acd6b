'use strict';

// The connections of a datagram socket: those that peers have opened to us and those that we have opened to peers, on
// one UDP address, found by the peer's address.

const { DtlsClient } = require('../client');
const { DtlsError } = require('../errors');
const defaults = require('../options/defaults');
const { DtlsServer } = require('../server');
const { addressKey, withoutMapping } = require('../transport/addresses');
const { closeWhenSent } = require('../transport/udp');
const { Wire } = require('./dgram-wire');

// The first record of a datagram (RFC 6347, 4.1 and 4.2.2).
const HANDSHAKE = 22;
const EPOCH = 3;
const MESSAGE_TYPE = 13;

/** Messages of a handshake that only a client sends: ClientHello, CertificateVerify, ClientKeyExchange. */
const FROM_CLIENTS = new Set([1, 15, 16]);

/**
 * Messages of a handshake that only a server sends: HelloRequest, ServerHello, HelloVerifyRequest, NewSessionTicket,
 * ServerKeyExchange, CertificateRequest, ServerHelloDone, CertificateStatus.
 */
const FROM_SERVERS = new Set([0, 2, 3, 4, 12, 13, 14, 22]);

class Peers {
  /**
   * @param {import('node:dgram').Socket} udp
   * @param {{ server: object | null, client: object | null, sendQueueLimit: number }} options of createServer() and of
   *   connect(), null for a role that the socket does not have
   * @param {(event: string, ...args: unknown[]) => void} emit
   */
  constructor(udp, { server, client, sendQueueLimit }, emit) {
    this._udp = udp;
    this._emit = emit;
    this._sendQueueLimit = sendQueueLimit;
    this._clientOptions = client;
    this._verifiesNames = client !== null && verifiesNames(client);
    this._clientWire = new Wire(udp);
    this._serverWire = new Wire(udp);
    this._serverIsOpen = false;
    // 'address:port' -> the socket of a peer that has opened a connection to us
    this._accepted = new Map();
    // 'address:port' -> a connection that we have opened: { client, name, queue, queued }
    this._opened = new Map();
    // 'address:port' -> the socket whose handshake was over last
    this._latest = new Map();
    if (client !== null) this._checkCredentials();
    /** The DtlsServer, null if there is none. */
    this.server = server === null ? null : this._createServer(server);
  }

  /** The UDP socket is bound. */
  start() {
    if (this.server === null) return;
    this._serverIsOpen = true;
    this.server.listen();
  }

  /**
   * Seals and sends a message, when the handshake is over. What goes wrong with a connection that we open is told to the
   * callback. What goes wrong with one that the peer has opened is a lost datagram: a library for UDP sockets does not
   * expect that its answer fails because a peer has gone, and no peer may end the process that way.
   *
   * @param {{ address: string, port: number, name: string | null }} peer the name is the one that the address belongs to
   * @param {Uint8Array | null} message null if there is nothing to send, and the connection is all that is wanted
   * @param {(error: Error | null, bytes?: number) => void} callback
   */
  send(peer, message, callback) {
    const socket = this._find(peer);
    if (socket !== null) this._write(socket, message, callback);
    else if (this._clientOptions === null) this._lose(peer, message, callback);
    else this._sendLater(peer, message, callback);
  }

  _write(socket, message, callback) {
    if (message === null) callback(null);
    else if (socket.server === undefined) socket.send(message, callback);
    else {
      socket.send(message, (error) => {
        // All other errors are the connection's, and come as its own 'error'.
        if (error?.code === 'ERR_DTLS_PAYLOAD_TOO_LARGE') this._emit('peerError', error, socket);
        callback(null, message.length);
      });
    }
  }

  /** Takes one datagram from the UDP socket to the role that it is for. */
  handleDatagram(datagram, remote) {
    const key = addressKey({ address: withoutMapping(remote.address), port: remote.port });
    const isOpened = this._opened.has(key);
    // A peer whose handshake crosses ours has a connection in either role.
    const sender = isOpened && this._serverIsOpen ? senderOf(datagram) : 'either';
    if (isOpened && sender !== 'client') this._clientWire.emit('message', datagram, remote);
    if (!this._serverIsOpen || sender === 'server') return;
    if (!isOpened || sender === 'client' || this._accepted.has(key)) this._serverWire.emit('message', datagram, remote);
  }

  /** @returns {boolean} whether the server has taken the error of the UDP socket, which it reports if it is its end */
  handleError(error) {
    return this._serverIsOpen && this._serverWire.emit('error', error);
  }

  /** Ends the connection with one peer. */
  disconnect(peer) {
    const key = addressKey(peer);
    for (const socket of [this._opened.get(key)?.client, this._accepted.get(key)]) socket?.end();
  }

  /** Says goodbye to every peer, and calls back when that has been sent, a second later at most. */
  close(whenClosed) {
    for (const { client } of this._opened.values()) {
      if (client.connected) client.end();
      else client.destroy();
    }
    if (this._serverIsOpen) this.server.close();
    const getSendQueueCount = () => this._clientWire.getSendQueueCount();
    closeWhenSent({ getSendQueueCount, close: whenClosed }, () => !this._serverIsOpen && this._opened.size === 0);
  }

  _createServer(options) {
    const server = new DtlsServer({ ...options, socket: this._serverWire });
    server.on('connection', (socket) => this._onAccepted(socket));
    server.on('secureConnection', (socket) => this._onSecure(socket));
    server.on('clientError', (error, socket) => this._emit('peerError', error, socket));
    server.on('error', (error) => this._emit('error', error));
    server.on('close', () => {
      this._serverIsOpen = false;
    });
    return server;
  }

  /** Parses the credentials now, because a mistake in them is the caller's. Nothing is sent. */
  _checkCredentials() {
    const anywhere = this._udp.type === 'udp6' ? '::1' : '127.0.0.1';
    this._createClient({ address: anywhere, port: 1, name: null }).destroy();
  }

  // Connections that we open

  _createClient({ address, port, name }) {
    const host = name ?? address;
    const lookup = (_host, _family, callback) => callback(null, address);
    // Nobody closes it, so it is closed after as long as on a server.
    const { idleTimeout } = defaults.server;
    return new DtlsClient({ idleTimeout, ...this._clientOptions, host, port, lookup, socket: this._clientWire });
  }

  /** The connection that leads to a peer, null if there is none yet. */
  _find({ address, port, name }) {
    const key = addressKey({ address, port });
    const opened = this._opened.get(key);
    // Nothing has proved that the peer of any other connection has that name.
    const isFree = name === null || !this._verifiesNames;
    const socket = isFree ? this._latest.get(key) : opened?.name === name ? opened.client : undefined;
    return socket?.connected ? socket : null;
  }

  _lose(peer, message, callback) {
    const error = noConnection(peer);
    if (message === null) {
      callback(error);
      return;
    }
    this._emit('peerError', error, null);
    callback(null, message.length);
  }

  _sendLater(peer, message, callback) {
    const { address, port, name } = peer;
    let opened = this._opened.get(addressKey(peer));
    const isLive = opened?.client.connected || opened?.client.connecting;
    if (isLive && this._verifiesNames && name !== null && opened.name !== name) {
      callback(anotherName(peer));
      return;
    }
    try {
      if (!isLive) opened = this._open(peer);
    } catch (error) {
      callback(error);
      return;
    }
    const length = message?.length ?? 0;
    if (opened.queued + length > this._sendQueueLimit) {
      const text = `${opened.queued} bytes wait for the handshake with ${address}, port ${port}`;
      const more = `${length} more would exceed the limit of ${this._sendQueueLimit} (sendQueueLimit)`;
      callback(new DtlsError(`${text}, and ${more}`, { code: 'ERR_DTLS_SEND_QUEUE_FULL', address, port }));
      return;
    }
    opened.queued += length;
    opened.queue.push({ message, callback });
  }

  _open(peer) {
    const key = addressKey(peer);
    const opened = { client: this._createClient(peer), name: peer.name, queue: [], queued: 0, error: null };
    const { client } = opened;
    this._opened.set(key, opened);
    client.on('secureConnect', () => {
      try {
        this._onSecure(client);
      } finally {
        // A listener may have thrown.
        for (const { message, callback } of opened.queue.splice(0)) this._write(client, message, callback);
      }
    });
    client.on('error', (error) => {
      opened.error = error;
      this._emit('peerError', error, client);
    });
    client.on('close', () => {
      if (this._opened.get(key) === opened) this._opened.delete(key);
      this._forget(key, client);
      for (const { callback } of opened.queue.splice(0)) callback(opened.error ?? closed(peer));
    });
    return opened;
  }

  // Connections in both roles

  _onAccepted(socket) {
    const peer = { address: socket.remoteAddress, port: socket.remotePort };
    let key = addressKey(peer);
    // The association that the peer must have lost, if it begins anew (RFC 6347, 4.2.8).
    const lost = this._opened.get(key)?.client;
    if (lost?.connected) socket.once('secureConnect', () => lost.end());
    this._accepted.set(key, socket);
    socket.on('error', (error) => this._emit('peerError', error, socket));
    socket.on('ipChanged', () => {
      const isLatest = this._forget(key, socket);
      key = addressKey({ address: socket.remoteAddress, port: socket.remotePort });
      this._accepted.set(key, socket);
      if (isLatest) this._latest.set(key, socket);
    });
    socket.on('close', () => this._forget(key, socket));
  }

  _onSecure(socket) {
    const { remoteAddress: address, remotePort: port } = socket;
    this._latest.set(addressKey({ address, port }), socket);
    socket.on('data', (message) => {
      const { remoteAddress, remoteFamily: family, remotePort } = socket;
      const size = message.length;
      this._emit('message', message, { address: remoteAddress, family, port: remotePort, size, socket });
    });
    this._emit('secureConnection', socket);
  }

  /** @returns {boolean} whether it was the latest connection with the peer; another one takes its place */
  _forget(key, socket) {
    if (this._accepted.get(key) === socket) this._accepted.delete(key);
    if (this._latest.get(key) !== socket) return false;
    this._latest.delete(key);
    const other = this._opened.get(key)?.client ?? this._accepted.get(key);
    if (other?.connected) this._latest.set(key, other);
    return true;
  }
}

/** Whether a connection belongs to the name by which its server has been verified, as connect() does that. */
function verifiesNames({ servername, rejectUnauthorized, ca, CACert, ...others }) {
  if (servername !== undefined || rejectUnauthorized === false) return false;
  if (ca !== undefined || CACert !== undefined) return true;
  return ['psk', 'pskCallback', 'peerPublicKey', 'verifyPeer'].every((name) => others[name] === undefined);
}

/** Which side has sent a datagram, as far as its first record tells: 'client', 'server' or 'either'. */
function senderOf(datagram) {
  const isHandshake = datagram.length > MESSAGE_TYPE && datagram[0] === HANDSHAKE;
  // Later messages of a handshake are encrypted, and only the connection that they belong to can read them.
  if (!isHandshake || datagram[EPOCH] !== 0 || datagram[EPOCH + 1] !== 0) return 'either';
  const type = datagram[MESSAGE_TYPE];
  if (FROM_CLIENTS.has(type)) return 'client';
  return FROM_SERVERS.has(type) ? 'server' : 'either';
}

function noConnection({ address, port }) {
  const message = `There is no connection with ${address}, port ${port}, and no "client" option to open one with`;
  return new DtlsError(message, { code: 'ERR_DTLS_NO_CONNECTION', address, port });
}

function anotherName({ address, port, name }) {
  const message = `The server at ${address}, port ${port}, has not been verified by the name ${name}, but by another one`;
  return new DtlsError(message, { code: 'ERR_DTLS_ADDRESS_IN_USE', address, port });
}

function closed({ address, port }) {
  const message = `The connection with ${address}, port ${port}, was closed before the handshake was over`;
  return new DtlsError(message, { code: 'ERR_DTLS_CLOSED_DURING_HANDSHAKE', address, port });
}

module.exports = { Peers };
