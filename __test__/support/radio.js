'use strict';

// UDP sockets of devices that move: what a device sends leaves from the place where it is, and what comes there is for it.

const dgram = require('node:dgram');
const { EventEmitter, once } = require('node:events');

const HOST = '127.0.0.1';

/** A UDP socket, and the device that uses it now. */
class Place {
  constructor(udp) {
    this.udp = udp;
    this.port = udp.address().port;
    this.guest = null;
    udp.on('message', (datagram) => this.guest?.handle(datagram));
  }
}

/** @returns {Promise<Place>} on a port of the system's choice */
async function openPlace() {
  const udp = dgram.createSocket('udp4');
  udp.bind(0, HOST);
  await once(udp, 'listening');
  return new Place(udp);
}

/** A stand-in for a client's UDP socket, which sends from wherever the device is. */
class Radio extends EventEmitter {
  /** @param {number} port of the server */
  constructor(port, place) {
    super();
    this.type = 'udp4';
    this.server = { address: HOST, port };
    this.moveTo(place);
  }

  moveTo(place) {
    if (this.place !== undefined) this.place.guest = null;
    this.place = place;
    place.guest = this;
  }

  /** A datagram that has come to where the device is. */
  handle(datagram) {
    this.emit('message', datagram, this.server);
  }

  send(datagram, port, host, callback) {
    this.place.udp.send(datagram, port, host, callback);
  }

  address() {
    return this.place.udp.address();
  }

  getSendQueueSize() {
    return 0;
  }

  getSendQueueCount() {
    return 0;
  }
}

module.exports = { HOST, Radio, openPlace };
