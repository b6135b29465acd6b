'use strict';

const { abortError, onAbort } = require('./abort');
const { channels } = require('./diagnostics');
const { DtlsError, stateError } = require('./errors');
const { clientOptions } = require('./options/options');
const { callback, port: checkPort, string } = require('./options/validate');
const { OwnPskQuestion } = require('./questions/psk');
const { Questions } = require('./questions/question');
const { ServerIdentityQuestion } = require('./questions/server-identity');
const { DtlsSocket } = require('./socket');
const { destination, familyOf, isBlocked } = require('./transport/addresses');
const { Attempts } = require('./transport/attempts');
const { Endpoint } = require('./transport/endpoint');
const { NativeClient } = require('./transport/native-endpoint');
const { resolve } = require('./transport/udp');

/** How many events can wait to be dispatched; a client has one connection. */
const EVENT_SLOTS = 4;

/**
 * A DTLS client: one connection to one server, on a UDP socket of its own or on a given one.
 *
 * Events, beside those of DtlsSocket: 'secureConnect'(client) when the handshake is over, and 'session'(session) when
 * there is one that can be resumed. A failure before that is an
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
      makeIds,
      pskCallback,
      rules,
      remote,
      udp,
      signal,
      blockList,
      socket,
      ...settings
    } = clientOptions(options);
    if (secureConnectListener !== undefined) callback(secureConnectListener, 'secureConnectListener');
    const link = new Link(pskCallback, rules);
    const makeEndpoint = () => {
      const means = { eventSlots: EVENT_SLOTS, threads: handshakeThreads, makeIds };
      const made = new Endpoint(NativeClient, nativeOptions, link, means);
      made.logKeys(link.logsKeys);
      return made;
    };
    const endpoint = makeEndpoint();
    super(endpoint, link, settings);
    if (secureConnectListener !== undefined) this.once('secureConnect', secureConnectListener);

    this._udp = socket ?? null;
    this._ownsUdp = socket === undefined;
    // The session that is offered.
    this._offered = nativeOptions.session;
    this._isTraced = false;
    this._isReferenced = true;
    this._isBound = false;
    this._udpOptions = udp;
    this._whenBound = null;
    this._attempts = new Attempts(this, {
      endpoint,
      makeEndpoint,
      open: (attempt) => {
        if (this._ownsUdp) attempt.bind(this._udpOptions);
        else attempt.share(this._udp);
      },
    });
    link.attempts = this._attempts;
    if (signal !== undefined) {
      this.once(
        'close',
        onAbort(signal, () => this.destroy(abortError(signal))),
      );
    }
    this._start(remote, blockList);
  }

  /** The node:dgram socket: the given one, or our own once it is bound. */
  get dgramSocket() {
    return this._udp;
  }

  /** True until the handshake is over or has been given up. */
  get connecting() {
    return !this.destroyed && this.getProtocol() === null;
  }

  /**
   * What a later client can resume: the option `session`. A secret: whoever has it can appear as this client.
   *
   * @returns {Buffer | undefined} undefined without a connection, and where there is no session
   */
  getSession() {
    return this.connected ? (this._endpoint.native.session(this._handle) ?? undefined) : undefined;
  }

  /** Traces what happens from now on: all of it, if that is in the tick of connect(). */
  enableTrace() {
    this._isTraced = true;
    super.enableTrace();
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
    if (this._isBound || !this._ownsUdp) throw stateError('ERR_SOCKET_ALREADY_BOUND', 'Socket is already bound');
    this._udpOptions = { __proto__: null, ...this._udpOptions, localPort: checkPort(0)(port, 'port') };
    if (address !== undefined) this._udpOptions.localAddress = string(address, 'address');
    if (whenBound !== undefined) this._whenBound = callback(whenBound, 'callback');
    return this;
  }

  /** Lets the connection keep the process alive, which is the default. Has no effect on a given UDP socket. */
  ref() {
    this._isReferenced = true;
    this._attempts.setReferenced(true);
    return this;
  }

  /** Lets the process end although the connection is open. Has no effect on a given UDP socket. */
  unref() {
    this._isReferenced = false;
    this._attempts.setReferenced(false);
    return this;
  }

  // From the host name to the first flight

  _start(remote, blockList) {
    resolve(remote, (error, found) => {
      if (this.destroyed) return;
      this.remotePort = remote.port;
      if (error) {
        this.destroy(error);
        return;
      }
      const destinations = found.map(destination);
      const addresses = destinations.filter((address) => !blockList || !isBlocked(blockList, address));
      if (addresses.length === 0) {
        this.destroy(stateError('ERR_IP_BLOCKED', `IP(${destinations[0]}) is blocked by net.BlockList`));
        return;
      }
      this.remoteAddress = addresses[0];
      if (channels.handshakeStart.hasSubscribers) channels.handshakeStart.publish({ socket: this });
      this._attempts.begin(addresses, remote.port);
    });
  }

  /**
   * Opens the connection, from a UDP socket that is ready.
   *
   * @param {{ endpoint: object, address: string, port: number }} attempt
   * @returns {number} the connection in the native object
   */
  _begin({ endpoint, address, port }) {
    if (this._isTraced) endpoint.native.tracePeer(address, port);
    return endpoint.connect(this, address, port);
  }

  /** A UDP socket of our own has its address. */
  _onBound({ endpoint, udp }) {
    this._endpoint = endpoint;
    this._udp = udp;
    if (!this._isReferenced) udp.unref();
    const isFirst = !this._isBound;
    this._isBound = true;
    if (isFirst) this._whenBound?.();
  }

  /** The server at this address has the connection. */
  _onAnswered({ endpoint, udp, handle, address }) {
    this._endpoint = endpoint;
    this._udp = udp;
    this._handle = handle;
    this.remoteAddress = address;
    if (this._isTraced) super.enableTrace();
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
    }
  }

  /**
   * In DTLS 1.2, a session is there with the end of the handshake; in DTLS 1.3, the server sends it later. One that was resumed is
   * announced only when the server has given another ticket for it.
   */
  _announceSession() {
    if (this.listenerCount('session') === 0) return;
    const session = this.getSession();
    if (session !== undefined && !this._offered?.equals(session)) this.emit('session', session);
  }

  _destroy(error, whenDestroyed) {
    super._destroy(error, (reason) => {
      this._attempts.close();
      whenDestroyed(reason);
    });
  }
}

/** What a client's endpoint and stream report to. A server does the same for all its sockets. */
class Link {
  constructor(pskCallback, rules) {
    this.attempts = null;
    this._pskCallback = pskCallback;
    this._rules = rules;
    this._asked = null;
    /** Whether somebody wants the keys of the handshake. */
    this.logsKeys = false;
  }

  /** Made with the first question, which comes when a server has answered: most clients are asked nothing. */
  get _questions() {
    if (this._asked === null) {
      const { client } = this.attempts;
      this._asked = new Questions(client._endpoint, client);
      this._asked.register(OwnPskQuestion, this._pskCallback);
      this._asked.register(ServerIdentityQuestion, this._rules);
    }
    return this._asked;
  }

  _onKeyLogWanted() {
    this.logsKeys = true;
    this.attempts.logKeys();
  }

  /** The client's only connection has a socket from the beginning. */
  _find() {
    return undefined;
  }

  /** The client itself has told its listeners. */
  _onKeyLog() {}

  _role() {
    return { socket: this.attempts.client };
  }

  _onSocketSecure(client) {
    try {
      client.emit('secureConnect', client);
    } finally {
      client._announceSession();
    }
  }

  _onHandshakeFailed(client, error) {
    client.destroy(error);
  }

  /** The server has another address, and an authentic record has proved it. */
  _onMoved({ address, port, oldAddress, oldPort }) {
    const { client } = this.attempts;
    client.remoteAddress = address;
    client.remotePort = port;
    client.emit('ipChanged', { address: oldAddress, family: familyOf(oldAddress), port: oldPort });
  }

  /** Does not wait until the application has read everything: an idle UDP socket must not keep the process alive. */
  _onSocketClosed() {
    this.attempts.close();
  }

  /** The first flight cannot leave, as without a route to the server. Waiting for the timeout would help nobody. */
  _onSendError(error, endpoint) {
    if (this.attempts.client.connecting) this.attempts.sendFailed(endpoint, error);
  }
}

module.exports = { DtlsClient };
