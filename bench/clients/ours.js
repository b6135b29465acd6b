'use strict';

// Our client. node ours.js handshake|echo AMOUNT --port PORT: so many handshakes, or seconds with 8 messages in flight.

const process = require('node:process');

const { connect } = require('../package');
const { measure } = require('./measure');

const open = (port) =>
  connect({
    host: '127.0.0.1',
    port,
    psk: '0123456789abcdef',
    pskIdentity: 'bench',
    ciphers: 'PSK-AES128-CCM8',
  });

measure(process.argv.slice(2), {
  handshake: (port, done) => {
    const client = open(port);
    client.on('secureConnect', () => client.end());
    client.resume();
    client.on('close', done);
  },
  echo: (port, ready) => {
    const client = open(port);
    client.on('secureConnect', () => ready((message) => client.write(message)));
    return { onMessage: (listener) => client.on('data', listener), close: () => client.destroy() };
  },
});
