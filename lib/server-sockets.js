'use strict';

const { channels } = require('./diagnostics');
const { familyOf } = require('./transport/addresses');

/** The sockets of a server, and what its endpoint and they report. A client has a Link in its place. */
class ServerSockets {
  /**
   * @param {import('./server').DtlsServer} server
   * @param {object} settings of each socket
   * @param {import('./identities').Identities | null} identities with `replaceByIdentity`
   * @param {import('./session-store').SessionStore | null} sessionStore the application's own
   */
  constructor(server, settings, identities, sessionStore) {
    /** Connections that have been announced as secure. */
    this.connected = 0;
    /** Whether there is one connection for each identity. */
    this.replacesByIdentity = identities !== null;
    /** Whether a socket has ever had a listener for its own keys. */
    this.wantKeys = false;
    // A datagram that a server cannot send is sent again, or its peer is gone: nobody waits for it.
    this._onSendError = null;
    this._server = server;
    /** Whether peers are told when their connections are closed. */
    this.sendClose = settings.sendClose;
    this._settings = settings;
    this._identities = identities;
    this._sessionStore = sessionStore;
    this._snapshot = null;
    // The socket that a new handshake has just replaced, until that is announced.
    this._replaced = null;
  }

  /** The live ones by 'address:port': a snapshot without prototype, which is made anew when something has changed. */
  get snapshot() {
    this._server._arriving.announceAll();
    this._snapshot ??= snapshotOf(this._server._endpoint.connections.values());
    return this._snapshot;
  }

  /** A socket for a peer, whose connection has to be placed. */
  create(address, port) {
    const server = this._server;
    const socket = new server.constructor.Socket(server._endpoint, this, this._settings);
    socket.server = server;
    socket.remoteAddress = address;
    socket.remotePort = port;
    // Without a listener for 'error', a peer could end the process; 'close' still says that there was an error.
    socket.on('error', ignore);
    return socket;
  }

  /** Notes a connection. The latest to have come or moved stands last, for the snapshot. */
  place(connection, socket) {
    socket._handle = connection;
    this._server._endpoint.connections.set(connection, socket);
    this._snapshot = null;
  }

  /** A saved connection goes on, in whatever asynchronous context the application has said so. */
  restore(connection, socket, ...rest) {
    socket._scope.runInAsyncScope(this._goOn, this, connection, socket, ...rest);
  }

  _goOn(connection, socket, cipher, peer, session) {
    socket.servername = peer.servername;
    this.place(connection, socket);
    try {
      this._server.emit('connection', socket);
    } finally {
      // A listener may have closed it.
      if (!socket.destroyed) {
        if (channels.resumed.hasSubscribers) channels.resumed.publish({ socket, from: 'connection' });
        socket._open(cipher, peer, session);
      }
    }
  }

  /** A device sends records that no connection of ours can read, so that only a new handshake would help. */
  tellUnplaced(remote, deviceId) {
    this._server.emit('forceDeviceRehandshake', withFamily(remote), deviceId);
  }

  // What the endpoint reports

  get _questions() {
    return this._server._questions;
  }

  /** The socket of an imported connection that has not been announced. */
  _find(connection) {
    return this._server._arriving.find(connection);
  }

  /** Whose endpoint it is, in the messages of diagnostics channels. */
  _role() {
    return { server: this._server };
  }

  _onConnection({ connection, address, port, servername }) {
    const server = this._server;
    if (!server.listening) {
      server._endpoint.close(connection, true);
      return;
    }
    this._replaced = null;
    const socket = this.create(address, port);
    socket.servername = servername ?? false;
    this.place(connection, socket);
    if (channels.handshakeStart.hasSubscribers) channels.handshakeStart.publish({ socket });
    socket._scope.runInAsyncScope(server.emit, server, 'connection', socket);
  }

  /** A handshake has left a session behind for the application's store. */
  _onNewSession({ sessionId, session }) {
    this._sessionStore?.keep(sessionId, session);
  }

  /** A connection has failed, and its session must not be resumed any more. */
  _onSessionEnded({ sessionId }) {
    this._sessionStore?.forget(sessionId);
  }

  /** A peer has moved, and an authentic record has proved it. */
  _onMoved({ connection, address, port, oldAddress, oldPort }) {
    const server = this._server;
    const move = server._moves.takeTo({ address, port });
    const socket = server._endpoint.connections.get(connection);
    if (socket === undefined) return;
    socket.remoteAddress = address;
    socket.remotePort = port;
    server._endpoint.connections.delete(connection);
    this.place(connection, socket);
    server._fleet?.onMoved(socket);
    const old = withFamily({ address: oldAddress, port: oldPort });
    if (channels.moved.hasSubscribers) channels.moved.publish({ socket, old, deviceId: move?.deviceId });
    socket.emit('ipChanged', { ...old, deviceId: move?.deviceId });
  }

  /** The store needs another copy of a connection. */
  _onCopyDue(socket) {
    this._server._fleet?.onCopyDue(socket);
  }

  /** Datagrams wait for another node. */
  _onParcel(parcel) {
    this._server._node.onParcel(parcel);
  }

  // What the sockets report

  _onSocketSecure(socket, session) {
    const server = this._server;
    this.connected++;
    server._fleet?.onSecure(socket);
    if (this._identities !== null && !this._replaceEarlier(socket)) return;
    this._snapshot = null;
    try {
      this._tellReplaced(socket);
      socket.emit('secureConnect', socket);
    } finally {
      if (session === undefined) server.emit('secureConnection', socket);
      else server.emit('secureConnection', socket, session);
    }
  }

  /** Of two connections with one identity, the later one stays. The earlier one's peer is elsewhere now, and is told nothing. */
  _replaceEarlier(socket) {
    const earlier = this._identities.add(socket);
    if (earlier === null) return true;
    this._server._endpoint.close(earlier._handle, false);
    if (earlier === socket) return false;
    earlier.emit('reconnect', socket);
    return true;
  }

  /** The end of the old connection and the new one's handshake are one event after the other. */
  _tellReplaced(socket) {
    const old = this._replaced;
    this._replaced = null;
    if (old === null || old.remotePort !== socket.remotePort || old.remoteAddress !== socket.remoteAddress) return;
    old.emit('reconnect', socket);
  }

  _onHandshakeFailed(socket, error) {
    const server = this._server;
    try {
      server.emit('clientError', error, socket);
      // node:tls's name of the same event.
      server.emit('tlsClientError', error, socket);
    } finally {
      // It is destroyed without the error: nobody has to listen on a socket that was never announced as secure.
      socket.destroy();
    }
  }

  _onSocketClosed(socket, reason) {
    const wasOpen = socket._wasOpen;
    if (wasOpen) this.connected--;
    this._identities?.remove(socket);
    this._server._fleet?.onClosed(socket, reason === 'exported' || (reason === 'local' && !socket.sendClose));
    this._snapshot = null;
    this._replaced = wasOpen && reason === 'replaced' ? socket : null;
  }

  /** A socket has a listener for its own keys. From then on all are asked for, because it may not be the only one. */
  _onKeyLogWanted() {
    this.wantKeys = true;
    this._server._endpoint.logKeys(true);
  }

  _onKeyLog(lines, socket) {
    this._server.emit('keylog', lines, socket);
  }
}

function snapshotOf(sockets) {
  const snapshot = { __proto__: null };
  for (const socket of sockets) {
    const key = `${socket.remoteAddress}:${socket.remotePort}`;
    // A handshake from the address of a live connection replaces it only when it has proved itself. When several
    // devices have moved to one address, the latest of them has it.
    if (socket.connected || !snapshot[key]?.connected) snapshot[key] = socket;
  }
  return snapshot;
}

function withFamily({ address, port }) {
  return { address, family: familyOf(address), port };
}

function ignore() {}

module.exports = { ServerSockets };
