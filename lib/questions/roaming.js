'use strict';

// Connections that go on: after a restart of the server, and from another address. The application keeps the saved
// sessions and knows which address a device had; it is asked by 'resumeSession', 'lookupKey' and 'renegotiate'. Nothing
// is restored for good, and nothing moves, before the native layer has authenticated a record.

const net = require('node:net');
const process = require('node:process');

const { suiteName } = require('../ciphers');
const { DtlsError, fromNative, messageOf } = require('../errors');
const { Question } = require('./question');
const { fromResumable, fromSession } = require('../saved-connection');
const { canonicalAddress } = require('../transport/udp');

/** Events that are questions: their last argument is the callback that answers. */
const QUESTIONS = new Set(['resumeSession', 'lookupKey', 'renegotiate']);

class Roaming {
  /**
   * @param {object} server an EventEmitter with _createSocket(address, port), _place(handle, socket),
   *   _onRestored(handle, socket, session) and _onHandshakeFailed(socket, error)
   * @param {import('../transport/endpoint').Endpoint} endpoint
   */
  constructor(server, endpoint) {
    this._server = server;
    this._endpoint = endpoint;
    /** Open questions of the native layer: look-up -> { question, socket?, answerNothing() } */
    this._open = new Map();
    /** Open 'resumeSession' questions: socket -> look-up */
    this._unplaced = new Map();
    /** Answered 'lookupKey' questions, until it is known what came of them: new 'address:port' -> move */
    this._moves = new Map();
    this._hasWarned = false;
  }

  /** Without listeners nobody is asked, and nothing is kept for unknown addresses. */
  onListenersChanged() {
    const has = (event) => this._server.listenerCount(event) > 0;
    this._endpoint.native.ask(has('resumeSession'), has('lookupKey'));
    this._endpoint.native.askForResumption(has('renegotiate'));
  }

  onEvent(event) {
    switch (event.kind) {
      case 'sessionLookup':
        this._askForSession(event);
        break;
      case 'moveLookup':
        this._askForMove(event);
        break;
      case 'resumptionLookup':
        this._askForResumption(event);
        break;
      case 'moved':
        this._onMoved(event);
        break;
      case 'lookupExpired':
        this._close(event.lookup)?.socket?.destroy();
        break;
    }
  }

  /** The server closes: answers come too late from now on. */
  dispose() {
    for (const lookup of [...this._open.keys()]) {
      const { answerNothing, socket } = this._close(lookup);
      answerNothing();
      socket?.destroy();
    }
    this._moves.clear();
  }

  // Saved sessions

  /**
   * Lets a saved connection go on, without waiting for its peer.
   *
   * @param {{ address: string, port: number }} remote checked
   * @param {unknown} session
   * @returns {boolean} false when there is a connection at that address, or the session is no good
   */
  restore({ address, port }, session) {
    let saved;
    let handle = 0;
    try {
      saved = fromSession(session);
      handle = this._endpoint.native.restore(address, port, saved);
    } catch (error) {
      this._warn('the store of sessions', error);
    }
    if (handle === 0) {
      this._endpoint._settle();
      return false;
    }
    const socket = this._server._createSocket(address, port);
    socket.selfRestored = true;
    this._goOn(handle, socket, saved, session);
    return true;
  }

  /** The answer to an open 'resumeSession' question, given through its socket. */
  resume(socket, session) {
    const lookup = this._unplaced.get(socket);
    if (lookup === undefined) return false;
    try {
      return this._answerSession(lookup, null, session);
    } catch (error) {
      // Of a listener, and no failure of the one that asks us.
      process.nextTick(() => {
        throw error;
      });
      return socket.connected;
    }
  }

  _askForSession({ lookup, address, port }) {
    const socket = this._server._createSocket(address, port);
    const key = keyOf({ address, port });
    const move = this._claim(key);
    const question = new Question(
      (session) => session,
      // Out of the listener that answers: what it leads to may throw.
      (session) => process.nextTick(() => this._answerSession(lookup, null, session)),
      (error) => process.nextTick(() => this._answerSession(lookup, error)),
    );
    const answerNothing = () => this._endpoint.native.answerSession(lookup, null);
    this._open.set(lookup, { question, socket, move, answerNothing });
    this._unplaced.set(socket, lookup);
    question.put((respond) => this._ask('resumeSession', key, socket, respond));
  }

  /** @returns {boolean} whether the connection goes on */
  _answerSession(lookup, error, session) {
    const asked = this._close(lookup);
    if (asked === undefined) return false;
    const { socket, move, answerNothing } = asked;
    let failure = error;
    let saved;
    let handle = 0;
    if (failure === null && session != null && !socket.destroyed) {
      try {
        saved = fromSession(session);
        handle = this._endpoint.native.answerSession(lookup, saved);
      } catch (invalid) {
        failure = invalid;
      }
    }
    if (handle !== 0) {
      if (move !== undefined) {
        // Where the record that proved it came from; 'ipChanged' follows.
        placeAt(socket, move.remote);
        if (keyOf(move.remote) !== move.oldKey) this._moves.set(keyOf(move.remote), move);
      }
      this._goOn(handle, socket, saved, session);
      return true;
    }
    answerNothing();
    try {
      if (failure === null || socket.destroyed) socket.destroy();
      else this._server._onHandshakeFailed(socket, sessionError(failure, socket));
    } finally {
      const remote = move?.remote ?? { address: socket.remoteAddress, port: socket.remotePort };
      this._giveUp(remote, move?.deviceId);
    }
    return false;
  }

  _goOn(handle, socket, saved, session) {
    socket.resumed = true;
    try {
      this._server._onRestored(handle, socket, suiteName(saved.ciphersuite), saved, session);
    } finally {
      this._endpoint._settle();
    }
  }

  // Moves

  _askForMove({ lookup, address, port, deviceId }) {
    const move = { remote: { address, port }, deviceId: deviceId.toString('hex'), oldKey: undefined };
    const question = new Question(
      (old) => this._normalAddress(old),
      (from) => this._answerMove(lookup, move, from),
      (error) => {
        this._warn("a listener of 'lookupKey'", error);
        this._answerMove(lookup, move, null);
      },
    );
    this._open.set(lookup, { question, answerNothing: () => this._endpoint.native.answerMove(lookup, null) });
    question.put((respond) => this._ask('lookupKey', move.deviceId, respond));
  }

  _answerMove(lookup, move, from) {
    if (this._close(lookup) === undefined) return;
    const key = keyOf(move.remote);
    this._moves.set(key, move);
    if (from === null) {
      this._endpoint.native.answerMove(lookup, null);
    } else {
      move.oldKey = keyOf(from);
      this._endpoint.native.answerMove(lookup, from.address, from.port);
    }
    // By then 'moved' has come, or another question, if anything has come of it.
    process.nextTick(() => {
      if (this._moves.get(key) !== move) return;
      this._moves.delete(key);
      this._giveUp(move.remote, move.deviceId);
    });
    this._endpoint._settle();
  }

  /** The move whose old address has no connection any more, so that its session is asked for. */
  _claim(oldKey) {
    for (const [key, move] of this._moves) {
      if (move.oldKey !== oldKey) continue;
      this._moves.delete(key);
      return move;
    }
    return undefined;
  }

  /** An address from the application's store, in the form that dgram and the native layer use; null when it is none. */
  _normalAddress(stored) {
    const port = Number(stored?.port);
    if (net.isIP(stored?.address) === 0 || !Number.isInteger(port) || port < 1 || port > 65535) return null;
    return { address: canonicalAddress(stored.address, this._endpoint.udp?.type), port };
  }

  _onMoved({ connection, address, port, oldAddress, oldPort }) {
    const key = keyOf({ address, port });
    const move = this._moves.get(key);
    this._moves.delete(key);
    const socket = this._endpoint.connections.get(connection);
    if (socket === undefined) return;
    placeAt(socket, { address, port });
    this._server._place(connection, socket);
    socket.emit('ipChanged', { ...withFamily(oldAddress, oldPort), deviceId: move?.deviceId });
  }

  /** Somebody sends records that no connection of ours can read: only a new handshake would help. */
  _giveUp({ address, port }, deviceId) {
    this._server.emit('forceDeviceRehandshake', withFamily(address, port), deviceId);
  }

  // Resumption by session id

  _askForResumption({ connection, lookup, sessionId }) {
    const { native } = this._endpoint;
    const socket = this._endpoint.connections.get(connection);
    const answerNothing = () => native.answerResumption(lookup, null);
    if (socket === undefined) {
      answerNothing();
      return;
    }
    const question = new Question(
      (session) => session,
      (session) => this._close(lookup) && this._answerResumption(socket, lookup, session, sessionId),
      (error) => {
        if (this._close(lookup) === undefined) return;
        socket._lookupCause = error;
        this._endpoint.failLookup(lookup, error);
      },
    );
    this._open.set(lookup, { question, answerNothing });
    socket.once('close', () => this._close(lookup));
    question.put((respond) => this._ask('renegotiate', sessionId.toString('hex'), socket, respond));
  }

  /** What does not fit leads to a full handshake: a damaged store must not lock devices out. */
  _answerResumption(socket, lookup, session, sessionId) {
    try {
      if (session != null) socket._resumable = fromResumable(session, sessionId);
      this._endpoint.native.answerResumption(lookup, socket._resumable);
    } catch (error) {
      this._warn("a listener of 'renegotiate'", error);
      this._endpoint.native.answerResumption(lookup, null);
    }
    this._endpoint._settle();
  }

  // Asking

  /** Nobody who listens is an answer as well. */
  _ask(event, ...args) {
    const respond = args.at(-1);
    if (!this._server.emit(event, ...args)) respond(null, null);
  }

  _close(lookup) {
    const asked = this._open.get(lookup);
    if (asked === undefined) return undefined;
    this._open.delete(lookup);
    if (asked.socket !== undefined) this._unplaced.delete(asked.socket);
    asked.question.withdraw();
    return asked;
  }

  /** For what has no connection that an error could belong to. Once: peers can repeat the question. */
  _warn(who, error) {
    if (this._hasWarned) return;
    this._hasWarned = true;
    process.emitWarning(`What ${who} answered is of no use, and was taken as no answer: ${messageOf(error)}`, {
      type: 'DtlsWarning',
      code: 'ERR_DTLS_LOOKUP_FAILED',
    });
  }
}

function keyOf({ address, port }) {
  return `${address}:${port}`;
}

function withFamily(address, port) {
  return { address, family: address.includes(':') ? 'IPv6' : 'IPv4', port };
}

function placeAt(socket, { address, port }) {
  socket.remoteAddress = address;
  socket.remotePort = port;
}

function sessionError(cause, { remoteAddress: address, remotePort: port }) {
  if (cause?.code === 'ERR_DTLS_INVALID_SESSION') return fromNative(cause, { address, port });
  const message = `The look-up of a saved session failed: ${messageOf(cause)}`;
  return new DtlsError(message, { code: 'ERR_DTLS_LOOKUP_FAILED', address, port, cause });
}

module.exports = { QUESTIONS, Roaming };
