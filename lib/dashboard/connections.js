'use strict';

// The live connections of a server: when each began, what it has carried, and the rows that a page of the dashboard shows.

const { identityOf } = require('./identity');
const { inSlices, sorted } = require('./slices');

/** How many connections are compared with the words of a search without an interruption. */
const RUN = 256;

/**
 * A page that is asked for anew gets the same order again for this many times as long as it took to make, so that looking
 * at very many connections takes at most a tenth of the processor.
 */
const REST = 9;

/** How many orders are kept. */
const MOST_VIEWS = 8;

/** What connections can be sorted by; `age` is how they stand. */
const KEYS = {
  __proto__: null,
  age: null,
  peer: (connection) => connection.peer,
  identity: (connection) => connection.identity.name,
  suite: (connection) => connection.suite,
  received: (connection) => connection.bytesReceived,
  sent: (connection) => connection.bytesSent,
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
  #onSecureConnection = (socket) => this.#add(socket, Date.now());

  /** Payload of all connections that have been seen, bytes of datagrams. */
  totals = { bytesReceived: 0, bytesSent: 0 };

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
   * @returns {Promise<{ total: number, matching: number, rows: object[] }>}
   */
  async page({ search, sort, descending, offset, limit }) {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    const view = await this.#view(words, sort);
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
    const connection = new Connection(number, socket, since, this.totals, {
      failed: (error) => this.#onFailure(error, socket),
      closed: () => this.#live.delete(number),
    });
    this.#live.set(number, connection);
  }

  async #view(words, sort) {
    const name = JSON.stringify([words, sort]);
    const make = this.#queue.then(async () => {
      const known = this.#views.get(name);
      if (known !== undefined && performance.now() < known.until) return known.connections;
      const began = performance.now();
      const connections = await inSlices(this.#select(words, KEYS[sort]));
      const ended = performance.now();
      this.#views.delete(name);
      this.#views.set(name, { connections, until: ended + REST * (ended - began) });
      if (this.#views.size > MOST_VIEWS) this.#views.delete(this.#views.keys().next().value);
      return connections;
    });
    this.#queue = make.catch(() => {});
    return make;
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

  constructor(number, socket, since, totals, { failed, closed }) {
    this.number = number;
    /** Milliseconds since 1970; null if it is older than the dashboard. */
    this.since = since;
    /** When the last message came. */
    this.heard = since;
    this.received = 0;
    this.bytesReceived = 0;
    this.sent = 0;
    this.bytesSent = 0;
    this.#socket = socket;
    this.#listeners = {
      receive: (length) => {
        this.received++;
        this.bytesReceived += length;
        totals.bytesReceived += length;
        this.heard = Date.now();
      },
      send: (length) => {
        this.sent++;
        this.bytesSent += length;
        totals.bytesSent += length;
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
    const { remoteAddress: address, remotePort: port } = this.#socket;
    return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  }

  get identity() {
    this.#identity ??= identityOf(this.#socket);
    return this.#identity;
  }

  get suite() {
    return this.#socket.getCipher().name;
  }

  /** Whether each of these words stands in the address or in the identity, in either case. */
  matches(words) {
    if (words.length === 0) return true;
    this.#searched ??= this.identity.name.toLowerCase();
    const peer = this.peer;
    return words.every((word) => this.#searched.includes(word) || peer.includes(word));
  }

  row() {
    const { number, peer, identity, suite, since, heard, received, bytesReceived, sent, bytesSent } = this;
    const { destroyed } = this.#socket;
    return { number, peer, identity, suite, since, heard, received, bytesReceived, sent, bytesSent, ended: destroyed };
  }

  details() {
    const socket = this.#socket;
    const certificate = socket.getPeerX509Certificate();
    return {
      ...this.row(),
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
  const inOneLine = (name) => (name ?? '').replaceAll('\n', ', ');
  return { subject: inOneLine(subject), issuer: inOneLine(issuer), validFrom, validTo, fingerprint256 };
}

function compare(one, other) {
  if (one === other) return 0;
  return one === null || one < other ? -1 : 1;
}

module.exports = { Connections, SORTS: Object.keys(KEYS) };
