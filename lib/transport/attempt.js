'use strict';

// A handshake with the server at one address: its endpoint, its UDP socket, and what comes from there.
//
// A socket of ours is connected to its peer. The system then reports what ICMP says, such as that nobody listens there.

const process = require('node:process');

const { DtlsError } = require('../errors');
const { withoutMapping } = require('./addresses');
const { join } = require('./mux');
const { bindUdp, closeWhenSent, createUdpSocket, needsNode } = require('./udp');

/** How a record of a handshake, or an alert, begins in every version of DTLS (RFC 6347 section 4.1). */
const ALERT = 21;
const HANDSHAKE = 22;
const MAJOR_VERSION = 254;
const RECORD_HEADER_LENGTH = 13;

class Attempt {
  /**
   * @param {object} owner with bound(attempt), answered(attempt), failed(attempt, error) and closed(attempt)
   * @param {import('./endpoint').Endpoint} endpoint which is this attempt's alone
   * @param {{ address: string, port: number }} remote
   */
  constructor(owner, endpoint, { address, port }) {
    this.endpoint = endpoint;
    // The answer may come behind what is none, such as an encrypted record that has overtaken it.
    endpoint.showsEach = true;
    this.address = address;
    this.port = port;
    /** The node:dgram socket, null before bind() or share(). */
    this.udp = null;
    /** The connection in the native object, 0 when there is none. */
    this.handle = 0;
    /** How often the system has said that nobody is there. */
    this.refusals = 0;
    this._owner = owner;
    this._isDirect = false;
    this._hasAnswer = false;
    this._isOpen = true;
    /** Takes it off a shared UDP socket, null with a socket of its own. */
    this._leave = null;
  }

  /** Makes a UDP socket, and begins. */
  bind(options) {
    const { localAddress, localPort = 0 } = options;
    const type = this.address.includes(':') ? 'udp6' : 'udp4';
    try {
      const udp = createUdpSocket(type, options);
      this.udp = udp;
      let isDirect = false;
      // Each event gets a tick of its own: bind() emits before it returns, and must not fail with what listeners throw.
      udp.once('listening', () => process.nextTick(() => this._onListening(isDirect)));
      udp.on('error', (error) => process.nextTick(() => this._fail(error)));
      udp.once('close', () => this._onUdpClose());
      udp.on('message', (datagram, remote) => this._onDatagram(datagram, remote));
      // In a cluster, a shared port would hand our datagrams to another worker.
      const anyAddress = type === 'udp6' ? '::' : '0.0.0.0';
      const where = { port: localPort, address: localAddress ?? anyAddress, exclusive: true };
      isDirect = bindUdp(udp, where, this.endpoint.native, { viaNode: needsNode(options) });
    } catch (error) {
      this._fail(error);
    }
  }

  /** Uses a UDP socket of the application's, which other clients may share, and begins. */
  share(udp) {
    const { address, port } = this;
    this._leave = join(udp, address, port, {
      _onDatagram: (datagram, remote) => this._onDatagram(datagram, remote),
      _onUdpError: (error) => this._fail(error),
      _onUdpClose: () => this._onUdpClose(),
    });
    if (this._leave === null) {
      const message = `Another client on this UDP socket talks to ${address}, port ${port}, already`;
      this._fail(new DtlsError(message, { code: 'ERR_DTLS_ADDRESS_IN_USE', address, port }));
      return;
    }
    this.udp = udp;
    this.endpoint.use(udp, false);
    this._begin();
  }

  /** Begins anew. */
  retry() {
    this._forget();
    if (this.endpoint.udp === null) this._connect();
    else this._begin();
  }

  /** Has no effect on a given UDP socket. */
  setReferenced(isReferenced) {
    if (this._leave !== null) return;
    if (isReferenced) this.udp?.ref();
    else this.udp?.unref();
  }

  /** Gives the handshake up, without a word to a server that has said none. */
  abandon() {
    this._forget();
    this._detach(closeNow);
  }

  /** Closes its UDP socket when everything has left that was sent, or leaves a shared one. */
  close() {
    this._detach(closeWhenSent);
  }

  _detach(closeUdp) {
    if (!this._isOpen) return;
    this._isOpen = false;
    this.endpoint.dispose();
    if (this._leave !== null) this._leave();
    else if (this.udp !== null) closeUdp(this.udp);
  }

  _forget() {
    if (this.handle === 0) return;
    this.endpoint.connections.delete(this.handle);
    this.endpoint.close(this.handle, false);
    this.handle = 0;
  }

  _onListening(isDirect) {
    if (!this._isOpen) return;
    this._isDirect = isDirect;
    this._owner.bound(this);
    this._connect();
  }

  _connect() {
    let isConnected = true;
    const begin = (error) => {
      if (!this._isOpen) return;
      if (error) {
        this._fail(error);
        return;
      }
      this.endpoint.use(this.udp, this._isDirect, isConnected);
      this._begin();
    };
    try {
      this.udp.connect(this.port, this.address, begin);
    } catch {
      // Not every runtime connects UDP sockets. What ICMP says is then not heard.
      isConnected = false;
      begin();
    }
  }

  _begin() {
    if (!this._isOpen) return;
    try {
      this.handle = this._owner.client._begin(this);
    } catch (error) {
      this._fail(error);
    }
  }

  _fail(error) {
    if (this._isOpen) this._owner.failed(this, error);
  }

  _onUdpClose() {
    if (this._isOpen) this._owner.closed(this);
  }

  _onDatagram(datagram, remote) {
    if (!this._isOpen) return;
    if (!this._hasAnswer && this._isAnswer(datagram, remote)) {
      this._hasAnswer = true;
      this.endpoint.showsEach = false;
      this._owner.answered(this);
    }
    this.endpoint.handleDatagram(datagram, remote);
  }

  /** Whether the server has answered: a socket that is not connected yet may have taken what others send. */
  _isAnswer(datagram, remote) {
    const [type, version] = datagram;
    const isRecord = datagram.length > RECORD_HEADER_LENGTH && version === MAJOR_VERSION;
    if (!isRecord || (type !== HANDSHAKE && type !== ALERT)) return false;
    return remote.port === this.port && withoutMapping(remote.address) === this.address;
  }
}

function closeNow(udp) {
  try {
    udp.close();
  } catch {
    // ERR_SOCKET_DGRAM_NOT_RUNNING: somebody else has closed it.
  }
}

module.exports = { Attempt };
