'use strict';

// What node:dgram alone costs a client: the datagrams of a handshake and of its end, as long as ours are, echoed; no
// cryptography, no stream. node udp.js handshake AMOUNT --port PORT

const dgram = require('node:dgram');
const process = require('node:process');

const { measure } = require('./measure');

/** ClientHello without and with cookie; ClientKeyExchange, ChangeCipherSpec and Finished; close_notify. */
const FLIGHTS = [105, 125, 105, 39].map((length) => Buffer.alloc(length));

measure(process.argv.slice(2), {
  handshake: (port, done) => {
    const socket = dgram.createSocket('udp4');
    let flight = 0;
    const send = () => socket.send(FLIGHTS[flight++], port, '127.0.0.1');
    socket.on('message', () => {
      if (flight < FLIGHTS.length) send();
      else socket.close(done);
    });
    send();
  },
});
