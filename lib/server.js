'use strict';

const { captureRejectionSymbol } = require('node:events');
const net = require('node:net');
const process = require('node:process');
const { promisify } = require('node:util');

const { onAbort } = require('./abort');
const { channels } = require('./diagnostics');
const { invalidArgType, invalidArgValue, stateError } = require('./errors');
const { Arriving } = require('./exports/arrivals');
const { exportServer } = require('./exports/departure');
const { Offer, Succession } = require('./exports/handover');
const { Fleet } = require('./fleet/fleet');
const { Identities } = require('./identities');
const native = require('./native');
const { listenArguments } = require('./options/arguments');
const { ServerContexts } = require('./options/context');
const { CONTEXT, serverOptions } = require('./options/options');
const { ticketKeys: checkTicketKeys } = require('./options/sessions');
const { callback, port: checkPort } = require('./options/validate');
const { ContextQuestion, ProtocolQuestion } = require('./questions/hello');
const { MoveQuestion, Moves } = require('./questions/move');
const { PeerQuestion } = require('./questions/peer');
const { PskQuestion, tellKeys } = require('./questions/psk');
const { Questions } = require('./questions/question');
const { RestoreQuestion, addressKeys, restoreAt } = require('./questions/restore');
const { ResumptionQuestion } = require('./questions/resumption');
const { StoredSessionQuestion } = require('./questions/stored-session');
const { Node } = require('./cluster/node');
const { SessionStore } = require('./session-store');
const { DtlsSocket } = require('./socket');
const { canonicalAddress, familyOf, isBlocked, withoutMapping } = require('./transport/addresses');
const { answerFromAskedAddress } = require('./transport/asked-address');
const { Endpoint } = require('./transport/endpoint');
const {
  bindUdp,
  closeQuietly,
  closeWhenSent,
  createUdpSocket,
  growReceiveBuffer,
  hasDualStack,
  isBound,
  needsNode,
  resolve,
} = require('./transport/udp');
const { WatchedEmitter } = require('./watched-emitter');

/** Versions of Node before 20.4 do not have it. */
const ASYNC_DISPOSE = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');

// States of a server. It may listen again once it is closed.
const IDLE = 0;
const BINDING = 1;
const LISTENING = 2;
const CLOSING = 3;

/** How many events of a batch of datagrams can wait to be dispatched. */
const EVENT_SLOTS = 32;

/** Sockets of exported connections that are closed in one round of the event loop. */
const DEPARTED_TURN = 512;

/** Errors that ICMP reports about one peer. The server has not failed. */
const PEER_ERRORS = new Set(['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'EMSGSIZE']);

/**
 * A DTLS server on one UDP address.
 *
 * Events: 'listening', 'connection'(socket) when a peer has proved its address and begins a handshake,
 * 'secureConnection'(socket[, session]) when the handshake is over or a saved session goes on, 'clientError'(error,
 * socket) when it fails, 'keylog'(line, socket) when it has keys, 'error'(error) when the UDP socket does, 'close'.
 * Questions, each with a callback as its last argument: 'resumeSession', 'lookupKey', 'renegotiate', see lib/questions/.
 */
class DtlsServer extends WatchedEmitter {
  /** The class of its sockets, for a subclass to choose. */
  static Socket = DtlsSocket;

  // It is private because it holds keys.
  #contexts;

  /**
   * @param {object} options see index.d.ts
   * @param {(socket: DtlsSocket) => void} [secureConnectionListener]
   */
  constructor(options, secureConnectionListener) {
    // A question's listener may then be an async function.
    super({ captureRejections: true });
    const {
      native: nativeOptions,
      handshakeThreads,
      psk,
      verifyPeer,
      byHello,
      udp,
      lookup,
      blockList,
      sessions,
      socket,
      nodeId,
      connectionId,
      connectionStore,
      replaceByIdentity,
      idleTimeout,
      ...settings
    } = serverOptions(options);
    if (secureConnectionListener !== undefined) {
      this.on('secureConnection', callback(secureConnectionListener, 'secureConnectionListener'));
    }
    /** The node:dgram socket, null before 'listening' and after 'close'. */
    this.dgramSocket = null;

    this._settings = settings;
    this._udpOptions = udp;
    this._lookup = lookup;
    this._blockList = blockList;
    this._givenUdp = socket;
    this._node = new Node(this, { nodeId, connectionId });
    // A datagram that a server cannot send is sent again, or its peer is gone: nobody waits for it.
    this._onSendError = null;
    this._endpoint = new Endpoint(native.DtlsServer, nativeOptions, this, {
      eventSlots: EVENT_SLOTS,
      threads: handshakeThreads,
    });
    this.#contexts = new ServerContexts(nativeOptions, CONTEXT);
    this._moves = new Moves();
    this._identities = replaceByIdentity ? new Identities() : null;
    this._fleet = connectionStore === undefined ? null : new Fleet(this, connectionStore, idleTimeout);
    this._arriving = new Arriving(this);
    // Sockets whose connections were exported, until they are closed.
    this._departed = [];
    // The descriptor of a UDP socket that was open before.
    this._fd = undefined;
    // What waits for a successor.
    this._offer = null;
    const { sessionStore, sessionTimeout } = sessions;
    this._sessionStore = sessionStore === undefined ? null : new SessionStore(sessionStore, sessionTimeout);
    this._questions = new Questions(this._endpoint, this);
    this._registerQuestions(psk, verifyPeer, byHello);
    this._state = IDLE;
    this._isResolving = false;
    this._socketsLogKeys = false;
    this._udp = null;
    this._isReferenced = true;
    this._connected = 0;
    this._sockets = null;
    // The socket that a new handshake has just replaced, until that is announced.
    this._replaced = null;
  }

  _registerQuestions(psk, verifyPeer, { SNICallback, ALPNCallback }) {
    const questions = this._questions;
    if (psk?.callback !== undefined) questions.register(PskQuestion, psk);
    else if (psk !== null) tellKeys(psk, this._endpoint.native);
    if (verifyPeer !== undefined) questions.register(PeerQuestion, { verifyPeer });
    if (SNICallback !== undefined) questions.register(ContextQuestion, { SNICallback, contexts: this.#contexts });
    if (ALPNCallback !== undefined) questions.register(ProtocolQuestion, ALPNCallback);
    if (this._sessionStore === null) questions.register(ResumptionQuestion, { server: this });
    else questions.register(StoredSessionQuestion, this._sessionStore);
    questions.register(RestoreQuestion, { server: this, moves: this._moves, fleet: this._fleet });
    questions.register(MoveQuestion, { server: this, moves: this._moves });
    questions.listen();
  }

  /** True between 'listening' and close(). */
  get listening() {
    return this._state === LISTENING;
  }

  /** Live sockets by 'address:port': a snapshot without prototype, which is made anew when something has changed. */
  get sockets() {
    this._sockets ??= this._takeSnapshot();
    return this._sockets;
  }

  /** What has been done with `connectionStore`; null without one. */
  get fleetStats() {
    return this._fleet === null ? null : { ...this._fleet.stats };
  }

  /** Counters since the server was made; index.d.ts says which. */
  get stats() {
    return this._endpoint.native.stats();
  }

  /**
   * listen([port][, host][, callback]) or listen(options[, callback]), like net's listen() and dgram's bind().
   *
   * @returns {this}
   */
  listen(...args) {
    const where = listenArguments(args);
    if (where.handover !== undefined && this._givenUdp !== undefined) {
      throw invalidArgValue('options.handover', 'cannot be used together with "options.socket" of createServer()');
    }
    if (this._state !== IDLE) {
      throw stateError('ERR_SERVER_ALREADY_LISTEN', 'The server is listening already, or is not closed yet');
    }
    this._state = BINDING;
    if (where.callback !== undefined) this.once('listening', where.callback);
    if (where.signal !== undefined) this._closeOnAbort(where.signal);
    if (where.handover === undefined) this._resolve(where);
    else this._succeed(where);
    return this;
  }

  _closeOnAbort(signal) {
    this.once(
      'close',
      onAbort(signal, () => this.close()),
    );
  }

  /** @returns {{ address: string, family: string, port: number } | null} null when the server does not listen */
  address() {
    return this.dgramSocket === null ? null : this.dgramSocket.address();
  }

  /**
   * Says goodbye to every peer, waits until the datagrams that say so have left, and closes the UDP socket. Handshakes
   * under way are given up.
   *
   * @param {(error?: Error) => void} [whenClosed] called on 'close', or with an error when the server does not listen
   * @returns {this}
   */
  close(whenClosed) {
    if (whenClosed !== undefined) callback(whenClosed, 'callback');
    if (this._state === IDLE) {
      const error = stateError('ERR_SERVER_NOT_RUNNING', 'The server is not listening');
      if (whenClosed !== undefined) process.nextTick(whenClosed, error);
      return this;
    }
    if (whenClosed !== undefined) this.once('close', whenClosed);
    if (this._state !== CLOSING) this._shutDown();
    return this;
  }

  /**
   * @param {(count: number) => void} [receiver] called in the next tick with one argument, as in node-mbed-dtls
   * @returns {number} connections whose handshake is over
   */
  getConnections(receiver) {
    if (receiver !== undefined) {
      callback(receiver, 'callback');
      process.nextTick(() => receiver(this._connected));
    }
    return this._connected;
  }

  /**
   * Answers clients that ask for this name with other credentials, from now on; the last that fits counts.
   *
   * @param {string} servername DNS name, or '*.' and the rest of one
   * @param {object} context by createSecureContext(), or its options; the options of createServer() complete it
   */
  addContext(servername, context) {
    this.#contexts.add(this._endpoint, servername, context);
  }

  /**
   * Answers all other clients with other credentials, from now on; connections and handshakes go on as they began.
   *
   * @param {object} context by createSecureContext(), or its options; what it does not say stays as it was
   */
  setSecureContext(context) {
    this.#contexts.replace(this._endpoint, context);
  }

  /** @returns {Buffer | undefined} keys of tickets, 48 bytes each, the one that seals first; undefined without tickets */
  getTicketKeys() {
    return this._endpoint.native.ticketKeys() ?? undefined;
  }

  /**
   * Seals tickets with the first of these keys from now on, and takes those that any of them has sealed.
   *
   * @param {Buffer} keys 48 bytes each
   */
  setTicketKeys(keys) {
    this._endpoint.native.setTicketKeys(checkTicketKeys(keys, 'keys'));
  }

  /**
   * Lets a connection go on that was saved as `socket.session`, without waiting for its peer: 'connection', then
   * 'secureConnection'(socket, session), before this returns.
   *
   * @param {{ address: string, port: number }} remote
   * @param {object} session
   * @returns {boolean} false when that address has a connection already, when the session is that of a connection that
   *   lives, or when it cannot go on
   */
  resumeSocket(remote, session) {
    if (remote === null || typeof remote !== 'object') throw invalidArgType('remote', 'of type object', remote);
    if (net.isIP(remote.address) === 0) throw invalidArgType('remote.address', 'an IP address', remote.address);
    const port = checkPort(1)(remote.port, 'remote.port');
    if (this._state !== LISTENING) throw stateError('ERR_SERVER_NOT_RUNNING', 'The server is not listening');
    return restoreAt(this, { address: canonicalAddress(remote.address), port }, session);
  }

  /**
   * Seals every connection for another process, and closes the server. Peers do not notice, and those whose connections
   * cannot go on elsewhere are told goodbye.
   *
   * @param {{ key: Uint8Array }} options
   * @returns {import('node:stream').Readable}
   */
  exportConnections(options) {
    return exportServer(this, options);
  }

  /**
   * Lets exported connections go on here: at once, or as soon as the server listens.
   *
   * @param {Uint8Array | AsyncIterable<Uint8Array>} source
   * @param {{ key: Uint8Array }} options
   * @returns {Promise<{ imported: number, refused: number }>}
   */
  importConnections(source, options) {
    return this._arriving.take(source, options);
  }

  /**
   * Names addresses whose connections the application has saved, beside those named before: records from others no longer
   * lead to 'resumeSession'. Null means that all do again.
   *
   * @param {Iterable<string | { address: string, port: number }> | null} addresses
   */
  expectAddresses(addresses) {
    this._endpoint.native.expectAddresses(addresses === null ? null : addressKeys(addresses));
  }

  /**
   * Takes a datagram that another node has received and forwarded: 'forward' is emitted there.
   *
   * @param {Uint8Array} datagram
   * @param {{ address: string, port: number }} rinfo its peer
   */
  inject(datagram, rinfo) {
    this._node.inject(datagram, rinfo);
  }

  /** Closes the server, if it listens: `await using server = ...`. */
  async [ASYNC_DISPOSE]() {
    if (this._state === IDLE) return;
    await new Promise((resolve) => this.close(resolve));
  }

  /** Lets the server keep the process alive, which is the default. */
  ref() {
    this._isReferenced = true;
    this._udp?.ref();
    return this;
  }

  /** Lets the process end although the server listens. */
  unref() {
    this._isReferenced = false;
    this._udp?.unref();
    return this;
  }

  // The UDP socket, from its creation to its end

  /** Takes the UDP socket and the connections of the process over that serves at a path, if there is one. */
  async _succeed(where) {
    this._isResolving = true;
    let fd;
    let failure = null;
    try {
      const found = await new Succession(where.handover).begin();
      fd = found?.fd;
      if (found !== null) await this.importConnections(found.source, { key: found.key });
    } catch (error) {
      failure = error;
    }
    this._isResolving = false;
    const isClosing = this._state === CLOSING;
    if (fd !== undefined && (isClosing || failure !== null)) closeQuietly(fd);
    // What listeners throw is no rejection.
    process.nextTick(() => {
      if (isClosing) this._onUdpClose();
      else if (failure !== null) this._fail(failure);
      else this._resolve(fd === undefined ? where : { __proto__: null, ...where, fd, exclusive: true });
    });
    this._offer = new Offer(this, where.handover);
  }

  /** A descriptor of the UDP socket, null where only Node has one. */
  _descriptor() {
    return this._fd ?? this._endpoint.native.udpDescriptor();
  }

  _resolve({ port, host, fd, exclusive, ipv6Only = this._udpOptions.ipv6Only }) {
    const udpOptions = { __proto__: null, ...this._udpOptions, ipv6Only };
    const isDual =
      udpOptions.type === 'udp6' || (udpOptions.type === undefined && this._givenUdp === undefined && hasDualStack());
    const anyAddress = isDual ? '::' : '0.0.0.0';
    const family = { __proto__: null, udp4: 4, udp6: 6 }[udpOptions.type] ?? 0;
    this._isResolving = true;
    resolve({ __proto__: null, host: host ?? anyAddress, family, lookup: this._lookup }, (error, [address] = []) => {
      this._isResolving = false;
      const place = fd === undefined ? { port, address, ipv6Only } : { fd };
      const where = { __proto__: null, ...place, exclusive };
      this._fd = fd;
      // The server has been closed meanwhile. 'close' waits for us, so no second listen() can have begun.
      if (this._state === CLOSING) this._onUdpClose();
      else if (error) this._fail(error);
      else this._bind(udpOptions, address, where);
    });
  }

  _bind(udpOptions, address, where) {
    try {
      const type = this._udpType(udpOptions, address, where);
      const udp = this._givenUdp ?? createUdpSocket({ __proto__: null, ...udpOptions, type });
      const isReady = isBound(udp);
      this._udp = udp;
      let isDirect = false;
      // Each event gets a tick of its own: bind() emits before it returns, and must not fail with what our listeners
      // throw.
      const onListening = () => process.nextTick(() => this._onListening(udp, isDirect));
      if (isReady) onListening();
      else udp.once('listening', onListening);
      udp.on('error', (error) => process.nextTick(() => this._onUdpError(error)));
      udp.once('close', () => this._onUdpClose());
      if (!isReady && this._givenUdp === undefined) {
        const viaNode = this._blockList !== undefined || needsNode(udpOptions);
        isDirect = bindUdp(udp, where, this._endpoint.native, { viaNode });
      } else if (!isReady) udp.bind(where);
    } catch (error) {
      // The owner of the given socket is binding it, and 'listening' will come.
      if (this._givenUdp !== undefined && error.code === 'ERR_SOCKET_ALREADY_BOUND') return;
      // A socket that is closed will not emit 'close' again.
      if (error.code === 'ERR_SOCKET_DGRAM_NOT_RUNNING') this._udp = null;
      this._fail(error);
    }
  }

  /** A socket that is open already, as by systemd's socket activation, is what it is. */
  _udpType({ type }, address, { fd }) {
    const family = fd === undefined ? null : this._endpoint.native.udpFamily(fd);
    if (family !== null) return family === 6 ? 'udp6' : 'udp4';
    return type ?? (address.includes(':') ? 'udp6' : 'udp4');
  }

  _onListening(udp, isDirect) {
    if (this._state !== BINDING) return;
    this._state = LISTENING;
    this.dgramSocket = udp;
    this._endpoint.use(udp, isDirect);
    this._offer?.open();
    this._fleet?.open();
    if (!this._isReferenced) udp.unref();
    if (this._udpOptions.recvBufferSize === undefined) growReceiveBuffer(udp);
    answerFromAskedAddress(this._endpoint, udp);
    udp.on('message', (datagram, remote) => {
      if (this._state !== LISTENING || this._isBlocked(remote)) return;
      this._endpoint.handleDatagram(datagram, remote);
    });
    try {
      this._arriving.announce();
    } finally {
      this._endpoint.settle();
      this.emit('listening');
    }
  }

  _isBlocked({ address }) {
    return this._blockList !== undefined && isBlocked(this._blockList, withoutMapping(address));
  }

  _onUdpError(error) {
    if (this._state === LISTENING && PEER_ERRORS.has(error.code)) return;
    if (this._state !== CLOSING) this._fail(error);
  }

  /** The server cannot go on: 'error', then 'close'. */
  _fail(error) {
    try {
      this._shutDown();
    } finally {
      this.emit('error', error);
    }
  }

  _shutDown() {
    this._state = CLOSING;
    this._offer?.close();
    this._questions.withdrawAll();
    this._moves.clear();
    const sockets = [...this._endpoint.connections.values()];
    for (const socket of sockets) {
      if (socket.connected) socket.end();
      else socket.destroy();
    }
    if (this._udp === null) {
      if (!this._isResolving) process.nextTick(() => this._onUdpClose());
      return;
    }
    const areGone = () => this._endpoint.connections.size === 0;
    // A socket whose messages have not been read by then has had its time.
    closeWhenSent(this._udp, areGone, () => destroyAll(sockets));
  }

  /**
   * These connections have left for another process. So does the UDP socket: what arrives in this very tick is for others
   * to read.
   */
  _leave(sockets) {
    this._state = CLOSING;
    this._questions.withdrawAll();
    this._moves.clear();
    this._departed = sockets;
    for (const socket of sockets) socket._goElsewhere();
    for (const socket of [...this._endpoint.connections.values()]) {
      if (socket.connected) socket.end();
      else socket.destroy();
    }
    this._udp.close();
  }

  /** Comes also when the application has closed dgramSocket itself. */
  _onUdpClose() {
    this._endpoint.dispose();
    this._offer?.close();
    if (this._departed.length > 0) {
      // What waits for them in another process must not wait for this.
      destroyAll(this._departed.splice(-DEPARTED_TURN));
      setImmediate(closeLater, this);
      return;
    }
    destroyAll([...this._endpoint.connections.values()]);
    this._fleet?.close();
    this._udp = null;
    this._fd = undefined;
    this._offer = null;
    this.dgramSocket = null;
    this._state = IDLE;
    this.emit('close');
  }

  // What the endpoint and the sockets report

  /** Whose endpoint it is, in the messages of diagnostics channels. */
  _role() {
    return { server: this };
  }

  _onConnection({ connection, address, port, servername }) {
    if (this._state !== LISTENING) {
      this._endpoint.close(connection, true);
      return;
    }
    this._replaced = null;
    const socket = this._createSocket(address, port);
    socket.servername = servername ?? false;
    this._place(connection, socket);
    if (channels.handshakeStart.hasSubscribers) channels.handshakeStart.publish({ socket });
    socket._scope.runInAsyncScope(this.emit, this, 'connection', socket);
  }

  /** A saved connection goes on, in whatever asynchronous context the application has said so. */
  _onRestored(connection, socket, ...rest) {
    socket._scope.runInAsyncScope(this._goOn, this, connection, socket, ...rest);
  }

  _goOn(connection, socket, cipher, peer, session) {
    socket.servername = peer.servername;
    this._place(connection, socket);
    try {
      this.emit('connection', socket);
    } finally {
      // A listener may have closed it.
      if (!socket.destroyed) {
        if (channels.resumed.hasSubscribers) channels.resumed.publish({ socket, from: 'connection' });
        socket._open(cipher, peer, session);
      }
    }
  }

  /** Notes a connection, or its new address. The latest stands last, for _takeSnapshot(). */
  _place(connection, socket) {
    socket._handle = connection;
    this._endpoint.connections.delete(connection);
    this._endpoint.connections.set(connection, socket);
    this._sockets = null;
  }

  _createSocket(address, port) {
    const socket = new this.constructor.Socket(this._endpoint, this, this._settings);
    socket.server = this;
    socket.remoteAddress = address;
    socket.remotePort = port;
    // Without a listener for 'error', a peer could end the process; 'close' still says that there was an error.
    socket.on('error', ignore);
    return socket;
  }

  /** A handshake has left a session behind for the application's store. */
  _onNewSession({ sessionId, session }) {
    this._sessionStore?.keep(sessionId, session);
  }

  /** A connection has failed, and its session must not be resumed any more. */
  _onSessionEnded({ sessionId }) {
    this._sessionStore?.forget(sessionId);
  }

  /** A peer has moved, and an authentic record has proved it. */
  _onMoved({ connection, address, port, oldAddress, oldPort }) {
    const move = this._moves.takeTo({ address, port });
    const socket = this._endpoint.connections.get(connection);
    if (socket === undefined) return;
    socket.remoteAddress = address;
    socket.remotePort = port;
    this._place(connection, socket);
    this._fleet?.onMoved(socket);
    const old = withFamily({ address: oldAddress, port: oldPort });
    if (channels.moved.hasSubscribers) channels.moved.publish({ socket, old, deviceId: move?.deviceId });
    socket.emit('ipChanged', { ...old, deviceId: move?.deviceId });
  }

  /** A device sends records that no connection of ours can read, so that only a new handshake would help. */
  _onUnplaced(remote, deviceId) {
    this.emit('forceDeviceRehandshake', withFamily(remote), deviceId);
  }

  _onSocketSecure(socket, session) {
    this._connected++;
    this._fleet?.onSecure(socket);
    if (this._identities !== null && !this._replaceEarlier(socket)) return;
    this._sockets = null;
    try {
      this._tellReplaced(socket);
      socket.emit('secureConnect', socket);
    } finally {
      if (session === undefined) this.emit('secureConnection', socket);
      else this.emit('secureConnection', socket, session);
    }
  }

  /** Of two connections with one identity, the later one stays. The earlier one's peer is elsewhere now, and is told nothing. */
  _replaceEarlier(socket) {
    const earlier = this._identities.add(socket);
    if (earlier === null) return true;
    this._endpoint.close(earlier._handle, false);
    if (earlier === socket) return false;
    earlier.emit('reconnect', socket);
    return true;
  }

  /** The end of the old connection and the new one's handshake are one event after the other. */
  _tellReplaced(socket) {
    const old = this._replaced;
    this._replaced = null;
    if (old === null || old.remotePort !== socket.remotePort || old.remoteAddress !== socket.remoteAddress) return;
    old.emit('reconnect', socket);
  }

  _onHandshakeFailed(socket, error) {
    try {
      this.emit('clientError', error, socket);
      // node:tls's name of the same event.
      this.emit('tlsClientError', error, socket);
    } finally {
      // It is destroyed without the error: nobody has to listen on a socket that was never announced as secure.
      socket.destroy();
    }
  }

  _onSocketClosed(socket, reason) {
    const wasOpen = socket.getProtocol() !== null;
    if (wasOpen) this._connected--;
    this._identities?.remove(socket);
    this._fleet?.onClosed(socket, reason === 'exported' || (reason === 'local' && !socket.sendClose));
    this._sockets = null;
    this._replaced = wasOpen && reason === 'replaced' ? socket : null;
  }

  /** Datagrams wait for another node. */
  _onParcel(parcel) {
    this._node.onParcel(parcel);
  }

  /** The native object asks only what somebody listens for, and says no keys unless somebody does. */
  _onListenersChanged() {
    this._questions?.listen();
    this._node?.listen();
    this._endpoint?.logKeys(this._socketsLogKeys || this.listenerCount('keylog') > 0);
  }

  /** A socket has a listener for its own keys. From then on all are asked for, because it may not be the only one. */
  _onKeyLogWanted() {
    this._socketsLogKeys = true;
    this._endpoint.logKeys(true);
  }

  _onKeyLog(lines, socket) {
    this.emit('keylog', lines, socket);
  }

  /**
   * An async listener has thrown. That answers a question; for any other event it is an unhandled rejection, as usual.
   */
  [captureRejectionSymbol](error, event, ...args) {
    if (this._questions.isAskedBy(event)) args.at(-1)(error ?? new Error('The listener was rejected without a reason'));
    else Promise.reject(error);
  }

  _takeSnapshot() {
    const sockets = { __proto__: null };
    for (const socket of this._endpoint.connections.values()) {
      const key = `${socket.remoteAddress}:${socket.remotePort}`;
      // A handshake from the address of a live connection replaces it only when it has proved itself. When several
      // devices have moved to one address, the latest of them has it.
      if (socket.connected || !sockets[key]?.connected) sockets[key] = socket;
    }
    return sockets;
  }
}

/** Its callback has no error before its answer. */
DtlsServer.prototype.getConnections[promisify.custom] = async function getConnections() {
  return this.getConnections();
};

function withFamily({ address, port }) {
  return { address, family: familyOf(address), port };
}

function closeLater(server) {
  server._onUdpClose();
}

function destroyAll(sockets) {
  for (const socket of sockets) socket.destroy();
}

function ignore() {}

module.exports = { DtlsServer };
