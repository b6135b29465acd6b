'use strict';

// Connections that come into a server from another process. They are in the native object at once. Their sockets are
// announced when the server listens, before anything can have come for them: so a new process can take connections in
// first, and the UDP socket of the old one after that.

const process = require('node:process');

const { suiteName } = require('../ciphers');
const { keyOf, openExport } = require('./travel');

/** What the native object tells of each. */
const NUMBERS = 3;

/** Connections that are announced in one tick of a server that has others to serve. */
const TURN = 512;

class Arriving {
  /** @param {object} server with _endpoint, _sockets and `listening` */
  constructor(server) {
    this._server = server;
    /** Sockets that have not been announced, with what is known of them, from the first. */
    this._waiting = [];
    this._next = 0;
  }

  /**
   * @param {Uint8Array | AsyncIterable<Uint8Array>} source
   * @param {{ key: Uint8Array }} options
   * @returns {Promise<{ imported: number, refused: number }>} nothing is imported unless all of the source is authentic
   */
  async take(source, options) {
    const arrivals = await openExport(source, keyOf(options));
    try {
      return this.admit(arrivals);
    } finally {
      arrivals.wipe();
    }
  }

  /** @param {import('./travel').Arrivals} arrivals */
  admit(arrivals) {
    const { native } = this._server._endpoint;
    arrivals.check(native);
    let imported = 0;
    let refused = 0;
    for (const { travellers, peers } of arrivals.batches) {
      const { numbers, addresses } = native.takeIn(travellers, arrivals.savedAt);
      for (const [index, peer] of peers.entries()) {
        const handle = numbers[NUMBERS * index];
        if (handle === 0) {
          refused++;
          continue;
        }
        imported++;
        const socket = this._server._sockets.create(addresses[index], numbers[NUMBERS * index + 1]);
        this._server._sockets.place(handle, socket);
        this._waiting.push({ socket, peer, suite: suiteName(numbers[NUMBERS * index + 2]) });
      }
    }
    if (this._server.listening) this.announceSome();
    return { imported, refused };
  }

  /** Announces all of them: the server listens from now on. */
  announce() {
    while (this._next < this._waiting.length) this._announceNext();
    this._waiting = [];
    this._next = 0;
  }

  /** Announces some, and the others in later rounds of the event loop. */
  announceSome() {
    try {
      for (let count = 0; count < TURN && this._next < this._waiting.length; count++) this._announceNext();
    } finally {
      if (this._next < this._waiting.length) setImmediate(announceSome, this);
      else this.announce();
      this._server._endpoint.settle();
    }
  }

  /** What a listener throws is for Node; the others have their turn in the next tick. */
  _announceNext() {
    const { socket, peer, suite } = this._waiting[this._next];
    this._waiting[this._next++] = undefined;
    try {
      announce(this._server, socket, suite, peer);
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  }
}

function announceSome(arriving) {
  arriving.announceSome();
}

/** Tells the application of a connection that goes on here. */
function announce(server, socket, suite, peer) {
  socket._scope.runInAsyncScope(goOn, null, server, socket, suite, peer);
}

/** As a handshake ends, but without one. */
function goOn(server, socket, suite, peer) {
  // The server, or a listener, may have closed it.
  if (socket.destroyed) return;
  socket.servername = peer.servername;
  try {
    server.emit('connection', socket);
  } finally {
    if (!socket.destroyed) socket._goOn(suite, peer);
  }
}

module.exports = { Arriving, announce };
