'use strict';

// UDP addresses of an attacker, and of devices. Where any of 127.0.0.0/8 is ours, which it is on Linux and Windows, they
// can be of many hosts. What comes waits until it is asked for.
//
//   const address = await Address.open(t, '127.0.3.4')
//   const client = await address.handshake(port, new Client())
//   address.send(client.data('hello'), port)

const dgram = require('node:dgram');
const { once } = require('node:events');
const process = require('node:process');

const { TYPE } = require('./handshake.js');

const HOST = '127.0.0.1';

/** macOS has no other loopback address unless it is told so. */
const HAS_LOOPBACK_NETWORK = process.platform !== 'darwin';
const PATIENCE = 2_000;

class Address {
  constructor(socket) {
    this._socket = socket;
    this._waiting = [];
    this._wanted = null;
    /** How long an answer may take, ms. */
    this.patience = PATIENCE;
    socket.on('message', (datagram) => {
      this._waiting.push(datagram);
      this._wanted?.();
    });
    // The server may be gone.
    socket.on('error', () => {});
  }

  /** @param {{ after: Function }} test at whose end it is closed */
  static async open(test, host = HOST) {
    const socket = dgram.createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.bind(0, host);
    await once(socket, 'listening');
    const address = new Address(socket);
    test.after(() => address.close());
    return address;
  }

  get host() {
    return this._socket.address().address;
  }

  get port() {
    return this._socket.address().port;
  }

  /** @returns {Promise<void>} when it has left, which only who closes the address at once has to wait for */
  send(datagram, port, host = HOST) {
    return new Promise((resolve) => {
      this._socket.send(datagram, port, host, () => resolve());
    });
  }

  /** The next datagram that comes, null when none does in time. */
  async next(milliseconds = this.patience) {
    if (this._waiting.length === 0) {
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this._wanted = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this._wanted = null;
    }
    return this._waiting.shift() ?? null;
  }

  /** Collects datagrams until the address has been silent for this long. */
  async rest(milliseconds = 100) {
    const all = [];
    for (;;) {
      const datagram = await this.next(milliseconds);
      if (datagram === null) return all;
      all.push(datagram);
    }
  }

  /** Hands the client what comes until `isEnough()`. */
  async listen(client, isEnough, what) {
    while (!isEnough()) {
      const datagram = await this.next();
      if (datagram === null) throw new Error(`No ${what} came; heard: ${client.heard}; alerts: ${client.alerts}`);
      client.handle(datagram);
    }
  }

  /** The client's cookie for this server. */
  async proveAddress(port, client, host) {
    this.send(client.hello(), port, host);
    await this.listen(client, () => client.cookie.length > 0, 'cookie');
  }

  /** Up to the server's first flight, or, where a session is resumed, its only one. */
  async greet(port, client, host) {
    await this.proveAddress(port, client, host);
    this.send(client.hello(), port, host);
    await this.listen(
      client,
      () => client.isOpen || client.heard.includes(TYPE.SERVER_HELLO_DONE),
      'flight of the server',
    );
  }

  /** The whole handshake. */
  async handshake(port, client) {
    await this.greet(port, client);
    this.send(client.lastFlight(), port);
    await this.listen(client, () => client.isOpen, 'Finished');
    return client;
  }

  close() {
    this._socket.close();
  }
}

/** An address of another host than an honest client's. */
function elsewhere(number = 1) {
  return HAS_LOOPBACK_NETWORK ? `127.0.66.${number}` : HOST;
}

module.exports = { Address, HAS_LOOPBACK_NETWORK, HOST, elsewhere };
