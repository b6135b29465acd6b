'use strict';

// A man in the middle: a relay on loopback between one client and a server, which sees each datagram, may withhold or
// change it, and can speak to either of them in the other's name.
//
//   const link = await Link.open(t, server.address().port)
//   link.onClient = (datagram) => [changed(datagram)]     // what goes on in its place
//   connect({ port: link.port, ... })

const dgram = require('node:dgram');
const { once } = require('node:events');

const HOST = '127.0.0.1';

class Link {
  constructor(front, back, serverPort) {
    this._front = front;
    this._back = back;
    this._serverPort = serverPort;
    this._client = null;
    /** What goes on of a datagram of the client's, and of the server's. */
    this.onClient = (datagram) => [datagram];
    this.onServer = (datagram) => [datagram];
    front.on('message', (datagram, remote) => {
      this._client = remote;
      for (const each of this.onClient(datagram)) this.toServer(each);
    });
    back.on('message', (datagram) => {
      for (const each of this.onServer(datagram)) this.toClient(each);
    });
    for (const socket of [front, back]) socket.on('error', () => {});
  }

  /** @param {{ after: Function }} test at whose end it is closed */
  static async open(test, serverPort) {
    const sockets = [dgram.createSocket('udp4'), dgram.createSocket('udp4')];
    for (const socket of sockets) {
      socket.bind(0, HOST);
      test.after(() => socket.close());
    }
    await Promise.all(sockets.map((socket) => once(socket, 'listening')));
    return new Link(...sockets, serverPort);
  }

  /** Where the client finds it in the server's place. */
  get port() {
    return this._front.address().port;
  }

  toServer(datagram) {
    this._back.send(datagram, this._serverPort, HOST);
  }

  toClient(datagram) {
    this._front.send(datagram, this._client.port, this._client.address);
  }
}

module.exports = { Link };
