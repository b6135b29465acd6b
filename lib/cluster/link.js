'use strict';

// The link of a node to the other nodes that serve its address: datagrams that arrived at one and belong to another, and
// answers that have to leave where their questions came in.
//
// The link is DTLS of our own with a key that all nodes have, on a UDP port of its own, so that nothing forged, replayed or
// changed gets in. Each node is a server for the others, and a client of each. Records lost on the way are lost, as on any
// other part of the way.
//
// A message is a type and what it says:
//
//   0  are you there?  and the answer, the same
//   1  a parcel of datagrams, which are the receiver's (src/binding/parcels.rs)
//   2  a parcel of datagrams, which the receiver is to send to their peers

const { EventEmitter } = require('node:events');

const PING = 0;
const FORWARD = 1;
const REPLY = 2;

const NODES = 256;

/** Milliseconds between two questions whether a node is there, and how many may be without answer. */
const PING_INTERVAL = 1000;
const PINGS = 3;

/** Milliseconds before a node is tried again that could not be reached. */
const RETRY = 250;

/** Bytes that may wait in the queue to one node. More are lost, as in any queue of the network. */
const QUEUE_LIMIT = 1024 * 1024;

/** The longest parcel that fits into one message, bytes. */
const LONGEST_PARCEL = 16_000;

/** Nothing asymmetric is needed, and the record has to be fast. */
const CIPHERS = ['TLS_PSK_WITH_AES_128_GCM_SHA256'];

const ALIVE = Buffer.of(PING);

/**
 * Events: 'listening' when the link has its port, 'reach'(nodes) when the nodes change that answer, 'error'(error) when its
 * UDP socket fails, 'close'.
 */
class Link extends EventEmitter {
  /**
   * @param {import('../server').DtlsServer} server with a number
   * @param {object} settings
   * @param {Uint8Array} settings.key all nodes have the same
   * @param {boolean} settings.relays whether answers leave through the node that the question has come through
   * @param {boolean} settings.isSameMachine whether all nodes have the same addresses
   * @param {number} settings.parcel bytes of a parcel
   * @param {Function} settings.createServer
   * @param {Function} settings.connect
   */
  constructor(server, { key, relays, isSameMachine, parcel, createServer, connect }) {
    super();
    this._node = server._node;
    this._endpoint = server._endpoint;
    this._id = this._node.id;
    this._key = key;
    this._relays = relays;
    this._isSameMachine = isSameMachine;
    this._parcel = parcel;
    this._connect = connect;
    this._peers = new Map();
    this._isClosed = false;
    this._lost = 0;
    // Identities are numbers of nodes. Whoever has the key is one of them.
    const psk = Object.fromEntries(Array.from({ length: NODES }, (_, id) => [String(id), key]));
    this._listener = createServer({ psk, ciphers: CIPHERS, idleTimeout: 10 * PING_INTERVAL, hibernateAfter: Infinity });
    this._listener.on('secureConnection', (socket) => this._onPeer(socket));
    this._listener.on('error', (error) => this._fail(error));
    this._node.use(this);
    server.once('close', () => this.close());
  }

  /** The UDP address of the link; null before 'listening'. */
  address() {
    return this._listener.address();
  }

  /** The nodes that answer, and how many parcels could not be handed to one. */
  get stats() {
    return { nodes: this._reached(), parcelsLost: this._lost };
  }

  listen({ port, address }) {
    this._listener.listen({ port, host: address, exclusive: true }, () => this.emit('listening'));
    this._listener.unref();
    return this;
  }

  /**
   * Says where the other nodes are. Those that are not named any more are no nodes any more.
   *
   * @param {Record<number, { address: string, port: number }>} nodes
   */
  setNodes(nodes) {
    if (this._isClosed) return;
    for (const [id, peer] of this._peers) {
      const { address, port } = nodes[id] ?? {};
      if (peer.address === address && peer.port === port) continue;
      this._peers.delete(id);
      peer.close();
    }
    for (const [name, place] of Object.entries(nodes)) {
      const id = Number(name);
      if (id !== this._id && !this._peers.has(id)) this._peers.set(id, new Peer(this, place));
    }
    this._onReach();
  }

  /** Ends the link, and nothing else. */
  close() {
    if (this._isClosed) return;
    this._isClosed = true;
    for (const peer of this._peers.values()) peer.close();
    this._peers.clear();
    this._node.use(null);
    this._listener.close(() => this.emit('close'));
  }

  /** Sends a parcel to its node. */
  forward({ node, isReply, datagrams }) {
    const peer = this._peers.get(node);
    if (peer === undefined || datagrams.length > LONGEST_PARCEL || !peer.send(isReply ? REPLY : FORWARD, datagrams)) {
      this._lost++;
    }
  }

  _onPeer(socket) {
    const id = Number(socket.pskIdentity);
    const from = { relay: this._relays ? id : undefined, isSameMachine: this._isSameMachine };
    socket.on('data', (message) => {
      if (message[0] === PING) socket.write(ALIVE);
      else if (message[0] === FORWARD) this._endpoint.injectParcel(message.subarray(1), from);
      else if (message[0] === REPLY) this._endpoint.sendParcel(message.subarray(1));
    });
  }

  _reached() {
    return [...this._peers].filter(([, peer]) => peer.isOpen).map(([id]) => id);
  }

  _onReach() {
    if (this._isClosed) return;
    const nodes = this._reached();
    this._node.reach(nodes, this._parcel);
    this.emit('reach', nodes);
  }

  _fail(error) {
    this.close();
    this.emit('error', error);
  }
}

/** The way to one other node. */
class Peer {
  constructor(link, { address, port }) {
    this.address = address;
    this.port = port;
    this.isOpen = false;
    this._link = link;
    this._unanswered = 0;
    this._isClosed = false;
    this._timer = null;
    this._open();
  }

  /** @returns {boolean} false when the node cannot be reached */
  send(type, parcel) {
    if (!this.isOpen || this._socket.writableLength > QUEUE_LIMIT) return false;
    const message = Buffer.allocUnsafe(parcel.length + 1);
    message[0] = type;
    message.set(parcel, 1);
    this._socket.write(message);
    return true;
  }

  close() {
    this._isClosed = true;
    clearTimeout(this._timer);
    this._socket.destroy();
  }

  _open() {
    const { _link: link, address: host, port } = this;
    const pskIdentity = String(link._id);
    this._unanswered = 0;
    this._socket = link._connect(
      { host, port, psk: link._key, pskIdentity, ciphers: CIPHERS, handshakeTimeout: 10 * PING_INTERVAL },
      () => this._setOpen(true),
    );
    this._socket.on('data', () => {
      this._unanswered = 0;
    });
    this._socket.on('error', () => {});
    this._socket.on('close', () => this._onClose());
    this._socket.unref();
  }

  _setOpen(isOpen) {
    if (this.isOpen === isOpen) return;
    this.isOpen = isOpen;
    if (isOpen) this._ping();
    this._link._onReach();
  }

  _ping() {
    clearTimeout(this._timer);
    if (this._isClosed || !this.isOpen) return;
    if (this._unanswered === PINGS) {
      this._socket.destroy();
      return;
    }
    this._unanswered++;
    this._socket.write(ALIVE);
    this._timer = setTimeout(() => this._ping(), PING_INTERVAL).unref();
  }

  _onClose() {
    if (this._isClosed) return;
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this._open(), RETRY).unref();
    this._setOpen(false);
  }
}

module.exports = { Link };
