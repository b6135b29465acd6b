'use strict';

const process = require('node:process');

const { DtlsError, stateError } = require('./errors');
const native = require('./native');
const { clientOptions } = require('./options/options');
const { callback, port: checkPort, string } = require('./options/validate');
const { OwnPskQuestion } = require('./questions/psk');
const { Questions } = require('./questions/question');
const { ServerIdentityQuestion } = require('./questions/server-identity');
const { DtlsSocket } = require('./socket');
const { Endpoint } = require('./transport/endpoint');
const { join } = require('./transport/mux');
const { bindUdp, canonicalAddress, closeWhenSent, createUdpSocket, resolve } = require('./transport/udp');

/** How many events can wait to be dispatched; a client has one connection. */
const EVENT_SLOTS = 4;

/**
 * A DTLS client: one connection to one server, on a UDP socket of its own or on a given one.
 *
 * Events, beside those of DtlsSocket: 'secureConnect'(client) when the handshake is over. A failure before that is an
 * 'error' as well.
 */
class DtlsClient extends DtlsSocket {
  /**
   * @param {object} options see index.d.ts
   * @param {(client: DtlsClient) => void} [secureConnectListener]
   */
  constructor(options, secureConnectListener) {
    const {
      native: nativeOptions,
      handshakeThreads,
      pskCallback,
      rules,
      remote,
      udp,
      socket,
      ...settings
    } = clientOptions(options);
    if (secureConnectListener !== undefined) callback(secureConnectListener, 'secureConnectListener');
    const link = new Link();
    const endpoint = new Endpoint(native.DtlsClient, nativeOptions, link, {
      eventSlots: EVENT_SLOTS,
      threads: handshakeThreads,
    });
    super(endpoint, link, settings);
    link.client = this;
    link._questions = new Questions(endpoint, this);
    link._questions.register(OwnPskQuestion, pskCallback);
    link._questions.register(ServerIdentityQuestion, rules);
    if (secureConnectListener !== undefined) this.once('secureConnect', secureConnectListener);

    this._udp = socket ?? null;
    this._ownsUdp = socket === undefined;
    this._isReferenced = true;
    // Takes the client off its UDP socket: closes our own socket, and leaves the router of a given one.
    this._detach = null;
    this._udpOptions = udp;
    this._whenBound = null;
    this._start(remote);
  }

  /** The node:dgram socket: the given one, or our own once it is bound. */
  get dgramSocket() {
    return this._udp;
  }

  /** True until the handshake is over or has been given up. */
  get connecting() {
    return !this.destroyed && this.getProtocol() === null;
  }

  /** Counters; index.d.ts says which. */
  get stats() {
    return this._endpoint.native.stats();
  }

  /**
   * Sets localPort and localAddress in the tick of connect(), as in node-mbed-dtls.
   *
   * @param {number} [port]
   * @param {string} [address]
   * @param {() => void} [whenBound]
   */
  bind(port = 0, address = undefined, whenBound = undefined) {
    if (this._detach !== null || !this._ownsUdp)
      throw stateError('ERR_SOCKET_ALREADY_BOUND', 'Socket is already bound');
    this._udpOptions = { __proto__: null, ...this._udpOptions, localPort: checkPort(0)(port, 'port') };
    if (address !== undefined) this._udpOptions.localAddress = string(address, 'address');
    if (whenBound !== undefined) this._whenBound = callback(whenBound, 'callback');
    return this;
  }

  /** Lets the connection keep the process alive, which is the default. Has no effect on a given UDP socket. */
  ref() {
    this._isReferenced = true;
    if (this._ownsUdp) this._udp?.ref();
    return this;
  }

  /** Lets the process end although the connection is open. Has no effect on a given UDP socket. */
  unref() {
    this._isReferenced = false;
    if (this._ownsUdp) this._udp?.unref();
    return this;
  }

  // From the host name to the first flight

  _start(remote) {
    resolve(remote, (error, address) => {
      if (this.destroyed) return;
      this.remotePort = remote.port;
      if (error) this.destroy(error);
      else if (this._ownsUdp) this._bind(address, this._udpOptions);
      else this._share(address);
    });
  }

  /** Binds a UDP socket of our own. */
  _bind(address, { localAddress, localPort = 0, ...options }) {
    const type = address.includes(':') ? 'udp6' : 'udp4';
    try {
      const udp = createUdpSocket({ ...options, type });
      this._detach = () => closeWhenSent(udp);
      let isDirect = false;
      // Each event gets a tick of its own: bind() emits before it returns, and must not fail with what our listeners
      // throw.
      udp.once('listening', () =>
        process.nextTick(() => this._onListening(udp, canonicalAddress(address, type), isDirect)),
      );
      udp.on('error', (error) => process.nextTick(() => this._onUdpError(error)));
      udp.once('close', () => this._onUdpClose());
      udp.on('message', (datagram, remote) => this._onDatagram(datagram, remote));
      // In a cluster, a shared port would hand our datagrams to another worker.
      const anyAddress = type === 'udp6' ? '::' : '0.0.0.0';
      const where = { __proto__: null, port: localPort, address: localAddress ?? anyAddress, exclusive: true };
      isDirect = bindUdp(udp, where, this._endpoint.native);
    } catch (error) {
      this.destroy(error);
    }
  }

  _onListening(udp, address, isDirect) {
    if (this.destroyed) return;
    this._udp = udp;
    if (!this._isReferenced) udp.unref();
    this._whenBound?.();
    this._connect(udp, address, isDirect);
  }

  /** Uses a UDP socket of the application's, which other clients may share. */
  _share(host) {
    const udp = this._udp;
    const address = canonicalAddress(host, udp.type);
    const leave = join(udp, address, this.remotePort, this);
    if (leave === null) {
      this.destroy(
        new DtlsError(`Another client on this UDP socket talks to ${address}, port ${this.remotePort}, already`, {
          code: 'ERR_DTLS_ADDRESS_IN_USE',
          address,
          port: this.remotePort,
        }),
      );
      return;
    }
    // After what has been handed to the socket: it may still have to bind itself before it can send.
    this._detach = leave;
    this._connect(udp, address, false);
  }

  _connect(udp, address, isDirect) {
    this.remoteAddress = address;
    this._endpoint.use(udp, isDirect);
    try {
      this._endpoint.connect(this, address, this.remotePort);
    } catch (error) {
      this.destroy(error);
    }
  }

  // From the UDP socket

  _onDatagram(datagram, remote) {
    this._endpoint.handleDatagram(datagram, remote);
  }

  _onUdpError(error) {
    this.destroy(error);
  }

  /** Somebody else has closed the UDP socket. An open connection ends; one that was still opening has failed. */
  _onUdpClose() {
    if (this.destroyed) return;
    if (this.connecting) {
      const peer = { address: this.remoteAddress, port: this.remotePort };
      const message = 'The UDP socket was closed before the handshake was over';
      this.destroy(new DtlsError(message, { code: 'ERR_DTLS_SOCKET_CLOSED', ...peer }));
    } else {
      this._leave();
      this._finishReading();
    }
  }

  _destroy(error, whenDestroyed) {
    super._destroy(error, (reason) => {
      this._detachUdp();
      whenDestroyed(reason);
    });
  }

  _detachUdp() {
    const detach = this._detach;
    this._detach = null;
    this._endpoint.dispose();
    if (detach !== null) detach();
  }
}

/** What a client's endpoint and stream report to. A server does the same for all its sockets. */
class Link {
  constructor() {
    this.client = null;
    this._questions = null;
  }

  _onSocketSecure(client) {
    client.emit('secureConnect', client);
  }

  _onHandshakeFailed(client, error) {
    client.destroy(error);
  }

  /** Does not wait until the application has read everything: an idle UDP socket must not keep the process alive. */
  _onSocketClosed(client) {
    client._detachUdp();
  }

  /** The first flight cannot leave, as without a route to the server. Waiting for the timeout would help nobody. */
  _onSendError(error) {
    if (this.client.connecting) this.client.destroy(error);
  }
}

module.exports = { DtlsClient };
