'use strict';

// Where the native object and JavaScript meet: the datagrams of one UDP socket go in, datagrams and events come out,
// and there is one timer. Every server and every client owns one Endpoint.
//
// Node polls the UDP socket and reports what has arrived first. Where udp.js has let the native object make the socket,
// the native object receives the rest and sends by itself; what the system does not take at once goes through
// node:dgram's queue. On other sockets everything goes through node:dgram.
//
// The native object never calls back; the waker reports that other threads have done something for it. Every call into
// it may leave output behind and move its deadline. The registers say so, and settle() follows every call.

const process = require('node:process');

const { AsyncScope } = require('../async-scope');
const { channels } = require('../diagnostics');
const { fromNative } = require('../errors');
const { refusal } = require('../options/key-material');
const { MAX_DELAY } = require('../options/validate');
const { BriefEvents } = require('./brief');
const { registers: layout } = require('./layout');
const { outgoing } = require('./outgoing');
const { Sender } = require('./sender');
const { Timer } = require('./timer');
const { Turns } = require('./turns');
const waker = require('./waker');

const { LENGTH, CONNECTION_IDS, DROPS, DUE, EVENTS, JOBS, NOW, PARCELS, TRACE, TRANSMITS, WAITING } = layout;

/** What the answers to these questions are about is the name of the property that they stand in. */
const OBJECTS = new Set(['ownPsk', 'session', 'restore', 'move']);

class Endpoint {
  /**
   * @param {Function} NativeClass NativeServer or NativeClient
   * @param {object} options its options
   * @param {object} owner with `_questions`, _role(), _find(handle), _onConnection(event) and _onMoved(event) as far as they
   *   can happen, and _onSendError(error, endpoint) or null in its place
   * @param {{ eventSlots: number, threads?: number, makeIds?: Function }} settings how many brief events can wait; how many
   *   threads take heavy steps of handshakes, where the machine decides when `threads` is undefined; and what makes connection
   *   IDs, if the application does
   * @throws {DtlsError} when the native object refuses the key material
   */
  constructor(NativeClass, options, owner, { eventSlots, threads, makeIds }) {
    this.registers = new Float64Array(LENGTH);
    this.registers[DUE] = Infinity;
    /** handle -> socket */
    this.connections = new Map();
    /** The node:dgram socket, null when there is none. */
    this.udp = null;
    /** Whether the native object receives and sends by itself. */
    this.isDirect = false;
    /** Whether the UDP socket is connected to the one peer. */
    this.isConnected = false;
    /** Whether the owner wants to see each datagram, so that none may be received behind its back. */
    this.showsEach = false;
    this._owner = owner;
    this._sender = new Sender(this);
    this._onTransmitted = owner._onSendError === null ? undefined : (error) => error && owner._onSendError(error, this);
    this._draining = false;
    /** By which the waker reports datagrams that have arrived where Node does not look; 0 when none can. */
    this._watched = 0;
    this._brief = new BriefEvents(eventSlots);
    this._warned = false;
    this._logsKeys = false;
    this._watchesDrops = false;
    const [wakes, number, limit] = waker.register(threads);
    this._number = number;
    try {
      this._native = new NativeClass(options, this.registers, this._brief.bytes, wakes, number, limit);
    } catch (error) {
      throw refusal(error, options);
    }
    /** Where the application makes them. */
    this._ids = makeIds === undefined ? null : makeIds(this._native);
    this._turns = new Turns(this, this._native);
    this._timer = new Timer(this._turns, () => this._handleTimeout());
  }

  /** The native object, after everything that has been written so far. */
  get native() {
    outgoing.flush(this);
    return this._native;
  }

  /** Takes one datagram from the UDP socket, and whatever else has arrived. */
  handleDatagram(datagram, remote) {
    this._turns.handleDatagram(datagram, remote);
  }

  /** Takes a datagram that another node has received. */
  inject(datagram, remote) {
    this._turns.inject(datagram, remote);
  }

  /**
   * Takes a parcel of them.
   *
   * @param {Uint8Array} parcel
   * @param {{ relay?: number, isSameMachine: boolean }} from `relay`: the node that answers go through; they leave from here
   *   where it is undefined. `isSameMachine`: whether it has the same addresses as this one
   */
  injectParcel(parcel, from) {
    this._turns.injectParcel(parcel, from);
  }

  /** Sends the answers of another node from here. */
  sendParcel(parcel) {
    if (this.udp === null || this.native.sendParcel(parcel)) return;
    for (const { datagram, address, port } of this.native.unpack(parcel)) {
      this._sender.send(datagram, port, address, this._onTransmitted);
    }
  }

  /** Datagrams have arrived where Node does not look. */
  handleArrivals() {
    this._turns.handleArrivals();
  }

  /** Delivers what has been taken from the UDP socket, because the next one who takes something is somebody else. */
  finishReceiving() {
    this._turns.finish();
  }

  /** Seals and sends one payload; calls back when the next one may come. */
  send(socket, payload, callback) {
    if (this._turns.isDelivering && this._sendLater(socket, payload)) {
      callback();
      return;
    }
    let sent;
    try {
      sent = this.native.send(socket._handle, payload);
    } catch (error) {
      this._onUnsent(socket, payload, error, callback);
      return;
    }
    if (typeof sent === 'number') {
      callback();
    } else {
      this._sender.sendPayload(sent, socket.remotePort, socket.remoteAddress, callback);
      sent = sent.length;
    }
    this.settle();
    // This comes last, so that a listener that throws leaves nothing undone.
    if (socket.listenerCount('send') > 0) socket.emit('send', sent);
  }

  /** @returns {boolean} whether the payload leaves with the others that are written while a batch is delivered */
  _sendLater(socket, payload) {
    if (this._sender.isCongested || socket.listenerCount('send') > 0) return false;
    return payload.length <= socket._longestMessage() && outgoing.put(this, socket._handle, payload);
  }

  _onUnsent(socket, payload, error, callback) {
    const peer = { address: socket.remoteAddress, port: socket.remotePort };
    switch (error.code) {
      // The connection is closed, and the event that says so has not come yet: the payload is discarded (RFC 5246,
      // 7.2.1).
      case 'ERR_DTLS_NOT_CONNECTED':
        callback();
        break;
      case 'ERR_DTLS_PAYLOAD_TOO_LARGE':
        socket._refuse(payload, fromNative(error, peer));
        callback();
        break;
      case 'ERR_DTLS_NO_RECORD_NUMBERS':
        socket._refuseUnnumbered(payload, fromNative(error, peer));
        callback();
        break;
      default:
        callback(fromNative(error, peer));
    }
    this.settle();
  }

  /** Opens the only connection of a client, and answers its handle. */
  connect(socket, address, port) {
    this._ids?.refill();
    const handle = this.native.connect(address, port);
    this.connections.set(handle, socket);
    this.settle();
    return handle;
  }

  /** The socket of a connection, which may be made only now; undefined when the connection is over. */
  socketOf(handle) {
    return this.connections.get(handle) ?? this._owner._find(handle);
  }

  /** Ends a connection, with close_notify or without. Its 'closed' event follows, unless it has come already. */
  close(handle, sayGoodbye) {
    if (sayGoodbye) this.native.close(handle);
    else this.native.abort(handle);
    this.settle();
  }

  /**
   * Answers a question of the native object. What follows is dispatched by settle().
   *
   * @param {{ question: number, about: string }} event that has asked
   * @param {unknown} value as the native object wants it
   * @returns {number} 0 when the answer comes too late or nothing goes on; for 'restore', the connection that goes on
   */
  answer({ question, about }, value) {
    const isObject = value !== null && OBJECTS.has(about) && !(value instanceof Uint8Array);
    return this.native.answer(question, isObject ? { [about]: value } : value);
  }

  /** Ends what the question is about, with a reason. */
  fail({ question }, message) {
    this.native.fail(question, message);
  }

  /** Says which questions somebody would answer. */
  ask(wanted) {
    this.native.ask(wanted);
  }

  /** Says whether somebody wants the keys of handshakes. */
  logKeys(isWanted) {
    if (this._logsKeys === isWanted) return;
    this._logsKeys = isWanted;
    this.native.logKeys(isWanted);
  }

  /** Whether other threads have steps of handshakes. */
  get hasJobs() {
    return this.registers[JOBS] === 1;
  }

  /** Other threads have done something for handshakes. */
  handleJobs() {
    try {
      this.native.handleJobs();
    } catch (error) {
      this.warn(error);
    }
    this.settle();
  }

  /** Datagrams go in and out from now on. */
  use(udp, isDirect, isConnected = false) {
    if (this.udp === null && this._number !== 0) waker.open();
    this.udp = udp;
    this.isDirect = isDirect;
    this.isConnected = isConnected;
    if (isDirect && isConnected) this.native.noteConnectedUdp();
  }

  /**
   * Has answers leave from the address that was asked, on a UDP socket that is bound to several.
   *
   * @returns {boolean} false where the system does not tell which that is
   */
  tellAddressesApart() {
    if (!this.isDirect) return false;
    const [wakes, number] = waker.watch(this);
    const isTold = this.native.tellAddressesApart(wakes, number);
    if (isTold) this._watched = number;
    else waker.unwatch(number);
    return isTold;
  }

  /** Nothing goes in or out any more. */
  dispose() {
    waker.unwatch(this._watched);
    this._watched = 0;
    if (this.udp !== null && this._number !== 0) waker.close(this._number);
    this.udp = null;
    this.isDirect = false;
    this.isConnected = false;
    this.native.releaseUdp();
    this._timer.stop();
  }

  settle() {
    const registers = this.registers;
    try {
      if (registers[WAITING] !== 0 || !this._brief.isEmpty) this._drain();
    } finally {
      // This comes last, because sending and dispatching call into the native object too.
      if (registers[JOBS] === 1) waker.expect(this._number, this);
      if (registers[DUE] < this._timer.due) this._arm();
    }
  }

  /**
   * Sends what waits to be sent, then dispatches what has happened. Whatever a listener calls may come back here: a
   * nested drain sends, so that datagrams keep their order, and leaves the events to the outer one, so that events keep
   * theirs. When a listener throws, Node gets the exception, and the rest follows in the next tick.
   */
  _drain() {
    this._transmit();
    if ((this.registers[WAITING] & TRACE) !== 0) this._trace();
    if ((this.registers[WAITING] & CONNECTION_IDS) !== 0) this._ids.refill();
    if ((this.registers[WAITING] & PARCELS) !== 0) this._forward();
    if ((this.registers[WAITING] & DROPS) !== 0) this._publishDrops();
    // The payloads of a batch are older than its events.
    if (this._draining || this._turns.isDelivering) return;
    this._draining = true;
    try {
      for (let event = this._nextEvent(); event !== null; event = this._nextEvent()) {
        this._dispatch(event);
        this._transmit();
      }
    } finally {
      this._draining = false;
      if (this.registers[WAITING] !== 0 || !this._brief.isEmpty) process.nextTick(settleLater, this);
    }
  }

  _nextEvent() {
    const event = this._brief.read();
    if (event !== null || (this.registers[WAITING] & EVENTS) === 0) return event;
    return this._native.pollEvent() ?? this._brief.read();
  }

  _transmit() {
    while ((this.registers[WAITING] & TRANSMITS) !== 0) {
      const transmit = this._native.pollTransmit();
      if (transmit === null) break;
      this._sender.send(transmit.datagram, transmit.port, transmit.address, this._onTransmitted);
    }
  }

  /** Datagrams for other nodes. */
  _forward() {
    for (let parcel = this._native.pollParcel(); parcel !== null; parcel = this._native.pollParcel()) {
      this._owner._onParcel(parcel);
    }
  }

  /** Lines for whoever watches, with `debug`. They are not events, and keep nothing waiting. */
  _trace() {
    for (let line = this._native.pollTrace(); line !== null; line = this._native.pollTrace()) {
      process.stderr.write(`mbed-dtls ${new Date().toISOString()} ${line}\n`);
    }
  }

  /** What is dropped is of interest only as long as somebody has subscribed to it. */
  watchDrops() {
    const isWanted = channels.dropped.hasSubscribers;
    if (isWanted === this._watchesDrops) return;
    this._watchesDrops = isWanted;
    this.native.watchDrops(isWanted);
  }

  _publishDrops() {
    for (let drop = this._native.pollDrop(); drop !== null; drop = this._native.pollDrop()) {
      channels.dropped.publish({ ...this._owner._role(), ...drop });
    }
  }

  /**
   * Tells whom an event is about, in the asynchronous context of its connection: what a listener enters must not leak to
   * the next one. A new connection brings its context with it; what has no connection has a context of its own.
   */
  _dispatch(event) {
    if (event.kind === 'connection') {
      this._owner._onConnection(event);
      return;
    }
    const socket = this.socketOf(event.connection);
    const scope = socket?._scope ?? new AsyncScope('DTLSEVENT');
    scope.runInAsyncScope(this._tell, this, event, socket);
  }

  _tell(event, socket) {
    switch (event.kind) {
      case 'data':
        socket?._onMessage(event.data, event.data.length);
        break;
      case 'question':
        this._owner._questions.onQuestion(event);
        break;
      case 'questionExpired':
        this._owner._questions.onExpired(event.question);
        break;
      case 'keylog':
        socket?._onKeyLog(event.data);
        break;
      case 'secure':
        socket?._onSecure(event);
        break;
      case 'session':
        socket?._announceSession();
        break;
      case 'newSession':
        this._owner._onNewSession(event);
        break;
      case 'sessionEnded':
        this._owner._onSessionEnded(event);
        break;
      case 'closed':
        this.connections.delete(event.connection);
        socket?._onClosed(event);
        break;
      case 'moved':
        this._owner._onMoved(event);
        break;
      case 'copyDue':
        if (socket === undefined) break;
        // There may be other keys, which have numbers of their own.
        socket._lacksNumbers = false;
        this._owner._onCopyDue(socket);
        break;
      case 'clockBehind':
        this._owner._questions.onClockBehind(event);
        break;
    }
  }

  _arm() {
    if (this.udp === null) return;
    const due = this.registers[DUE];
    this._timer.arm(due, Math.min(Math.max(Math.ceil(due - this.registers[NOW]), 1), MAX_DELAY));
  }

  _handleTimeout() {
    try {
      this.native.handleTimeout();
    } catch (error) {
      this.warn(error);
    }
    this.settle();
  }

  /**
   * A panic of the native object arrives here as an exception. No peer may end the process with one: it is only
   * reported.
   */
  warn(error) {
    if (this._warned) return;
    this._warned = true;
    process.emitWarning(`The DTLS engine failed on a datagram or timer, which was dropped: ${error.message}`, {
      type: 'DtlsWarning',
      code: 'ERR_DTLS_INTERNAL',
    });
  }
}

function settleLater(endpoint) {
  endpoint.settle();
}

module.exports = { Endpoint };
