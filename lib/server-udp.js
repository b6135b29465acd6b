'use strict';

const process = require('node:process');

const { isBlocked, withoutMapping } = require('./transport/addresses');
const { answerFromAskedAddress } = require('./transport/asked-address');
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

// States of a server. It may listen again once it is closed.
const IDLE = 0;
const BINDING = 1;
const LISTENING = 2;
const CLOSING = 3;

/** Sockets of exported connections that are closed in one round of the event loop. */
const DEPARTED_TURN = 512;

/** Errors that ICMP reports about one peer. The server has not failed. */
const PEER_ERRORS = new Set(['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'EMSGSIZE']);

/** The UDP socket of a server, and the state of the server with it: from listen() to 'close'. */
class ServerUdp {
  /**
   * @param {import('./server').DtlsServer} server
   * @param {{ udp: object, lookup?: Function, blockList?: object, socket?: object }} options as by serverOptions();
   *   `socket` is a UDP socket that the application has made
   */
  constructor(server, { udp, lookup, blockList, socket }) {
    this._server = server;
    this._options = udp;
    this._lookup = lookup;
    this._blockList = blockList;
    this._given = socket;
    this._state = IDLE;
    this._isResolving = false;
    this._isReferenced = true;
    this._udp = null;
    // The descriptor of a UDP socket that was open before.
    this._fd = undefined;
    // What waits for a successor.
    this._offer = null;
    // Sockets whose connections were exported, until they are closed.
    this._departed = [];
  }

  get isIdle() {
    return this._state === IDLE;
  }

  get isListening() {
    return this._state === LISTENING;
  }

  get isClosing() {
    return this._state === CLOSING;
  }

  /** Whether the application has made it. */
  get isGiven() {
    return this._given !== undefined;
  }

  /** A descriptor of the UDP socket, null where only Node has one. */
  get descriptor() {
    return this._fd ?? this._server._endpoint.native.udpDescriptor();
  }

  setReferenced(isReferenced) {
    this._isReferenced = isReferenced;
    if (isReferenced) this._udp?.ref();
    else this._udp?.unref();
  }

  // How it is opened

  /** @param {object} where as by listenArguments() */
  open(where) {
    this._state = BINDING;
    if (where.handover === undefined) this._resolve(where);
    else this._succeed(where);
  }

  /** Takes the UDP socket and the connections of the process over that serves at a path, if there is one. */
  async _succeed(where) {
    // Few servers want it.
    const { Offer, Succession } = require('./exports/handover');
    const server = this._server;
    this._isResolving = true;
    let fd;
    let failure = null;
    try {
      const found = await new Succession(where.handover).begin();
      fd = found?.fd;
      // The key is of this handover alone: nobody else can read what has come.
      if (found !== null) await server.importConnections(found.source, { key: found.key, claim: () => true });
    } catch (error) {
      failure = error;
    }
    this._isResolving = false;
    const isClosing = this._state === CLOSING;
    if (fd !== undefined && (isClosing || failure !== null)) closeQuietly(fd);
    // What listeners throw is no rejection.
    process.nextTick(() => {
      if (isClosing) this._onClose();
      else if (failure !== null) this._fail(failure);
      else this._resolve(fd === undefined ? where : { __proto__: null, ...where, fd, exclusive: true });
    });
    this._offer = new Offer(server, where.handover);
  }

  _resolve({ port, host, fd, exclusive, ipv6Only = this._options.ipv6Only }) {
    const options = { __proto__: null, ...this._options, ipv6Only };
    const isDual = options.type === 'udp6' || (options.type === undefined && !this.isGiven && hasDualStack());
    const anyAddress = isDual ? '::' : '0.0.0.0';
    const family = { __proto__: null, udp4: 4, udp6: 6 }[options.type] ?? 0;
    this._isResolving = true;
    resolve({ __proto__: null, host: host ?? anyAddress, family, lookup: this._lookup }, (error, [address] = []) => {
      this._isResolving = false;
      const place = fd === undefined ? { port, address, ipv6Only } : { fd };
      const where = { __proto__: null, ...place, exclusive };
      this._fd = fd;
      // The server has been closed meanwhile. 'close' waits for us, so no second listen() can have begun.
      if (this._state === CLOSING) this._onClose();
      else if (error) this._fail(error);
      else this._bind(options, address, where);
    });
  }

  _bind(options, address, where) {
    const { native } = this._server._endpoint;
    try {
      const type = this._type(options, address, where);
      const udp = this._given ?? createUdpSocket(type, options);
      const isReady = isBound(udp);
      this._udp = udp;
      let isDirect = false;
      // Each event gets a tick of its own: bind() emits before it returns, and must not fail with what our listeners
      // throw.
      const onListening = () => process.nextTick(() => this._onListening(udp, isDirect));
      if (isReady) onListening();
      else udp.once('listening', onListening);
      udp.on('error', (error) => process.nextTick(() => this._onError(error)));
      udp.once('close', () => this._onClose());
      if (!isReady && !this.isGiven) {
        const viaNode = this._blockList !== undefined || needsNode(options);
        isDirect = bindUdp(udp, where, native, { viaNode, isNode: this._server._node.isWorker });
      } else if (!isReady) udp.bind(where);
    } catch (error) {
      // The owner of the given socket is binding it, and 'listening' will come.
      if (this.isGiven && error.code === 'ERR_SOCKET_ALREADY_BOUND') return;
      // A socket that is closed will not emit 'close' again.
      if (error.code === 'ERR_SOCKET_DGRAM_NOT_RUNNING') this._udp = null;
      this._fail(error);
    }
  }

  /** A socket that is open already, as by systemd's socket activation, is what it is. */
  _type({ type }, address, { fd }) {
    const family = fd === undefined ? null : this._server._endpoint.native.udpFamily(fd);
    if (family !== null) return family === 6 ? 'udp6' : 'udp4';
    return type ?? (address.includes(':') ? 'udp6' : 'udp4');
  }

  _onListening(udp, isDirect) {
    if (this._state !== BINDING) return;
    const server = this._server;
    const endpoint = server._endpoint;
    this._state = LISTENING;
    server.dgramSocket = udp;
    endpoint.use(udp, isDirect);
    this._offer?.open();
    server._fleet?.open();
    if (!this._isReferenced) udp.unref();
    if (this._options.recvBufferSize === undefined) growReceiveBuffer(udp);
    answerFromAskedAddress(endpoint, udp);
    udp.on('message', (datagram, remote) => {
      if (this._state !== LISTENING || this._isBlocked(remote)) return;
      endpoint.handleDatagram(datagram, remote);
    });
    try {
      server._arriving.announceSome();
    } finally {
      endpoint.settle();
      server.emit('listening');
    }
  }

  _isBlocked({ address }) {
    return this._blockList !== undefined && isBlocked(this._blockList, withoutMapping(address));
  }

  // How it ends

  _onError(error) {
    if (this._state === LISTENING && PEER_ERRORS.has(error.code)) return;
    if (this._state !== CLOSING) this._fail(error);
  }

  /** The server cannot go on: 'error', then 'close'. */
  _fail(error) {
    try {
      this.shutDown();
    } finally {
      this._server.emit('error', error);
    }
  }

  /** Says goodbye to every peer, and closes the UDP socket when that has left. */
  shutDown() {
    this._beginClosing();
    this._offer?.close();
    const sockets = this._sockets();
    endAll(sockets);
    if (this._udp === null) {
      if (!this._isResolving) process.nextTick(() => this._onClose());
      return;
    }
    const areGone = () => this._server._endpoint.connections.size === 0;
    // A socket whose messages have not been read by then has had its time.
    closeWhenSent(this._udp, areGone, () => destroyAll(sockets));
  }

  /**
   * These connections have left for another process. So does the UDP socket: what arrives in this very tick is for others
   * to read.
   */
  leave(departed) {
    this._beginClosing();
    this._departed = departed;
    for (const socket of departed) socket._goElsewhere();
    endAll(this._sockets());
    this._udp.close();
  }

  /** Nothing begins any more. */
  _beginClosing() {
    this._state = CLOSING;
    this._server._questions.withdrawAll();
    this._server._moves.clear();
    this._server._arriving.leave();
  }

  _sockets() {
    return [...this._server._endpoint.connections.values()];
  }

  /** Comes also when the application has closed dgramSocket itself. */
  _onClose() {
    const server = this._server;
    server._endpoint.dispose();
    this._offer?.close();
    if (this._departed.length > 0) {
      // What waits for them in another process must not wait for this.
      setImmediate(destroyDeparted, this);
      return;
    }
    if (this._offer?.delays(() => this._onClose())) return;
    server._arriving.leave();
    destroyAll(this._sockets());
    server._fleet?.close();
    this._udp = null;
    this._fd = undefined;
    this._offer = null;
    server.dgramSocket = null;
    this._state = IDLE;
    server.emit('close');
  }
}

function destroyDeparted(serverUdp) {
  destroyAll(serverUdp._departed.splice(-DEPARTED_TURN));
  serverUdp._onClose();
}

function endAll(sockets) {
  for (const socket of sockets) {
    if (socket.connected) socket.end();
    else socket.destroy();
  }
}

function destroyAll(sockets) {
  for (const socket of sockets) socket.destroy();
}

module.exports = { ServerUdp };
