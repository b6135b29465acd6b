'use strict';

// A server as one of several nodes that serve one address: what it has received for others, and what they have received
// for it. Connection IDs tell whose a record is; see docs/cluster.md.

const net = require('node:net');

const { invalidArgType, invalidArgValue } = require('../errors');
const { port: checkPort } = require('../options/validate');
const { familyOf } = require('../transport/addresses');

const EVENT = 'forward';
const NODES = 256;

/** With fewer bytes, the number of a node would leave nothing to tell connections apart. */
const MIN_CONNECTION_ID = 2;

class Node {
  /**
   * @param {import('../server').DtlsServer} server
   * @param {{ nodeId?: number, connectionId?: number, makesIds?: boolean }} options `makesIds`: whether the application does
   */
  constructor(server, { nodeId, connectionId, makesIds = false }) {
    this._server = server;
    this._connectionId = connectionId;
    this._makesIds = makesIds;
    /** Its number, undefined where there are no others. */
    this.id = nodeId;
    /** Whether it is the one of its worker. */
    this.isWorker = false;
    // Whoever takes parcels, in place of listeners.
    this._link = null;
    this._hasListener = false;
  }

  /** Gives a server its number before its first connection. */
  become(id) {
    if (this._connectionId === undefined || this._connectionId < MIN_CONNECTION_ID) {
      const range = `${MIN_CONNECTION_ID} bytes or more`;
      throw invalidArgValue('options.connectionId', `must be ${range}, because nodes know their connections by it`);
    }
    if (this._makesIds) {
      const reason = 'must be a number, because the cluster chooses the first byte of each connection ID';
      throw invalidArgValue('options.connectionId', reason);
    }
    this.id = id;
    this.isWorker = true;
    this._server._endpoint.native.becomeNode(id);
  }

  /**
   * Lets a link have what belongs to other nodes.
   *
   * @param {{ forward(parcel: { node: number, isReply: boolean, datagrams: Buffer }): void } | null} link
   */
  use(link) {
    if (link !== null && this._link !== null) throw invalidArgValue('server', 'has a link already');
    this._link = link;
    this.reach([]);
    this._hasListener = false;
    this.listen();
  }

  /** Says which nodes can be reached, and how many bytes go to one at once. */
  reach(nodes, parcel = 0) {
    this._server._endpoint.native.forwardTo(Uint8Array.from(nodes), parcel);
  }

  /** Without a link, listeners reach all nodes that there may be. */
  listen() {
    if (this._link !== null) return;
    const hasListener = this._server.listenerCount(EVENT) > 0;
    if (hasListener === this._hasListener) return;
    this._hasListener = hasListener;
    this.reach(hasListener ? Array(NODES).keys() : []);
  }

  /** Takes what the native object has for another node. */
  onParcel(parcel) {
    if (this._link !== null) {
      this._link.forward(parcel);
      return;
    }
    for (const { datagram, address, port } of this._server._endpoint.native.unpack(parcel.datagrams)) {
      const rinfo = { address, family: familyOf(address), port, size: datagram.length };
      this._server.emit(EVENT, parcel.node, datagram, rinfo);
    }
  }

  inject(datagram, rinfo) {
    if (!(datagram instanceof Uint8Array)) throw invalidArgType('datagram', 'an instance of Uint8Array', datagram);
    if (rinfo === null || typeof rinfo !== 'object') throw invalidArgType('rinfo', 'of type object', rinfo);
    if (net.isIP(rinfo.address) === 0) throw invalidArgType('rinfo.address', 'an IP address', rinfo.address);
    checkPort(1)(rinfo.port, 'rinfo.port');
    this._server._endpoint.inject(datagram, rinfo);
  }
}

module.exports = { Node };
