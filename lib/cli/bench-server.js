'use strict';

// The server of `mbed-dtls bench`, which echoes in a thread of its own until it is told to end.

const { parentPort, workerData } = require('node:worker_threads');

const { createServer } = require('../..');

const server = createServer(workerData, (socket) => {
  socket.on('data', (message) => socket.write(message));
  socket.on('error', () => {});
});
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
parentPort.once('message', () => server.close());
