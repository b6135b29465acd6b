'use strict';

// A program: workers of node:cluster that serve one port with connection IDs. Arguments: the port, how many workers, the key of
// the clients, a directory.
//
// Its parent hears of each worker: `{ index, reached }`, how many others it can reach; `{ index, heard }`, messages behind
// the name of the connection that they came on; `{ index, stats }` when it is asked by `{ stats: true }`, and at its end.
// `{ replace: index }` has a new worker take the place of one.

const cluster = require('node:cluster');
const { randomBytes } = require('node:crypto');
const path = require('node:path');
const process = require('node:process');

const { createServer } = require('../..');
const { forkNode, joinCluster, replaceNode } = require('../../lib/cluster');
const { HOST } = require('./endpoints.js');

/** Milliseconds between two reports of what was heard. */
const REPORT = 100;

if (cluster.isPrimary) lead(Number(process.argv[3]));
else serve();

function lead(count) {
  const env = { HANDOVER_KEY: randomBytes(32).toString('hex') };
  const workers = [];
  const watch = (index, worker) => {
    workers[index] = worker;
    worker.on('message', ({ report }) => {
      // What one that has been replaced can reach does not matter any more.
      if (report === undefined || (report.reached !== undefined && workers[index] !== worker)) return;
      process.send({ index, ...report }, ignore);
    });
  };
  for (let index = 0; index < count; index++) watch(index, forkNode({ ...env, INDEX: String(index) }));
  process.on('message', ({ replace, stats }) => {
    if (replace !== undefined) watch(replace, replaceNode(workers[replace], { ...env, INDEX: String(replace) }));
    if (stats) for (const worker of workers) worker.send({ stats });
  });
  process.on('disconnect', () => process.exit());
}

function serve() {
  const [port, , psk, directory] = process.argv.slice(2);
  const { HANDOVER_KEY: key, INDEX: index } = process.env;
  const heard = [];
  const server = createServer({ psk, connectionId: 8 }, (socket) => {
    socket.on('data', (data) => {
      const message = String(data);
      // What a connection says first is its name, and travels with it.
      socket.data ??= message.split(':')[0];
      heard.push([socket.data, message]);
      socket.write(data);
    });
  });
  const report = (what) => process.send({ report: what }, ignore);
  joinCluster(server);
  server._node.reach = reachAnd(server._node.reach, (reached) => report({ reached }));
  setInterval(() => {
    if (heard.length > 0) report({ heard: heard.splice(0) });
  }, REPORT);
  process.on('message', ({ stats }) => {
    if (stats) report({ stats: server.stats });
  });
  server.on('close', () => {
    process.send({ report: { heard, stats: server.stats } }, () => process.exit());
  });
  const handover = { path: path.join(directory, index), key: Buffer.from(key, 'hex') };
  server.listen({ port: Number(port), host: HOST, handover });
}

/** Whoever asked has gone. */
function ignore() {}

/** Says how many others can be reached whenever that changes. */
function reachAnd(reach, say) {
  return function said(nodes, parcel) {
    reach.call(this, nodes, parcel);
    say(nodes.length);
  };
}
