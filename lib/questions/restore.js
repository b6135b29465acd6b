'use strict';

// Saved connections that go on after a restart of the server, without a handshake. The application keeps them. Nothing
// is restored for good before the native object has authenticated a record.

const net = require('node:net');
const process = require('node:process');

const { suiteName } = require('../ciphers');
const { DtlsError, fromNative, invalidArgType, messageOf } = require('../errors');
const { port: checkPort } = require('../options/validate');
const { announce } = require('../exports/arrivals');
const { fromSession } = require('../saved-connection');
const { addressKey } = require('../transport/addresses');
const { askByEvent } = require('./ask');
const { Question } = require('./question');

/** Codes of errors that say what is wrong with a saved session. */
const REASONS = new Set(['ERR_DTLS_INVALID_SESSION', 'ERR_DTLS_UNRESTORABLE_CIPHER']);

/**
 * The saved connection of an address that sends records: 'resumeSession'(key, socket, callback), or
 * socket.resumeSession() in its listener. Before that, the fleet's store is asked. The source is `{ server, moves, fleet }`.
 */
class RestoreQuestion extends Question {
  static about = 'restore';
  static event = 'resumeSession';
  static isDeferred = true;

  static isAnsweredBy({ fleet }) {
    return fleet !== null;
  }

  constructor(questions, event, source) {
    super(questions, event, source);
    // What the fleet's store has.
    this._found = null;
    this.socket = source.server._sockets.create(event.address, event.port);
    this.socket._namedId = event.ownId;
    this.hasRestored = false;
    this._session = undefined;
    // Where the device is now, when it has said that it was at the address that the question names.
    this._move = source.moves.takeFrom(event);
  }

  ask(respond) {
    const { fleet, server } = this.source;
    const askApplication = () => {
      if (server.listenerCount('resumeSession') === 0) respond(null, null);
      else askByEvent(server, 'resumeSession', addressKey(this.event), this.socket, respond);
    };
    if (fleet === null) askApplication();
    else fleet.find(this.event).then((found) => this._goOnWith(found, respond, askApplication), askApplication);
  }

  _goOnWith(found, respond, askApplication) {
    if (found === null) {
      askApplication();
      return;
    }
    if (!this.questions.isOpen(this)) {
      this.source.fleet.giveBack(found);
      return;
    }
    this._found = found;
    respond(null, found);
  }

  check(session) {
    if (this._found !== null && session === this._found) return this.socket.destroyed ? null : session.stored;
    if (session == null || this.socket.destroyed) return null;
    this._session = session;
    return fromSession(session);
  }

  answered(handle, saved) {
    if (handle === 0) {
      if (this._found !== null) this.source.fleet.giveBack(this._found);
      this._giveUp(null);
      return;
    }
    if (this._move !== undefined) this._goWhereItIs(this._move);
    if (this.questions.endpoint.socketOf(handle) !== undefined) {
      // It has never stopped, and its own socket has what has come.
      this.socket.destroy();
      if (this._found !== null) this.source.fleet.giveBack(this._found);
      return;
    }
    this.hasRestored = true;
    if (this._found !== null) this._takeOver(handle, this._found);
    else goOn(this.source.server, handle, this.socket, saved, this._session);
  }

  _takeOver(handle, found) {
    const { server, fleet } = this.source;
    server._sockets.place(handle, this.socket);
    fleet.goOn(found, () => announce(server, this.socket, suiteName(found.ciphersuite), found.peer));
  }

  failed(cause) {
    this.answerNothing();
    this._giveUp(cause);
  }

  expired() {
    this.socket.destroy();
  }

  /** The native object places the connection where the record came from that has proved it; 'moved' follows. */
  _goWhereItIs(move) {
    const { moves } = this.source;
    const { remote } = move;
    this.socket.remoteAddress = remote.address;
    this.socket.remotePort = remote.port;
    moves.add(move);
    // It may not have moved at all, or a connection that lives may have been there already, or have heard nothing that is newer.
    process.nextTick(() => moves.remove(move));
  }

  _giveUp(cause) {
    const { socket, _move: move } = this;
    const { server } = this.source;
    try {
      if (cause === null || socket.destroyed) socket.destroy();
      else server._sockets._onHandshakeFailed(socket, sessionError(cause, socket));
    } finally {
      const remote = move?.remote ?? { address: socket.remoteAddress, port: socket.remotePort };
      server._sockets.tellUnplaced(remote, move?.deviceId);
    }
  }
}

/**
 * Answers the open question of a socket.
 *
 * @returns {boolean} whether its connection goes on
 */
function resumeNow(socket, session) {
  const question = socket._question;
  if (!(question instanceof RestoreQuestion)) return false;
  try {
    if (!question.answerNow(session)) return false;
  } catch (error) {
    // A listener has thrown it, and the listener that has called us has not failed.
    process.nextTick(() => {
      throw error;
    });
  }
  return question.hasRestored;
}

/**
 * Lets a saved connection go on without waiting for its peer.
 *
 * @param {object} server with _questions and _sockets
 * @param {{ address: string, port: number }} remote checked
 * @param {unknown} session
 * @returns {boolean} false when there is a connection at that address, when the session is that of a connection that
 *   lives, or when it cannot be used
 */
function restoreAt(server, { address, port }, session) {
  const { endpoint } = server._questions;
  let saved;
  let handle = 0;
  try {
    saved = fromSession(session);
    handle = endpoint.native.restore(address, port, saved);
  } catch (error) {
    server._questions.warn('The store of sessions', error);
  }
  try {
    if (handle === 0) return false;
    const socket = server._sockets.create(address, port);
    socket.selfRestored = true;
    goOn(server, handle, socket, saved, session);
    return true;
  } finally {
    endpoint.settle();
  }
}

/**
 * Addresses of saved connections as 'address:port', which is how 'resumeSession' names them.
 *
 * @param {Iterable<string | { address: string, port: number }>} addresses
 * @returns {string[]}
 */
function addressKeys(addresses) {
  if (typeof addresses === 'string' || typeof addresses?.[Symbol.iterator] !== 'function') {
    throw invalidArgType('addresses', 'an iterable of addresses', addresses);
  }
  return Array.from(addresses, (each, index) => {
    const name = `addresses[${index}]`;
    const colon = typeof each === 'string' ? each.lastIndexOf(':') : -1;
    const address = colon === -1 ? each?.address : each.slice(0, colon);
    if (net.isIP(address) === 0) throw invalidArgType(name, "'address:port' or an instance of Object", each);
    return addressKey({
      address,
      port: checkPort(1)(colon === -1 ? each.port : each.slice(colon + 1), `${name}.port`),
    });
  });
}

function goOn(server, handle, socket, saved, session) {
  socket.resumed = true;
  server._sockets.restore(handle, socket, suiteName(saved.ciphersuite), saved, session);
}

function sessionError(cause, { remoteAddress: address, remotePort: port }) {
  if (REASONS.has(cause?.code)) return fromNative(cause, { address, port });
  const message = `The look-up of a saved session failed: ${messageOf(cause)}`;
  return new DtlsError(message, { code: 'ERR_DTLS_LOOKUP_FAILED', address, port, cause });
}

module.exports = { RestoreQuestion, addressKeys, restoreAt, resumeNow };
