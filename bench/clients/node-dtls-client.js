'use strict';

// node-dtls-client, as ours.js.

const process = require('node:process');

const { dtls } = require('../peers/node_modules/node-dtls-client');
const { measure } = require('./measure');

const open = (port) =>
  dtls.createSocket({
    type: 'udp4',
    address: '127.0.0.1',
    port,
    psk: { bench: '0123456789abcdef' },
    ciphers: ['TLS_PSK_WITH_AES_128_CCM_8'],
  });

measure(process.argv.slice(2), {
  handshake: (port, done) => {
    const client = open(port);
    client.on('connected', () => client.close());
    client.on('close', done);
    // Some of its handshakes time out when there are several at a time.
    client.on('error', done);
  },
  echo: (port, ready) => {
    const client = open(port);
    client.on('connected', () => ready((message) => client.send(message)));
    return { onMessage: (listener) => client.on('message', listener), close: () => client.close() };
  },
});
