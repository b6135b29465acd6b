'use strict';

const process = require('node:process');

const { AsyncScope } = require('./async-scope');
const { channels } = require('./diagnostics');
const { DtlsError, fromNative, messageOf } = require('./errors');
const { MessageQueue } = require('./message-queue');
const { MessageStream } = require('./message-stream');
const { protocolName } = require('./options/negotiation');
const { NO_KEY, claimOf } = require('./peer-credentials');

const STREAM_OPTIONS = Object.freeze({
  allowHalfOpen: false,
  // A connection emits 'close' itself, with an argument.
  emitClose: false,
  readableObjectMode: true,
});

// States of a connection, in order.
const HANDSHAKE = 0;
const OPEN = 1;
const CLOSED = 2;

/**
 * The life of one DTLS connection, as a stream with datagram boundaries: one write is one datagram, one datagram is one
 * 'data'. A write that does not fit into one is an error of that write alone.
 *
 * Events, beside those of a Duplex: 'keylog'(line) when a handshake has keys; 'secureConnect' when it is over; 'send'(length) and 'receive'(length)
 * with the bytes of each datagram with payload; 'writeError'(error) when a write without callback was too long; on a server 'ipChanged'(old) when the peer has moved, and
 * 'reconnect'(socket) when a new handshake from its address takes its place; 'closing', and 'close'(hadError), once,
 * after 'end' or 'error'. 'error' has its message as second argument.
 */
class ConnectionStream extends MessageStream {
  /**
   * @param {object} endpoint whose native object holds the connection
   * @param {object} owner with _onSocketSecure(socket), _onHandshakeFailed(socket, error), _onSocketClosed(socket),
   *   _onKeyLogWanted() and _onKeyLog(lines, socket)
   * @param {{ sendClose: boolean, receiveQueueLimit: number }} settings
   */
  constructor(endpoint, owner, settings) {
    super(STREAM_OPTIONS);
    /** The server that accepted the connection, undefined on a client. */
    this.server = undefined;
    /** Peer's IP address, '192.0.2.1' on a dual-stack socket too; undefined until a client has resolved its host. */
    this.remoteAddress = undefined;
    /** Peer's UDP port. */
    this.remotePort = undefined;
    /** The name that the client asks for, false without one; undefined on a client. Nothing has proved it. */
    this.servername = undefined;
    /** Whether the peer has proved to be one that the options accept; false before the end of the handshake. */
    this.authorized = false;
    /** Code of the fault of a peer that `rejectUnauthorized: false` has let in; otherwise null. */
    this.authorizationError = null;
    /** Application protocol that ALPN has chosen, false without one; null before the end of the handshake. */
    this.alpnProtocol = null;
    /** Duration of the handshake, ms; undefined before its end. */
    this.handshakeTime = undefined;
    /** Messages dropped because nobody read them and `receiveQueueLimit` was reached. */
    this.messagesDropped = 0;
    /** Whether the peer is told when the connection is closed. */
    this.sendClose = settings.sendClose;
    /** Whether the keys come from a saved session. */
    this.resumed = false;

    // The asynchronous context in which the connection was made. Its events run in it, as those of a node:net socket do.
    this._scope = new AsyncScope('DTLSCONNECTION');
    // See setTimeout().
    this._idleTimer = null;
    this._endpoint = endpoint;
    this._owner = owner;
    this._settings = settings;
    this._handle = 0;
    this._state = HANDSHAKE;
    this._cipher = null;
    // A string with one character for each byte, until a Buffer is asked for: ten thousand Buffers take a megabyte
    // outside of the heap.
    this._identity = undefined;
    this._publicKey = NO_KEY;
    // What few handshakes have: a certificate of the peer, its issuers, an SRTP profile, a resumption.
    this._details = null;
    // Whether the readable side takes a message now. Otherwise a MessageQueue does, which is made when it is first
    // needed.
    this._wanted = true;
    this._queue = null;
    this._ending = false;
    // A write, or the end, that has come before the end of the handshake.
    this._held = null;
    // The last question to the application that the handshake has led to.
    this._question = null;
    // The counters of a connection that is gone, as the native object has written them; a string, as the identity is.
    this._tally = null;
    // The longest message, bytes; 0 until somebody has asked.
    this._payloadLimit = 0;
  }

  /** True from the end of the handshake to the end of the connection. */
  get connected() {
    return this._state === OPEN;
  }

  /** True from the end of the handshake on. */
  get _wasOpen() {
    return this._cipher !== null;
  }

  get _inHandshake() {
    return this._state === HANDSHAKE;
  }

  // From the peer

  /**
   * Takes one message. What the readable side does not take waits here, and beyond receiveQueueLimit it is dropped.
   *
   * @param {Buffer} message
   * @param {number} length bytes of the datagram that it came in
   */
  _onMessage(message, length) {
    try {
      if (this._state === OPEN && this.listenerCount('receive') > 0) this.emit('receive', length);
    } finally {
      this._accept(message);
    }
  }

  _accept(message) {
    if (this._state !== OPEN) return;
    if (this._idleTimer !== null) this._idleTimer.restart();
    if (this._wanted) {
      this._wanted = this.push(message);
      return;
    }
    this._queue ??= new MessageQueue(this._settings.receiveQueueLimit);
    if (!this._queue.push(message)) this.messagesDropped++;
  }

  /** @param {Buffer} lines a secret: whoever has it can read a capture of the connection */
  _onKeyLog(lines) {
    if (this._state !== HANDSHAKE) return;
    try {
      this.emit('keylog', lines);
    } finally {
      this._owner._onKeyLog(lines, this);
    }
  }

  _onSecure(event) {
    if (this._state !== HANDSHAKE) return;
    this.authorized = event.authorized && this._refusal === null;
    this.authorizationError = event.authorizationError ?? this._refusal?.code ?? null;
    this.alpnProtocol = protocolName(event.protocol);
    this._details = details(event);
    this.handshakeTime = event.handshakeTime;
    this.resumed = event.resumed;
    this._publishEnd(event);
    // The peer has proved who it is in the handshake that made the session.
    this._open(event.cipher, this.resumed ? (this._resumable ?? event) : event);
  }

  _publishEnd({ cipher, handshakeTime, resumed }) {
    if (channels.handshakeEnd.hasSubscribers) {
      channels.handshakeEnd.publish({ socket: this, cipher, duration: handshakeTime, resumed });
    }
    if (resumed && channels.resumed.hasSubscribers) channels.resumed.publish({ socket: this, from: 'session' });
  }

  /**
   * @param {{ pskIdentity?: Buffer | string, publicKey?: Buffer }} peer a string has one character for each byte
   * @param {object} [session] from which the connection goes on, without a handshake
   */
  _open(cipher, { pskIdentity, publicKey }, session) {
    this._state = OPEN;
    this._cipher = cipher;
    this._publicKey = publicKey ?? NO_KEY;
    if (this._resumable !== null) this._resumable = null;
    this._question = null;
    this._identity = pskIdentity;
    try {
      this._owner._onSocketSecure(this, session);
    } finally {
      this._release();
    }
  }

  /** The connection goes on that another process has exported. */
  _goOn(cipher, peer) {
    this.resumed = true;
    this.authorized = peer.authorized;
    this.authorizationError = peer.authorizationError;
    this.alpnProtocol = peer.alpnProtocol;
    this.data = peer.data;
    this._details = peer.details;
    try {
      this._open(cipher, peer);
    } finally {
      for (const message of peer.messages ?? []) this._accept(message);
    }
  }

  /** The connection goes on elsewhere, and is no longer in the native object. The peer is not told; destroy() follows. */
  _goElsewhere() {
    this.exported = true;
    this._state = CLOSED;
    this._endpoint.connections.delete(this._handle);
    this._handle = 0;
    this._owner._onSocketClosed(this, 'exported');
  }

  /** Messages that nobody has read. */
  _takeUnread() {
    if (this.readableLength === 0 && !this._hasQueued()) return undefined;
    const messages = [];
    for (let message = this.read(); message !== null; message = this.read()) messages.push(message);
    return messages;
  }

  _onClosed(event) {
    this._tally = event.data;
    const before = this._state;
    this._state = CLOSED;
    this._question?.withdraw();
    this._handle = 0;
    try {
      if (!this.destroyed) this._conclude(event, before === HANDSHAKE);
    } finally {
      try {
        this._owner._onSocketClosed(this, event.reason);
      } finally {
        if (before !== CLOSED) emitClosing(this);
      }
    }
  }

  /** Ends the stream with the connection: by 'end', by an error, or by the failure of the handshake. */
  _conclude(event, inHandshake) {
    const error = this._closeError(event, inHandshake);
    if (error === null) {
      if (inHandshake) this.destroy();
      else this._finishReading();
    } else if (inHandshake) {
      this._failure = error;
      this._owner._onHandshakeFailed(this, error);
    } else {
      this.destroy(error);
    }
  }

  _closeError({ reason, error }, inHandshake) {
    const peer = { address: this.remoteAddress, port: this.remotePort };
    if (error !== undefined) {
      if (inHandshake) {
        this.claim = claimOf(error);
        peer.claim = this.claim;
      }
      const refusal = error.code === 'ERR_DTLS_PEER_REFUSED' ? this._refusal : null;
      if (refusal !== null) return refusedBy(refusal, error, peer);
      const cause = error.code === 'ERR_DTLS_LOOKUP_FAILED' ? this._question?.cause : undefined;
      return fromNative(error, { ...peer, cause });
    }
    if (!inHandshake || reason === 'local' || reason === 'replaced') return null;
    const message = 'The peer closed the connection before the handshake was over';
    return new DtlsError(message, { code: 'ERR_DTLS_CLOSED_DURING_HANDSHAKE', ...peer });
  }

  // Readable side

  _read() {
    this._wanted = true;
    while (this._wanted && this._hasQueued()) this._wanted = this.push(this._queue.shift());
    if (this._ending && !this._hasQueued()) this._endReading();
  }

  /** 'end' comes when all that has arrived has been read. */
  _finishReading() {
    if (this._ending) return;
    this._ending = true;
    if (!this._hasQueued()) this._endReading();
  }

  _hasQueued() {
    return this._queue !== null && !this._queue.isEmpty;
  }

  _endReading() {
    if (this.readableEnded || this._readableState.ended) return;
    this.push(null);
    // 'end', and 'close' after it, would not come where nobody reads, although nothing is left to read. A stream that flows has read
    // already, unless it is reading now.
    if (!this.readableFlowing || this._readableState.sync) this.read(0);
  }

  // Writable side

  /** Bytes; 0 as long as they are unknown, and where each write is to hear what becomes of it. */
  _longestMessage() {
    if (this._state !== OPEN || this._lacksNumbers) return 0;
    this._payloadLimit ||= this._endpoint.native.payloadLimit(this._handle);
    return this._payloadLimit;
  }

  _write(chunk, _encoding, callback) {
    if (this._idleTimer !== null) this._idleTimer.restart();
    if (this._state === OPEN) this._endpoint.send(this, chunk, callback);
    else if (this.exported) this._refuseExported(chunk, callback);
    else if (this._state === HANDSHAKE) this._held = { chunk, callback };
    // The peer has closed: what is still to be sent is discarded (RFC 5246, 7.2.1), as 'end' tells the application.
    else callback();
  }

  /** The first of them has not been told that it would hear of that. */
  _refuseUnnumbered(chunk, error) {
    this._refuse(chunk, error);
    if (!this._lacksNumbers) this._tellRefusal(chunk);
    this._lacksNumbers = true;
  }

  _refuseExported(chunk, callback) {
    const { remoteAddress: address, remotePort: port } = this;
    const message = 'The connection goes on in another process, and this message was not sent';
    this._refuse(chunk, new DtlsError(message, { code: 'ERR_DTLS_EXPORTED', address, port }));
    callback();
  }

  _final(callback) {
    if (this._state === HANDSHAKE) {
      this._held = { chunk: null, callback };
      return;
    }
    // An application that has never begun to read will not begin now, and must not keep the stream from closing.
    if (this.readableFlowing === null && this.listenerCount('readable') === 0) this.resume();
    this._leave();
    this._finishReading();
    callback();
  }

  /** Does what has been held until the end of the handshake. */
  _release() {
    const held = this._held;
    if (held === null || this.destroyed) return;
    this._held = null;
    if (held.chunk === null) this._final(held.callback);
    else this._write(held.chunk, 'buffer', held.callback);
  }

  _destroy(error, callback) {
    const held = this._held;
    const reason = error ?? this._failure;
    if (reason !== null && this._cipher === null && channels.handshakeError.hasSubscribers) {
      channels.handshakeError.publish({ socket: this, error: reason });
    }
    this._held = null;
    this._queue = null;
    this._idleTimer?.stop();
    this._idleTimer = null;
    try {
      if (this.exported) process.nextTick(emitClosing, this);
      this._leave();
    } finally {
      if (held !== null) held.callback(reason ?? heldError());
      // The stream would emit 'error' without its second argument.
      callback(null);
      if (error !== null) process.nextTick(emitError, this, error);
      process.nextTick(emitClose, this, reason !== null);
    }
  }

  /** Ends the connection from our side, and tells the peer unless `sendClose` is false. */
  _leave() {
    if (this._state === CLOSED) return;
    this._state = CLOSED;
    process.nextTick(emitClosing, this);
    const handle = this._handle;
    if (handle !== 0) this._endpoint.close(handle, this.sendClose);
  }
}

// What few connections have. A field of its own would take 8 bytes of the heap in each of the others.
Object.assign(ConnectionStream.prototype, {
  /** Who a peer says it is whose handshake has failed: `{ pskIdentity, subject, publicKey }`. Nobody has proved it. */
  claim: null,
  /** Whether server.resumeSocket() has made it. */
  selfRestored: false,
  /** Whether the connection goes on elsewhere: it was exported, or another node of its fleet has it. */
  exported: false,
  /** The application's own. JSON is made of it where the connection is exported. */
  data: undefined,
  // Why the connection has failed, when destroy() is called without the error.
  _failure: null,
  // The saved session that the handshake may resume.
  _resumable: null,
  // The connection ID in a record that may be of a saved connection, until one goes on.
  _namedId: undefined,
  // Whether messages were refused because the store has yet to confirm further record numbers.
  _lacksNumbers: false,
  // The error with which checkServerIdentity has refused the server.
  _refusal: null,
});

/** The application's own refusal, as an error of ours. */
function refusedBy(refusal, { code, message, errno, alert }, peer) {
  const told = { code: refusal.code ?? code, message: refusal.message ?? message };
  return fromNative({ ...told, errno, alert }, { ...peer, cause: refusal });
}

/** Null for most connections: there may be many of them. */
function details({ certificate, issuers, resumed, srtpProfile }) {
  if (certificate === undefined && srtpProfile === undefined && !resumed) return null;
  return { certificate, issuers, resumed, srtpProfile };
}

function heldError() {
  return new DtlsError('The connection was closed before the handshake was over', {
    code: 'ERR_DTLS_CLOSED_DURING_HANDSHAKE',
  });
}

function emitClosing(socket) {
  if (socket.listenerCount('closing') > 0) emitInScope(socket, 'closing');
}

function emitError(socket, error) {
  emitInScope(socket, 'error', error, messageOf(error));
}

function emitClose(socket, hadError) {
  if (channels.closed.hasSubscribers) channels.closed.publish({ socket, hadError });
  emitInScope(socket, 'close', hadError);
}

/** In the context of the connection, whoever has ended it. */
function emitInScope(socket, ...event) {
  socket._scope.runInAsyncScope(socket.emit, socket, ...event);
}

module.exports = { ConnectionStream };
