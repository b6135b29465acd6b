'use strict';

// A program: workers of node:cluster, each with an echo server on one port. Arguments: the port, how many workers. It
// reports 'listening' when all of them listen, and ends with its parent.

const cluster = require('node:cluster');

const { createServer } = require('../..');
const { BOB, HOST } = require('./endpoints.js');

const [port, count] = process.argv.slice(2).map(Number);

if (cluster.isPrimary) {
  let listening = 0;
  for (let started = 0; started < count; started++) {
    cluster.fork().on('message', () => {
      listening++;
      if (listening === count) process.send('listening');
    });
  }
  process.on('disconnect', () => process.exit());
} else {
  const server = createServer({ psk: { [BOB.pskIdentity]: BOB.psk } }, (socket) => {
    socket.on('data', (message) => socket.write(`${process.pid} ${message}`));
  });
  server.listen(port, HOST, () => process.send('listening'));
}
