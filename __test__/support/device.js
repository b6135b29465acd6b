'use strict';

// A device for tests of moves and restarts: our own client behind a relay, which can change the address that the server
// sees, announce that as the devices of node-mbed-dtls did (content type 254, name, length of the name), hold datagrams
// back, and send old ones again.
//
//   const device = await openDevice(t, server.address().port, { id: Buffer.from('d1') })
//   device.client.write('hello')
//   await device.move()                 // another UDP port
//   device.announce = true              // says so from now on
//   device.client.write('from elsewhere')

const dgram = require('node:dgram');
const { once } = require('node:events');

const { connect } = require('../..');
const { BOB, HOST } = require('./endpoints.js');

/** Devices of node-mbed-dtls have no other. */
const VERSION = 'DTLSv1.2';

const APPLICATION_DATA = 23;
const ANNOUNCEMENT = 254;

class Device {
  constructor(port, { id = Buffer.from('0123456789ab') } = {}) {
    this.port = port;
    this.id = id;
    /** Whether application records announce the device by its name. */
    this.announce = false;
    /** All datagrams with application data, as they were sent. */
    this.sent = [];
    this.client = null;
    this._inside = null;
    this._outside = null;
    this._discarded = [];
  }

  async open(options) {
    this._inside = await bound();
    this._outside = await this._openOutside();
    let peer = null;
    this._inside.on('message', (datagram, remote) => {
      peer = remote;
      this._forward(datagram);
    });
    this._deliver = (datagram) => {
      this.onAnswer?.(datagram);
      if (peer !== null) this._inside.send(datagram, peer.port, peer.address);
    };
    const target = { host: HOST, port: this._inside.address().port };
    this.client = connect({ ...target, ...BOB, maxVersion: VERSION, ...options });
  }

  /** The address that the server sees. */
  get address() {
    return { address: HOST, port: this._outside.address().port };
  }

  /** Uses another port from now on, which may be that of another device. */
  async move(other) {
    if (other === undefined) this.takeOver(await this._openOutside());
    else this.takeOver(other._outside);
  }

  takeOver(outside) {
    this._discarded.push(this._outside);
    this._outside = outside;
    outside.removeAllListeners('message').on('message', (datagram) => this._deliver(datagram));
  }

  /** Two devices change places. */
  static swap(one, other) {
    const [first, second] = [one._outside, other._outside];
    one.takeOver(second);
    other.takeOver(first);
  }

  /** A datagram as it is, from where the device is now. */
  sendRaw(datagram) {
    this._outside.send(datagram, this.port, HOST);
  }

  close() {
    this.client.on('error', () => {});
    this.client.destroy();
    for (const socket of new Set([this._inside, this._outside, ...this._discarded])) {
      try {
        socket.close();
      } catch {
        // It has been closed as another device's.
      }
    }
  }

  _forward(datagram) {
    if (datagram[0] === APPLICATION_DATA) this.sent.push(Buffer.from(datagram));
    this.sendRaw(this.announce && datagram[0] === APPLICATION_DATA ? announcement(datagram, this.id) : datagram);
  }

  async _openOutside() {
    const socket = await bound();
    socket.on('message', (datagram) => this._deliver(datagram));
    return socket;
  }
}

/** A device whose handshake is over; it is closed with the test. */
async function openDevice(t, port, { id, ...options } = {}) {
  const device = new Device(port, { id });
  t.after(() => device.close());
  await device.open(options);
  await once(device.client, 'secureConnect');
  return device;
}

/** node-mbed-dtls's datagram of a device that has moved, or thinks so. */
function announcement(record, id) {
  const datagram = Buffer.concat([record, id, Buffer.of(id.length)]);
  datagram[0] = ANNOUNCEMENT;
  return datagram;
}

async function bound() {
  const socket = dgram.createSocket('udp4');
  socket.bind(0, HOST);
  await once(socket, 'listening');
  return socket;
}

module.exports = { Device, announcement, openDevice };
