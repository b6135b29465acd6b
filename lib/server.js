'use strict';

const { captureRejectionSymbol } = require('node:events');
const net = require('node:net');
const process = require('node:process');
const { promisify } = require('node:util');

const { onAbort } = require('./abort');
const { Node } = require('./cluster/node');
const { invalidArgType, invalidArgValue, stateError } = require('./errors');
const { Arriving } = require('./exports/arrivals');
const { Identities } = require('./identities');
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
const { ServerSockets } = require('./server-sockets');
const { ServerUdp } = require('./server-udp');
const { SessionStore } = require('./session-store');
const { DtlsSocket } = require('./socket');
const { canonicalAddress } = require('./transport/addresses');
const { Endpoint } = require('./transport/endpoint');
const { NativeServer } = require('./transport/native-endpoint');
const { WatchedEmitter } = require('./watched-emitter');

/** Versions of Node before 20.4 do not have it. */
const ASYNC_DISPOSE = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');

/** How many events of a batch of datagrams can wait to be dispatched. */
const EVENT_SLOTS = 32;

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
      makeIds,
      connectionStore,
      replaceByIdentity,
      idleTimeout,
      namesVersion,
      ...settings
    } = serverOptions(options);
    if (secureConnectionListener !== undefined) {
      this.on('secureConnection', callback(secureConnectionListener, 'secureConnectionListener'));
    }
    /** The node:dgram socket, null before 'listening' and after 'close'. */
    this.dgramSocket = null;

    this._node = new Node(this, { nodeId, connectionId, makesIds: makeIds !== undefined });
    const { sessionStore, sessionTimeout } = sessions;
    this._sessionStore = sessionStore === undefined ? null : new SessionStore(sessionStore, sessionTimeout);
    const identities = replaceByIdentity ? new Identities() : null;
    this._sockets = new ServerSockets(this, settings, identities, this._sessionStore);
    this._endpoint = new Endpoint(NativeServer, nativeOptions, this._sockets, {
      eventSlots: EVENT_SLOTS,
      threads: handshakeThreads,
      makeIds,
    });
    this._udp = new ServerUdp(this, { udp, lookup, blockList, socket });
    this.#contexts = new ServerContexts(nativeOptions, CONTEXT, namesVersion);
    this._moves = new Moves();
    this._fleet = connectionStore === undefined ? null : fleetNode(this, connectionStore, idleTimeout);
    this._arriving = new Arriving(this);
    this._questions = new Questions(this._endpoint, this);
    this._registerQuestions(psk, verifyPeer, byHello);
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
    this._chooseVersions();
  }

  /** Of connections in DTLS 1.3 the application can keep no copies. */
  _chooseVersions() {
    const saves = this.listenerCount('resumeSession') > 0;
    this.#contexts.saveConnections(this._endpoint, saves);
  }

  /** True between 'listening' and close(). */
  get listening() {
    return this._udp.isListening;
  }

  /** Live sockets by 'address:port': a snapshot without prototype, which is made anew when something has changed. */
  get sockets() {
    return this._sockets.snapshot;
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
    if (where.handover !== undefined && this._udp.isGiven) {
      throw invalidArgValue('options.handover', 'cannot be used together with "options.socket" of createServer()');
    }
    if (!this._udp.isIdle) {
      throw stateError('ERR_SERVER_ALREADY_LISTEN', 'The server is listening already, or is not closed yet');
    }
    if (where.callback !== undefined) this.once('listening', where.callback);
    if (where.signal !== undefined) this._closeOnAbort(where.signal);
    this._udp.open(where);
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
    if (this._udp.isIdle) {
      const error = stateError('ERR_SERVER_NOT_RUNNING', 'The server is not listening');
      if (whenClosed !== undefined) process.nextTick(whenClosed, error);
      return this;
    }
    if (whenClosed !== undefined) this.once('close', whenClosed);
    if (!this._udp.isClosing) this._udp.shutDown();
    return this;
  }

  /**
   * @param {(count: number) => void} [receiver] called in the next tick with one argument, as in node-mbed-dtls
   * @returns {number} connections whose handshake is over
   */
  getConnections(receiver) {
    const count = () => this._sockets.connected + this._arriving.size;
    if (receiver !== undefined) {
      callback(receiver, 'callback');
      process.nextTick(() => receiver(count()));
    }
    return count();
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
    if (!this.listening) throw stateError('ERR_SERVER_NOT_RUNNING', 'The server is not listening');
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
    return require('./exports/departure').exportServer(this, options);
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
    await new Promise((resolve) => this.close(resolve));
  }

  /** Lets the server keep the process alive, which is the default. */
  ref() {
    this._udp.setReferenced(true);
    return this;
  }

  /** Lets the process end although the server listens. */
  unref() {
    this._udp.setReferenced(false);
    return this;
  }

  /** The native object asks only what somebody listens for, and says no keys unless somebody does. */
  _onListenersChanged() {
    this._questions?.listen();
    if (this._questions !== undefined) this._chooseVersions();
    this._node?.listen();
    this._arriving?.expectListeners();
    this._endpoint?.logKeys(this._sockets.wantKeys || this.listenerCount('keylog') > 0);
  }

  /**
   * An async listener has thrown. That answers a question; for any other event it is an unhandled rejection, as usual.
   */
  [captureRejectionSymbol](error, event, ...args) {
    if (this._questions.isAskedBy(event)) args.at(-1)(error ?? new Error('The listener was rejected without a reason'));
    else Promise.reject(error);
  }
}

/** The node of a fleet that keeps its connections in a store; few servers are one. */
function fleetNode(server, store, idleTimeout) {
  const { Fleet } = require('./fleet/fleet');
  return new Fleet(server, store, idleTimeout);
}

/** Its callback has no error before its answer. */
DtlsServer.prototype.getConnections[promisify.custom] = async function getConnections() {
  return this.getConnections();
};

module.exports = { DtlsServer };
