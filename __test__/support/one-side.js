'use strict';

// One side of a connection in a process of its own, whose memory a test reads: node one-side.js server, or client PORT. Prints
// 'port N', 'open', and 'closed' when it has been told 'close'. Then it waits, with nothing open, until it is ended.

const process = require('node:process');

const { connect, createServer } = require('../..');
const { BOB, HOST } = require('./endpoints.js');

const CIPHERS = ['TLS_PSK_WITH_AES_128_GCM_SHA256'];

const [role, port] = process.argv.slice(2);
const say = (line) => process.stdout.write(`${line}\n`);
// Keeps the process alive.
process.stdin.resume();

if (role === 'server') {
  const server = createServer({ psk: { bob: BOB.psk }, ciphers: CIPHERS }, (socket) => {
    socket.on('data', (message) => socket.write(message));
    say('open');
  });
  server.listen(0, HOST, () => say(`port ${server.address().port}`));
  whenTold(() => server.close(() => say('closed')));
} else {
  const client = connect({ ...BOB, host: HOST, port: Number(port), ciphers: CIPHERS }, () => say('open'));
  client.resume().on('close', () => say('closed'));
  whenTold(() => client.end());
}

function whenTold(close) {
  process.stdin.once('data', close);
}
