'use strict';

// A program: the server of __test__/load/onslaught.js, a child process of it. It is told what it has for credentials, and tells
// `{ port }` when it listens. To `{ count: true }` it answers with its counters, to `{ look: true }` with its memory after garbage collection
// as well. Whatever a client says comes back.

const process = require('node:process');

const { createServer } = require('../..');
const { HOST, echo } = require('./endpoints.js');

/** After so much silence a client is gone, and after so much time a handshake is, ms: what attackers leave behind goes soon. */
const IDLE = 30_000;
const HANDSHAKE = 20_000;

let server;

process.on('message', ({ serve, look }) => {
  if (serve !== undefined) return start(serve);
  const { datagramsReceived, connections, handshakes, lookups, recordsDropped, handshakesCompleted } = server.stats;
  const counts = { datagramsReceived, connections, handshakes, lookups, recordsDropped, handshakesCompleted };
  if (look) global.gc();
  process.send({ ...counts, ...(look && { memory: memory() }) });
});
process.on('disconnect', () => process.exit());

function memory() {
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heapUsed, external, rss };
}

function start({ psk, key, cert }) {
  const options = {
    ...(key && { key, cert }),
    psk,
    minVersion: 'DTLSv1.2',
    maxVersion: 'DTLSv1.3',
    connectionId: 8,
    pskSessions: true,
    maxSessions: 1_000,
    idleTimeout: IDLE,
    handshakeTimeout: HANDSHAKE,
    // They all have one address.
    maxHandshakes: 10_000,
    maxHandshakesPerAddress: 10_000,
  };
  server = createServer(options, (socket) => {
    socket.on('error', () => {});
    echo(socket);
  });
  server.on('clientError', () => {});
  server.listen(0, HOST, () => process.send({ port: server.address().port }));
}
