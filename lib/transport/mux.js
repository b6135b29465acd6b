'use strict';

// Many clients on one UDP socket of the application's. One router for each socket listens once and hands each datagram
// to the client that talks to its sender; datagrams from other senders are ignored.

const { addressKey, withoutMapping } = require('./addresses');

/** @type {WeakMap<import('node:dgram').Socket, Router>} */
const routers = new WeakMap();

class Router {
  constructor(socket) {
    this._socket = socket;
    /** 'address:port' -> client */
    this._clients = new Map();
    this._onMessage = (datagram, remote) => {
      const client = this._clients.get(`${withoutMapping(remote.address)}:${remote.port}`);
      if (client !== undefined) client._onDatagram(datagram, remote);
    };
    this._onError = (error) => this._tellAll((client) => client._onUdpError(error));
    this._onClose = () => this._tellAll((client) => client._onUdpClose());
  }

  add(key, client) {
    if (this._clients.has(key)) return false;
    if (this._clients.size === 0) this._listen();
    this._clients.set(key, client);
    return true;
  }

  remove(key, client) {
    if (this._clients.get(key) !== client) return;
    this._clients.delete(key);
    if (this._clients.size === 0) this._leave();
  }

  _listen() {
    this._socket.on('message', this._onMessage);
    this._socket.on('error', this._onError);
    this._socket.on('close', this._onClose);
  }

  _leave() {
    this._socket.removeListener('message', this._onMessage);
    this._socket.removeListener('error', this._onError);
    this._socket.removeListener('close', this._onClose);
    routers.delete(this._socket);
  }

  /** Iterates over a copy, because a client that is told leaves the table. */
  _tellAll(tell) {
    for (const client of [...this._clients.values()]) tell(client);
  }
}

/**
 * Lets a client have the datagrams that one peer sends to a UDP socket.
 *
 * @param {import('node:dgram').Socket} socket
 * @param {string} address in the one form, see addresses.js
 * @param {number} port
 * @param {object} client with _onDatagram(datagram, remote), _onUdpError(error) and _onUdpClose()
 * @returns {(() => void) | null} takes the client out again; null when another client has that peer already
 */
function join(socket, address, port, client) {
  let router = routers.get(socket);
  if (router === undefined) {
    router = new Router(socket);
    routers.set(socket, router);
  }
  const key = addressKey({ address, port });
  return router.add(key, client) ? () => router.remove(key, client) : null;
}

module.exports = { join };
