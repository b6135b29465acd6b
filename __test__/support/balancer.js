'use strict';

// A load balancer between one device and the nodes of a fleet, with an address of its own, which a test points where it
// wants. It keeps what it has sent to the device.

const dgram = require('node:dgram');
const { once } = require('node:events');

const HOST = '127.0.0.1';

class Balancer {
  constructor() {
    this._front = dgram.createSocket('udp4');
    this._device = null;
    /** UDP port of the node that gets what the device sends. */
    this.target = 0;
    /** Datagrams of the nodes, in order. */
    this.sent = [];
    /** Those of the device. */
    this.received = [];
  }

  static async open(t, target) {
    const balancer = new Balancer();
    const { _front: front } = balancer;
    balancer.target = target;
    front.on('message', (datagram, remote) => {
      balancer._device = remote;
      balancer.received.push(datagram);
      balancer._back.send(datagram, balancer.target, HOST);
    });
    front.bind(0, HOST);
    await Promise.all([once(front, 'listening'), balancer.rebind()]);
    t.after(() => {
      front.close();
      balancer._back.close();
    });
    return balancer;
  }

  /** The nodes see another address of the device from now on. */
  async rebind() {
    this._back?.close();
    this._back = dgram.createSocket('udp4');
    this._back.on('message', (datagram) => {
      this.sent.push(datagram);
      this._front.send(datagram, this._device.port, HOST);
    });
    this._back.bind(0, HOST);
    await once(this._back, 'listening');
  }

  /** What the device connects to. */
  get port() {
    return this._front.address().port;
  }

  /** What the nodes see of the device. */
  get address() {
    return `${HOST}:${this._back.address().port}`;
  }

  /** Sends something to a node as if it came from the device. */
  forge(datagram, target = this.target) {
    this._back.send(datagram, target, HOST);
  }
}

module.exports = { Balancer };
