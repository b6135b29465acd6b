'use strict';

// The live connections of a server: when each began, what it has carried, and the rows that a page of the dashboard shows.

const { setTimeout: sleep } = require('node:timers/promises');

const { addressOf, identityOf, nameInWords } = require('./identity');
const { inSlices, sorted } = require('./slices');

/** How many connections are compared with the words of a search without an interruption. */
const RUN = 256;

/**
 * After an order has been made, none is made for this many times as long as that took, so that searching takes at most a fifth
 * of a core, whatever is asked for and however many connections there are.
 */
const REST = 4;

/** How many orders are kept. */
const MOST_VIEWS = 8;

/** What connections can be sorted by; `age` is how they stand. */
const KEYS = {
  __proto__: null,
  age: null,
  peer: (connection) => connection.peer,
  identity: (connection) => connection.identity.name,
  suite: (connection) => connection.suite,
  received: (connection) => connection.stats.bytesReceived,
  sent: (connection) => connection.stats.bytesSent,
  heard: (connection) => connection.heard,
};

class Connections {
  #server;
  #onFailure;
  // By number, in the order in which they began.
  #live = new Map();
  #lastNumber = 0;
  #views = new Map();
  // One order is made at a time.
  #queue = Promise.resolve();
  #restsUntil = 0;
  #onSecureConnection = (socket) => this.#add(socket, Date.now());

  /**
   * @param {import('../server').DtlsServer} server
   * @param {(error: Error, socket: object) => void} onFailure is told when a connection fails
   */
  constructor(server, onFailure) {
    this.#server = server;
    this.#onFailure = onFailure;
    for (const socket of Object.values(server.sockets)) if (socket.connected) this.#add(socket, null);
    server.on('secureConnection', this.#onSecureConnection);
  }

  /** Listens to nothing any more. */
  close() {
    this.#server.off('secureConnection', this.#onSecureConnection);
    for (const connection of this.#live.values()) connection.release();
    this.#live.clear();
    this.#views.clear();
  }

  /**
   * Some of the connections that match, in order.
   *
   * @param {{ search: string, sort: string, descending: boolean, offset: number, limit: number }} wanted
   * @param {AbortSignal} signal says that nobody waits any more
   * @returns {Promise<{ total: number, matching: number, rows: object[] }>}
   */
  async page({ search, sort, descending, offset, limit }, signal) {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    const view = await this.#view(words, sort, signal);
    const matching = view.length;
    const rows = [];
    for (let at = offset; at < Math.min(offset + limit, matching); at++) {
      rows.push(view[descending ? matching - 1 - at : at].row());
    }
    return { total: this.#live.size, matching, rows };
  }

  /** Everything about one connection; null if it has ended. */
  details(number) {
    return this.#live.get(number)?.details() ?? null;
  }

  #add(socket, since) {
    const number = ++this.#lastNumber;
    const connection = new Connection(number, socket, since, {
      failed: (error) => this.#onFailure(error, socket),
      closed: () => this.#live.delete(number),
    });
    this.#live.set(number, connection);
  }

  #view(words, sort, signal) {
    const name = JSON.stringify([words, sort]);
    const view = this.#queue.then(async () => {
      const known = this.#views.get(name);
      const wait = this.#restsUntil - performance.now();
      if (wait > 0 && known !== undefined) return known;
      if (wait > 0) await sleep(wait, undefined, { ref: false, signal });
      signal.throwIfAborted();
      const began = performance.now();
      const connections = await inSlices(this.#select(words, KEYS[sort]));
      this.#keep(name, connections);
      this.#restsUntil = performance.now() + REST * (performance.now() - began);
      return connections;
    });
    this.#queue = view.catch(() => {});
    return view;
  }

  #keep(name, connections) {
    this.#views.delete(name);
    this.#views.set(name, connections);
    if (this.#views.size > MOST_VIEWS) this.#views.delete(this.#views.keys().next().value);
  }

  *#select(words, key) {
    const found = [];
    let seen = 0;
    for (const connection of this.#live.values()) {
      if (connection.matches(words)) found.push(connection);
      if (++seen % RUN === 0) yield;
    }
    return key === null ? found : yield* sorted(found, (one, other) => compare(key(one), key(other)));
  }
}

/** One connection, from its handshake to its end. */
class Connection {
  #socket;
  #listeners;
  #identity = null;
  #searched = null;

  constructor(number, socket, since, { failed, closed }) {
    this.number = number;
    /** Milliseconds since 1970; null if it is older than the dashboard. */
    this.since = since;
    /** When the last message came. */
    this.heard = since;
    this.#socket = socket;
    this.#listeners = {
      receive: () => {
        this.heard = Date.now();
      },
      error: failed,
      close: closed,
    };
    for (const [name, listener] of Object.entries(this.#listeners)) socket.on(name, listener);
  }

  release() {
    for (const [name, listener] of Object.entries(this.#listeners)) this.#socket.off(name, listener);
  }

  get peer() {
    return addressOf(this.#socket);
  }

  get identity() {
    this.#identity ??= identityOf(this.#socket);
    return this.#identity;
  }

  get suite() {
    return this.#socket.getCipher().name;
  }

  get stats() {
    return this.#socket.connectionStats;
  }

  /** Whether each of these words stands in the address or in the identity, in either case. */
  matches(words) {
    if (words.length === 0) return true;
    this.#searched ??= this.identity.name.toLowerCase();
    const peer = this.peer;
    return words.every((word) => this.#searched.includes(word) || peer.includes(word));
  }

  row() {
    const { number, peer, identity, suite, since, heard, stats } = this;
    const { bytesReceived, bytesSent } = stats;
    return { number, peer, identity, suite, since, heard, bytesReceived, bytesSent, ended: this.#socket.destroyed };
  }

  details() {
    const socket = this.#socket;
    const certificate = socket.getPeerX509Certificate();
    return {
      ...this.row(),
      ...this.stats,
      protocol: socket.getProtocol(),
      standardSuite: socket.getCipher().standardName,
      handshakeTime: socket.handshakeTime ?? null,
      authorized: socket.authorized,
      authorizationError: socket.authorizationError,
      servername: socket.servername || null,
      alpn: socket.alpnProtocol || null,
      srtpProfile: socket.getSrtpProfile(),
      resumed: socket.resumed,
      messagesDropped: socket.messagesDropped,
      certificate: certificate === undefined ? null : describe(certificate),
    };
  }
}

function describe({ subject, issuer, validFrom, validTo, fingerprint256 }) {
  return { subject: nameInWords(subject), issuer: nameInWords(issuer), validFrom, validTo, fingerprint256 };
}

function compare(one, other) {
  if (one === other) return 0;
  return one === null || one < other ? -1 : 1;
}

module.exports = { Connections, SORTS: Object.keys(KEYS) };
