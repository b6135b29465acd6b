'use strict';

// Datagrams that arrive, in batches and in turns. In each round of the event loop, the native object receives as much
// as two milliseconds allow, listeners included; then others have their turn.

const process = require('node:process');
const { markAsUntransferable } = require('node:worker_threads');

const { familyOf } = require('./addresses');
const { registers: layout } = require('./layout');
const { outgoing } = require('./outgoing');

const { COUNT, MORE, PAYLOADS, PAYLOAD_LENGTH } = layout;
const { PAYLOAD_CONNECTION, PAYLOAD_DATAGRAM, PAYLOAD_END } = layout;

/** Milliseconds per round of the event loop spent receiving before yielding. */
const TURN = 2;

/** Datagrams that are shown to other listeners in one round of the event loop. */
const SHOWN = 64;

/** Milliseconds after which the native object hands over what it has received, because handshakes take their time. */
const BATCH = 1;

// The ways to receive, made once: this is the hot path.
const receive = (native, datagram, remote, drains) => native.receive(datagram, remote.address, remote.port, drains);
const receiveMore = (native, _datagram, _remote, drains) => native.receiveMore(drains);
const hold = (native) => native.hold();
const inject = (native, datagram, remote) => native.inject(datagram, remote.address, remote.port);
const injectParcel = (native, parcel, { relay, isSameMachine }) => native.injectParcel(parcel, relay, isSameMachine);

class Turns {
  /**
   * @param {import('./endpoint').Endpoint} endpoint
   * @param {object} native of the endpoint
   */
  constructor(endpoint, native) {
    this._endpoint = endpoint;
    this._native = native;
    /** How often datagrams have come. */
    this.arrivals = 0;
    // The payloads that are being delivered, how many have been, and the datagrams that must not come between them.
    this._batch = null;
    this._delivered = 0;
    this._deferred = [];
    // Whether enough has been received in this round of the event loop.
    this._hadTurn = false;
    // Whether datagrams have arrived where Node does not look, and wait for the next turn.
    this._hasArrivals = false;
  }

  /** Whether some have arrived and wait for their turn. */
  get hasMore() {
    return this._endpoint.registers[MORE] === 1 || this._hasArrivals;
  }

  /** Whether payloads are being delivered. */
  get isDelivering() {
    return this._batch !== null;
  }

  /** Takes one datagram from the UDP socket and whatever else has arrived. */
  handleDatagram(datagram, remote) {
    if (this._endpoint.udp === null) return;
    this.arrivals++;
    this._endpoint.watchDrops();
    if (this._batch !== null) {
      // It is not Node's: a listener has brought it.
      this._deferred.push([receive, datagram, remote]);
      return;
    }
    const isLate = this._hadTurn;
    this._takeTurn(receive, datagram, remote, !isLate && this._mayDrain());
    // Listeners have run if too much was held: whether the socket is still ours is asked after that.
    if (isLate && this._mayDrain()) this._holdOthers();
  }

  /** Takes a datagram that another node has received. */
  inject(datagram, remote) {
    this._bring(inject, datagram, remote);
  }

  /** Takes what another node has received. */
  injectParcel(parcel, from) {
    this._bring(injectParcel, parcel, from);
  }

  _bring(how, what, from) {
    if (this._endpoint.udp === null) return;
    if (this._batch === null) this._handle(how, what, from, false);
    else this._deferred.push([how, what, from]);
  }

  /** Takes what has arrived where Node does not look. */
  handleArrivals() {
    if (this._endpoint.udp === null) return;
    this.arrivals++;
    this._hasArrivals = true;
    this._resumeTurn();
  }

  /** Hands what has arrived there to all listeners of the UDP socket, as Node does with the rest. */
  _showArrivals() {
    const { udp } = this._endpoint;
    let isThrough = false;
    try {
      for (let count = 0; count < SHOWN; count++) {
        const shown = this._native.show();
        if (shown === null) {
          isThrough = true;
          return;
        }
        const { address, datagram, port } = shown;
        udp.emit('message', datagram, { address, family: familyOf(address), port, size: datagram.length });
      }
    } finally {
      if (!isThrough) {
        this._hasArrivals = true;
        setImmediate(resumeTurn, this);
      }
    }
  }

  /**
   * Receives, then takes what has arrived behind that until the turn is over. What a listener interrupts goes on later.
   */
  _takeTurn(first, datagram, remote, drains) {
    const { registers } = this._endpoint;
    const end = performance.now() + TURN;
    let isInterrupted = true;
    try {
      this._handle(first, datagram, remote, drains);
      while (registers[MORE] === 1 && !this._hadTurn) {
        const mayDrain = this._mayDrain();
        if (performance.now() >= end) this._endTurn(mayDrain);
        else this._handle(receiveMore, null, null, mayDrain);
      }
      isInterrupted = false;
    } finally {
      if (isInterrupted) setImmediate(resumeTurn, this);
    }
  }

  _endTurn(mayDrain) {
    this._hadTurn = true;
    setImmediate(endTurn, this);
    if (mayDrain) this._holdOthers();
  }

  /**
   * Takes what has arrived from the system, for the next turn. Otherwise Node would hand it over, one datagram after the other,
   * before it turns to others.
   */
  _holdOthers() {
    this._handle(hold, null, null, true);
  }

  /** Delivers what has been taken from the UDP socket, and takes no more from it. */
  finish() {
    if (this._batch !== null) this._deliver();
    for (const [how, what, from] of this._deferred.splice(0)) this._handle(how, what, from, false);
    while (this._endpoint.registers[MORE] === 1) this._handle(receiveMore, null, null, false);
  }

  /** In the next round of the event loop, unless a datagram has come first. */
  _resumeTurn() {
    const { udp, registers } = this._endpoint;
    if (this._hadTurn || udp === null || !this.hasMore) return;
    // A batch that was interrupted is still being delivered.
    if (this._batch !== null) {
      setImmediate(resumeTurn, this);
      return;
    }
    const mayDrain = this._mayDrain();
    const showsArrivals = this._hasArrivals && !mayDrain;
    this._hasArrivals = false;
    if (mayDrain || registers[MORE] === 1) this._takeTurn(receiveMore, null, null, mayDrain);
    if (showsArrivals) this._showArrivals();
  }

  /** Other listeners to the UDP socket want to see every datagram, and the owner may. */
  _mayDrain() {
    const { isDirect, showsEach, udp } = this._endpoint;
    return isDirect && !showsEach && udp.listenerCount('message') === 1;
  }

  _handle(how, datagram, remote, drains) {
    let payloads;
    try {
      payloads = how(this._native, datagram, remote, drains);
    } catch (error) {
      this._endpoint.warn(error);
      return;
    }
    if (payloads !== undefined) {
      // This memory holds messages of several connections. A listener that transferred it to another thread would empty all of them.
      markAsUntransferable(payloads.buffer);
      this._batch = payloads;
      this._deliver();
    }
    this._endpoint.settle();
  }

  /**
   * Hands out the payloads of a batch. When a listener throws, Node gets the exception, and the others get their
   * payloads in the next tick: a second exception would hide the first.
   */
  _deliver() {
    const { _endpoint: endpoint, _batch: batch } = this;
    const { registers } = endpoint;
    const count = registers[COUNT];
    let isWhole = false;
    if (endpoint.isDirect) outgoing.open(endpoint, this._native);
    try {
      while (this._delivered < count) {
        const entry = PAYLOADS + PAYLOAD_LENGTH * this._delivered++;
        const start = entry === PAYLOADS ? 0 : registers[entry - PAYLOAD_LENGTH + PAYLOAD_END];
        const payload = count === 1 ? batch : batch.subarray(start, registers[entry + PAYLOAD_END]);
        const socket = endpoint.socketOf(registers[entry + PAYLOAD_CONNECTION]);
        socket?._scope.runInAsyncScope(socket._onMessage, socket, payload, registers[entry + PAYLOAD_DATAGRAM]);
      }
      isWhole = true;
    } finally {
      outgoing.close(endpoint);
      if (!isWhole) process.nextTick(deliverRest, this);
    }
    this._batch = null;
    this._delivered = 0;
    if (this._deferred.length > 0) process.nextTick(handleDeferred, this);
  }
}

function deliverRest(turns) {
  turns._deliver();
  turns._endpoint.settle();
}

function endTurn(turns) {
  turns._hadTurn = false;
  setImmediate(resumeTurn, turns);
}

function resumeTurn(turns) {
  turns._resumeTurn();
}

function handleDeferred(turns) {
  for (const [how, what, from] of turns._deferred.splice(0)) {
    if (how === receive) turns.handleDatagram(what, from);
    else turns._bring(how, what, from);
  }
}

module.exports = { BATCH, Turns };
