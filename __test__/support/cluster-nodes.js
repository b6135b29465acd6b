'use strict';

// A program: a cluster of nodes with an echo server each on one port. Arguments: the port, how many workers. Whatever
// its parent sends goes to one worker, `{ kill: index }` ends one and starts another, and it ends with its parent.

const cluster = require('node:cluster');

const { createServer } = require('../..');
const { forkNode, joinCluster } = require('../../lib/cluster');
const { BOB, HOST } = require('./endpoints.js');

const [port, count] = process.argv.slice(2).map(Number);

if (cluster.isPrimary) {
  const workers = [];
  const start = (index) => {
    workers[index] = forkNode();
    workers[index].on('message', (message) => {
      if (message.worker !== undefined) process.send({ ...message, index });
    });
  };
  for (let index = 0; index < count; index++) start(index);
  process.on('message', ({ restart, stats }) => {
    if (stats) for (const worker of workers) worker.send({ stats });
    if (restart === undefined) return;
    workers[restart].once('exit', () => start(restart));
    workers[restart].process.kill('SIGKILL');
  });
  process.on('disconnect', () => process.exit());
} else {
  const server = createServer({ psk: { [BOB.pskIdentity]: BOB.psk }, connectionId: 8 }, (socket) => {
    socket.on('data', (message) => socket.write(`${process.pid} ${message}`));
  });
  joinCluster(server);
  server.listen(port, HOST);
  // Ready once the others are.
  server._node.reach = reachAnd(server._node.reach);
  process.on('message', ({ stats }) => {
    if (stats) process.send({ worker: process.pid, stats: server.stats });
  });
}

/** Says how many others can be reached whenever that changes. */
function reachAnd(reach) {
  return function said(nodes, parcel) {
    reach.call(this, nodes, parcel);
    process.send({ worker: process.pid, reached: nodes.length });
  };
}
