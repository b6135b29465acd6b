'use strict';

// An attacker's DTLS 1.2 server, without any key: it answers a client's datagrams as the test says.
//
//   const server = await Server.open(t, (hello, answer) => answer.helloVerifyRequest(randomBytes(20)))
//   connect({ port: server.port, ... })

const dgram = require('node:dgram');
const { once } = require('node:events');

const { TYPE, helloVerifyRequest, message, parseClientHello, parseMessages, serverHello } = require('./handshake.js');
const { ALERT, HANDSHAKE, parseRecords, record } = require('./record.js');

class Server {
  constructor(socket, onHello) {
    this._socket = socket;
    this._onHello = onHello;
    this.hellos = 0;
    /** Types of the messages that have come in plaintext. */
    this.messages = [];
    /** Descriptions of the alerts that have come in plaintext. */
    this.alerts = [];
    /** The numbers of records and messages go on; a ServerHello's begins where its hello's is. */
    this._number = 0;
    this._sequence = 0;
    this._remote = null;
    socket.on('message', (datagram, remote) => this._handle(datagram, remote));
    socket.on('error', () => {});
  }

  /**
   * @param {{ after: Function }} test at whose end it is closed
   * @param {(hello: object, server: Server) => void} onHello called with each ClientHello
   */
  static async open(test, onHello) {
    const socket = dgram.createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    test.after(() => socket.close());
    return new Server(socket, onHello);
  }

  get port() {
    return this._socket.address().port;
  }

  /** One datagram to the client that has spoken last. */
  send(...records) {
    this._socket.send(Buffer.concat(records), this._remote.port, this._remote.address);
  }

  /** RFC 6347 section 4.2.1: under the number of its hello. */
  sendHelloVerifyRequest(cookie) {
    this.send(this.handshakeRecord(TYPE.HELLO_VERIFY_REQUEST, helloVerifyRequest(cookie)));
  }

  /** @returns {Buffer} a record with the ServerHello */
  serverHello(fields) {
    return this.handshakeRecord(TYPE.SERVER_HELLO, serverHello(fields));
  }

  serverHelloDone() {
    return this.handshakeRecord(TYPE.SERVER_HELLO_DONE, Buffer.alloc(0));
  }

  /** A whole message in a record of its own; `sequence` is the message's. */
  handshakeRecord(type, body, sequence = this._sequence++) {
    return record({ type: HANDSHAKE, number: this._number++, content: message(type, sequence, body) });
  }

  /** Any record under the next number. */
  record(fields) {
    return record({ number: this._number++, ...fields });
  }

  _handle(datagram, remote) {
    this._remote = remote;
    for (const { type, epoch, number, content } of parseRecords(datagram)) {
      if (epoch !== 0) continue;
      if (type === ALERT) this.alerts.push(content[1]);
      if (type === HANDSHAKE) this.messages.push(content[0]);
      if (type !== HANDSHAKE || content[0] !== TYPE.CLIENT_HELLO) continue;
      const [{ body, sequence }] = parseMessages(content);
      this.hellos += 1;
      this._number = number;
      this._sequence = sequence;
      this._onHello(parseClientHello(body), this);
    }
  }
}

module.exports = { Server };
