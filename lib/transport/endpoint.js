'use strict';

// The seam between the native object and everything in JS: one UDP socket's datagrams in, datagrams and events out, one
// timer. Server and client own one Endpoint each.
//
// Node polls the UDP socket and says when something has arrived. Where udp.js has let the native object make the
// socket, that takes the rest from it, and sends on it, by itself; what the system does not take at once goes through
// node:dgram's queue. On other sockets everything goes through node:dgram.
//
// The native object never calls back; what other threads have done for it, a bell says. Every call into it may leave
// output behind and move its deadline, and says so in the registers; so every call is followed by settle().

const process = require('node:process');

const { expect, listen } = require('./waker');
const { BriefEvents } = require('./brief');
const { fromNative } = require('../errors');
const { outgoing } = require('./outgoing');
const { queuedDatagrams } = require('./udp');
const { MAX_DELAY } = require('../options/validate');

// The registers, see src/binding/driver.rs: rewritten by every native call before it returns.
const WAITING = 0;
const DUE = 1;
const NOW = 2;
// Payloads of the last batch; from PAYLOADS on, three registers each.
const COUNT = 3;
// Whether more may have arrived.
const MORE = 4;
// Whether other threads have steps of handshakes.
const JOBS = 5;
const PAYLOADS = 6;
const BATCH_LIMIT = 64;
const REGISTERS = PAYLOADS + 3 * BATCH_LIMIT;

// Bits of registers[WAITING]; of events, those that are not in brief.js.
const TRANSMITS = 1;
const EVENTS = 2;

/** For so long, in each round of the event loop, datagrams are taken in batches, ms; then others have their turn. */
const TURN = 2;

/** While fewer bytes than this wait for the kernel in the UDP socket, a write is finished at once. */
const SEND_QUEUE_TARGET = 65_536;

class Endpoint {
  /**
   * @param {Function} NativeClass DtlsServer or DtlsClient of the addon
   * @param {object} options its options
   * @param {object} owner with `_questions`, _onConnection(event) and _onMoved(event) as far as they can happen, and
   *   _onSendError(error) or null in its place
   * @param {{ eventSlots: number, threads?: number }} settings how many brief events can wait; threads for heavy steps of
   *   handshakes, without as the machine suggests
   * @throws {DtlsError} when the native object refuses the key material
   */
  constructor(NativeClass, options, owner, { eventSlots, threads }) {
    this.registers = new Float64Array(REGISTERS);
    this.registers[DUE] = Infinity;
    this.connections = new Map();
    this.udp = null;
    this._owner = owner;
    // The payloads that are being delivered, how far that has come, and what may not come between them.
    this._batch = null;
    this._delivered = 0;
    this._deferred = [];
    // Whether enough has been received in this round of the event loop.
    this._hadTurn = false;
    // The native object sends by itself, unless something waits in Node's queue, which must not be overtaken.
    this._isDirect = false;
    this._isCongested = false;
    this._onTransmitted = owner._onSendError === null ? undefined : (error) => error && owner._onSendError(error);
    this._timer = null;
    this._armedFor = Infinity;
    this._draining = false;
    this._brief = new BriefEvents(eventSlots);
    this._warned = false;
    const [bell, number, limit] = listen(threads);
    this._number = number;
    try {
      const registers = Buffer.from(this.registers.buffer);
      this._native = new NativeClass(options, registers, this._brief.bytes, bell, number, limit);
    } catch (error) {
      throw fromNative(error);
    }
  }

  /** The native object, as if everything that was written had been sent at once. */
  get native() {
    outgoing.flush(this, this._native);
    return this._native;
  }

  /** Takes one datagram from the UDP socket, and whatever else has arrived. This is the hot path. */
  handleDatagram(datagram, remote) {
    if (this.udp === null) return;
    if (this._batch !== null) {
      // Not Node's: a listener has brought it.
      this._deferred.push([datagram, remote]);
      return;
    }
    const drains = !this._hadTurn && this._mayDrain();
    this._takeTurn(() => this._native.receive(datagram, remote.address, remote.port, drains));
  }

  /** Receives, then takes what has arrived behind that until the turn is over. What a listener interrupts goes on later. */
  _takeTurn(receive) {
    const end = performance.now() + TURN;
    let isInterrupted = true;
    try {
      this._handle(receive);
      while (this.registers[MORE] === 1 && !this._hadTurn) {
        const drains = this._mayDrain();
        if (performance.now() >= end) this._endTurn(drains);
        else this._handle(() => this._native.receiveMore(drains));
      }
      isInterrupted = false;
    } finally {
      if (isInterrupted) setImmediate(resumeTurn, this);
    }
  }

  _endTurn(drains) {
    this._hadTurn = true;
    setImmediate(endTurn, this);
    // Node would go on to hand over what is there, one by one, before it turns to others.
    if (drains) this._handle(() => this._native.hold());
  }

  /** In the next round of the event loop, unless a datagram has come first. */
  _resumeTurn() {
    if (this._hadTurn || this.udp === null || this.registers[MORE] === 0) return;
    // A batch that was interrupted is still being delivered.
    if (this._batch !== null) setImmediate(resumeTurn, this);
    else this._takeTurn(() => this._native.receiveMore(this._mayDrain()));
  }

  /** Whoever else listens wants to see every datagram. */
  _mayDrain() {
    return this._isDirect && this.udp.listenerCount('message') === 1;
  }

  _handle(receive) {
    let payloads;
    try {
      payloads = receive();
    } catch (error) {
      this._warn(error);
      return;
    }
    if (payloads !== undefined) {
      this._batch = payloads;
      this._deliver();
    }
    this.settle();
  }

  /**
   * Hands out the payloads of a batch. When a listener throws, Node gets the exception, and the others their payloads in
   * the next tick: a second exception would hide the first.
   */
  _deliver() {
    const { registers, connections, _batch: batch } = this;
    const count = registers[COUNT];
    let isWhole = false;
    if (this._isDirect) outgoing.open(this);
    try {
      while (this._delivered < count) {
        const entry = PAYLOADS + 3 * this._delivered++;
        const start = entry === PAYLOADS ? 0 : registers[entry - 2];
        const payload = count === 1 ? batch : batch.subarray(start, registers[entry + 1]);
        connections.get(registers[entry])?._onMessage(payload, registers[entry + 2]);
      }
      isWhole = true;
    } finally {
      outgoing.close(this, this._native);
      if (!isWhole) process.nextTick(deliver, this);
    }
    this._batch = null;
    this._delivered = 0;
    if (this._deferred.length > 0) process.nextTick(handleDeferred, this);
  }

  /** Seals and sends one payload; calls back when the next one may come. */
  send(socket, payload, callback) {
    if (this._batch !== null && this._sendLater(socket, payload)) {
      callback();
      return;
    }
    let sent;
    try {
      sent = this.native.send(socket._handle, payload);
    } catch (error) {
      // Closed, and the event that says so is still on its way: what was to be sent is discarded (RFC 5246, 7.2.1).
      const discarded = error.code === 'ERR_DTLS_NOT_CONNECTED';
      callback(discarded ? null : fromNative(error, { address: socket.remoteAddress, port: socket.remotePort }));
      this.settle();
      return;
    }
    if (typeof sent === 'number') {
      callback();
    } else {
      this._sendThroughNode(sent, socket, callback);
      sent = sent.length;
    }
    this.settle();
    // Last: a listener that throws leaves nothing undone.
    if (socket.listenerCount('send') > 0) socket.emit('send', sent);
  }

  /** With the rest of what is written while a batch is delivered. Answers whether that will do. */
  _sendLater(socket, payload) {
    if (this._isCongested || socket.listenerCount('send') > 0) return false;
    socket._payloadLimit ||= this.native.payloadLimit(socket._handle);
    return payload.length <= socket._payloadLimit && outgoing.put(this, socket._handle, payload);
  }

  _sendThroughNode(datagram, socket, callback) {
    if (this._isSendQueueShort()) {
      this._send(datagram, socket.remotePort, socket.remoteAddress, undefined);
      callback();
    } else {
      // A datagram that the kernel refuses is a lost datagram, which is DTLS's daily bread: no error.
      this._send(datagram, socket.remotePort, socket.remoteAddress, () => callback());
    }
  }

  /** Opens the only connection of a client. */
  connect(socket, address, port) {
    const handle = this.native.connect(address, port);
    this.connections.set(handle, socket);
    socket._handle = handle;
    this.settle();
  }

  /** Ends a connection, with close_notify or without. Its 'closed' event follows, if it has not been there already. */
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
    return Number(ADAPTER[about].answer(this.native, question, value));
  }

  /** Ends what the question is about, with a reason. */
  fail({ question }, message) {
    this.native.failLookup(question, message);
  }

  /** Says which questions somebody would answer. */
  ask(wanted) {
    const { native } = this;
    native.ask(wanted.includes('restore'), wanted.includes('move'));
    native.askForResumption(wanted.includes('session'));
    native.askByHello(wanted.includes('context'), wanted.includes('protocol'));
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
      this._warn(error);
    }
    this.settle();
  }

  /** Datagrams go in and out from now on. */
  use(udp, isDirect) {
    this.udp = udp;
    this._isDirect = isDirect;
  }

  /** Nothing goes in or out any more. */
  dispose() {
    this.udp = null;
    this._isDirect = false;
    this.native.releaseUdp();
    clearTimeout(this._timer);
    this._timer = null;
    this._armedFor = Infinity;
  }

  settle() {
    const registers = this.registers;
    try {
      if (registers[WAITING] !== 0 || !this._brief.isEmpty) this._drain();
    } finally {
      // Last: to send and to dispatch are calls, too.
      if (registers[JOBS] === 1) expect(this._number, this);
      if (registers[DUE] < this._armedFor) this._arm();
    }
  }

  /**
   * Sends what waits to be sent, then dispatches what has happened. Listeners may come back here by anything they call:
   * a nested drain sends, so that datagrams keep their order, and leaves the events to the outer one, so that events
   * keep theirs. A listener that throws takes the exception where Node takes it; the rest follows in the next tick.
   */
  _drain() {
    this._transmit();
    // The payloads of a batch are older than its events.
    if (this._draining || this._batch !== null) return;
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
    return adapted(this._native.pollEvent()) ?? this._brief.read();
  }

  _transmit() {
    while ((this.registers[WAITING] & TRANSMITS) !== 0) {
      const transmit = this._native.pollTransmit();
      if (transmit === null) break;
      this._send(transmit.datagram, transmit.port, transmit.address, this._onTransmitted);
    }
  }

  _dispatch(event) {
    switch (event.kind) {
      case 'data':
        this.connections.get(event.connection)?._onMessage(event.data, event.data.length);
        break;
      case 'connection':
        this._owner._onConnection(event);
        break;
      case 'question':
        this._owner._questions.onQuestion(event);
        break;
      case 'questionExpired':
        this._owner._questions.onExpired(event.question);
        break;
      case 'secure':
        this.connections.get(event.connection)?._onSecure(event);
        break;
      case 'closed': {
        const socket = this.connections.get(event.connection);
        this.connections.delete(event.connection);
        socket?._onClosed(event);
        break;
      }
      case 'moved':
        this._owner._onMoved(event);
        break;
      case 'trace':
        process.stderr.write(`mbed-dtls ${event.message}\n`);
        break;
    }
  }

  _isSendQueueShort() {
    try {
      return this.udp === null || this.udp.getSendQueueSize() < SEND_QUEUE_TARGET;
    } catch {
      // The UDP socket has been closed under us; _send() will find out too.
      return true;
    }
  }

  /**
   * A datagram that cannot be sent is a lost datagram: this neither throws nor keeps a callback waiting.
   *
   * @param {((error: Error | null) => void) | undefined} callback
   */
  _send(datagram, port, address, callback) {
    if (this._isDirect) this._setCongested(true);
    const whenSent = this._isDirect ? (error) => this._onSent(error, callback) : callback;
    try {
      if (this.udp !== null) this.udp.send(datagram, port, address, whenSent);
      else if (whenSent !== undefined) process.nextTick(whenSent, null);
    } catch (error) {
      if (whenSent !== undefined) process.nextTick(whenSent, error);
    }
  }

  _onSent(error, callback) {
    if (this.udp === null || queuedDatagrams(this.udp) === 0) this._setCongested(false);
    callback?.(error);
  }

  _setCongested(isCongested) {
    if (this._isCongested === isCongested) return;
    this._isCongested = isCongested;
    this.native.setCongested(isCongested);
  }

  /** The timer never keeps the process alive: the UDP socket does that, as long as its owner wants it to. */
  _arm() {
    if (this.udp === null) return;
    clearTimeout(this._timer);
    this._armedFor = this.registers[DUE];
    const delay = Math.min(Math.max(Math.ceil(this._armedFor - this.registers[NOW]), 1), MAX_DELAY);
    this._timer = setTimeout(handleTimeout, delay, this).unref();
  }

  /** A panic behind the boundary arrives here as an exception. No peer may end the process with one: drop, and say so. */
  _warn(error) {
    if (this._warned) return;
    this._warned = true;
    process.emitWarning(`The DTLS engine failed on a datagram or timer, which was dropped: ${error.message}`, {
      type: 'DtlsWarning',
      code: 'ERR_DTLS_INTERNAL',
    });
  }
}

/** What the native object calls questions and their answers today. */
const ADAPTER = {
  __proto__: null,
  context: { kind: 'configLookup', answer: (native, question, context) => native.answerConfig(question, context) },
  protocol: { kind: 'protocolLookup', answer: (native, question, name) => native.answerProtocol(question, name) },
  psk: { kind: 'pskLookup', answer: (native, question, key) => native.answerPsk(question, key) },
  ownPsk: { kind: 'identityLookup', answer: (native, question, own) => native.answerIdentity(question, own) },
  session: {
    kind: 'resumptionLookup',
    answer: (native, question, session) => native.answerResumption(question, session),
  },
  peer: { kind: 'peerLookup', answer: (native, question, accepted) => native.answerPeer(question, accepted) },
  restore: { kind: 'sessionLookup', answer: (native, question, saved) => native.answerSession(question, saved) },
  move: {
    kind: 'moveLookup',
    answer: (native, question, old) => native.answerMove(question, old?.address, old?.port),
  },
};

const ABOUT = new Map(Object.entries(ADAPTER).map(([about, { kind }]) => [kind, about]));

function adapted(event) {
  if (event === null) return null;
  const about = ABOUT.get(event.kind);
  if (about !== undefined) return Object.assign(event, { kind: 'question', about, question: event.lookup });
  if (event.kind === 'lookupExpired') return { kind: 'questionExpired', question: event.lookup };
  return event;
}

function settleLater(endpoint) {
  endpoint.settle();
}

function deliver(endpoint) {
  endpoint._deliver();
  endpoint.settle();
}

function endTurn(endpoint) {
  endpoint._hadTurn = false;
  setImmediate(resumeTurn, endpoint);
}

function resumeTurn(endpoint) {
  endpoint._resumeTurn();
}

function handleDeferred(endpoint) {
  for (const [datagram, remote] of endpoint._deferred.splice(0)) endpoint.handleDatagram(datagram, remote);
}

function handleTimeout(endpoint) {
  endpoint._timer = null;
  endpoint._armedFor = Infinity;
  try {
    endpoint.native.handleTimeout();
  } catch (error) {
    endpoint._warn(error);
  }
  endpoint.settle();
}

module.exports = { Endpoint };
