'use strict';

// Connections that come into a server from another process. They are in the native object at once, and are served as soon
// as the server listens. A socket takes longer than all the rest of a connection, so each is made when its connection is
// announced: in turns, which leave time for the datagrams of others, or before the first thing that happens on it. Where
// nobody listens for announcements, only the latter.

const process = require('node:process');

const { AsyncScope } = require('../async-scope');
const { suiteName } = require('../ciphers');
const { importOptions, isClaimed, openExport, unclaimed } = require('./travel');

/** What the native object tells of each. */
const NUMBERS = 3;

/** Connections that are announced in one turn. */
const TURN = 256;

/** Events that announce a connection. */
const ANNOUNCEMENTS = ['connection', 'secureConnection'];

class Arriving {
  /** @param {object} server with _endpoint, _sockets and `listening` */
  constructor(server) {
    this._server = server;
    /** handle -> connection that has not been announced, from the first */
    this._waiting = new Map();
    // Whether all are being announced.
    this._isHurried = false;
    // Whether there will be another turn.
    this._hasTurn = false;
  }

  /** How many connections have not been announced. */
  get size() {
    return this._waiting.size;
  }

  /**
   * @param {Uint8Array | AsyncIterable<Uint8Array>} source
   * @param {{ key: Uint8Array, claim?: (id: string) => unknown }} options
   * @returns {Promise<{ imported: number, refused: number }>} nothing is imported unless all of the source is authentic
   */
  async take(source, options) {
    // The sockets will be made in the asynchronous context of whoever imports them.
    const scope = new AsyncScope('DTLSIMPORT');
    const { key, claim } = importOptions(options);
    const arrivals = await openExport(source, key);
    try {
      arrivals.check(this._server._endpoint.native);
      return this._admit(arrivals, scope, await isClaimed(claim, arrivals.id));
    } finally {
      arrivals.wipe();
    }
  }

  /** @param {import('./travel').Arrivals} arrivals */
  _admit(arrivals, scope, areClaimed) {
    const { native } = this._server._endpoint;
    let imported = 0;
    let refused = 0;
    let unclaimedCount = 0;
    for (const { travellers, peers } of arrivals.batches) {
      const { numbers, addresses, unclaimed: left } = native.takeIn(travellers, arrivals.savedAt, areClaimed);
      unclaimedCount += left;
      for (let index = 0; index < peers.length; index++) {
        const at = NUMBERS * index;
        const handle = numbers[at];
        if (handle === 0) {
          refused++;
          continue;
        }
        imported++;
        const [address, port, suite] = [addresses[index], numbers[at + 1], numbers[at + 2]];
        this._waiting.set(handle, { address, port, suite, peers, index, scope });
      }
    }
    if (unclaimedCount > 0) {
      const { message, code } = unclaimed(unclaimedCount);
      process.emitWarning(message, { type: 'DtlsWarning', code });
    }
    if (this._server.listening) this.announceSome();
    return { imported, refused };
  }

  /** Announces some, and the others in later rounds of the event loop, if somebody would hear of it. */
  announceSome() {
    if (this._waiting.size === 0 || !this._isHeard()) return;
    let count = 0;
    try {
      for (const handle of this._waiting.keys()) {
        if (count++ === TURN) break;
        this._announce(handle);
      }
    } finally {
      this.expectListeners();
      this._server._endpoint.settle();
    }
  }

  /** There will be a turn if it is needed: somebody may have begun to listen. */
  expectListeners() {
    if (this._hasTurn || this._waiting.size === 0 || !this._server.listening || !this._isHeard()) return;
    this._hasTurn = true;
    setImmediate(takeTurn, this);
  }

  /** Announces all of them, if the server listens. What a listener asks for meanwhile has those that have been announced by then. */
  announceAll() {
    if (this._isHurried || !this._server.listening) return;
    this._isHurried = true;
    try {
      for (const handle of this._waiting.keys()) this._announce(handle);
    } finally {
      this._isHurried = false;
    }
  }

  /** @returns {object | undefined} the socket of a connection on which something has happened; it is announced before that */
  find(handle) {
    return this._waiting.has(handle) ? this._announce(handle) : undefined;
  }

  /** Ends those that have not been announced. The server is no longer there for them. */
  leave() {
    const { _endpoint: endpoint, _sockets: sockets } = this._server;
    for (const handle of this._waiting.keys()) {
      this._waiting.delete(handle);
      endpoint.close(handle, sockets.sendClose);
    }
  }

  /** Whether announcements have listeners, or lead to something else. */
  _isHeard() {
    const { _fleet, _sockets } = this._server;
    if (_fleet !== null || _sockets.replacesByIdentity) return true;
    return ANNOUNCEMENTS.some((event) => this._server.listenerCount(event) > 0);
  }

  /** What a listener throws is for Node; the others have their turn. */
  _announce(handle) {
    const { address, port, suite, peers, index, scope } = this._waiting.get(handle);
    this._waiting.delete(handle);
    const { _sockets: sockets } = this._server;
    const socket = scope.runInAsyncScope(sockets.create, sockets, address, port);
    sockets.place(handle, socket);
    try {
      announce(this._server, socket, suiteName(suite), peers.at(index));
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
    return socket;
  }
}

function takeTurn(arriving) {
  arriving._hasTurn = false;
  if (arriving._server.listening) arriving.announceSome();
}

/** Tells the application of a connection that goes on here. */
function announce(server, socket, suite, peer) {
  socket._scope.runInAsyncScope(goOn, null, server, socket, suite, peer);
}

/** As a handshake ends, but without one. */
function goOn(server, socket, suite, peer) {
  // The server may have closed it.
  if (socket.destroyed) return;
  socket.servername = peer.servername;
  try {
    server.emit('connection', socket);
  } finally {
    // So may a listener.
    if (!socket.destroyed) socket._goOn(suite, peer);
  }
}

module.exports = { Arriving, announce };
