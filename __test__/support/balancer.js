'use strict';

// A load balancer between one device and the nodes of a fleet, with an address of its own, which a test points where it
// wants. It keeps what it has sent to the device.

const dgram = require('node:dgram');
const { once } = require('node:events');

const HOST = '127.0.0.1';

class Balancer {
  constructor() {
    this._front = dgram.createSocket('udp4');
    this._back = dgram.createSocket('udp4');
    /** UDP port of the node that gets what the device sends. */
    this.target = 0;
    /** Datagrams of the nodes, in order. */
    this.sent = [];
    /** Those of the device. */
    this.received = [];
  }

  static async open(t, target) {
    const balancer = new Balancer();
    const { _front: front, _back: back } = balancer;
    balancer.target = target;
    let device = null;
    front.on('message', (datagram, remote) => {
      device = remote;
      balancer.received.push(datagram);
      back.send(datagram, balancer.target, HOST);
    });
    back.on('message', (datagram) => {
      balancer.sent.push(datagram);
      front.send(datagram, device.port, HOST);
    });
    front.bind(0, HOST);
    back.bind(0, HOST);
    await Promise.all([once(front, 'listening'), once(back, 'listening')]);
    t.after(() => {
      front.close();
      back.close();
    });
    return balancer;
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
