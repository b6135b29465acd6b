'use strict';

// The server that bench/floods.mjs floods, a child process of it: sends back what comes. It collects garbage at `'collect'`, and answers
// `'count'` with how many datagrams have come.

const process = require('node:process');

const { createServer } = require('../package.js');
const { NEVER_FOUND } = require('../../__test__/attack/crowd/stages.js');

const server = createServer(
  {
    minVersion: 'DTLSv1.2',
    maxVersion: 'DTLSv1.3',
    connectionId: 8,
    pskCallback: (_socket, identity, callback) => {
      if (identity !== NEVER_FOUND) callback(null, 'secret of bob');
    },
  },
  (socket) => {
    socket.on('data', (message) => socket.write(message));
    socket.on('error', () => {});
  },
);
server.on('clientError', () => {});

process.on('message', (message) => {
  if (message === 'collect') global.gc();
  process.send(server.stats.datagramsReceived);
});
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => process.send(server.address().port));
