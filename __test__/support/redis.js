'use strict';

// A Redis server for one test, and its client: `npm run setup -- --interop` installs both.

const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');

// The client of the package `redis` alone: to load all of that package keeps a node busy for most of a second.
const MODULES = path.join(__dirname, '..', '..', 'target', 'interop', 'npm', 'node_modules');
const PACKAGE = path.join(MODULES, '@redis', 'client');

/** Why there is no Redis here; false when there is one. */
const lacking = !fs.existsSync(PACKAGE)
  ? 'skipped (the npm package redis not found)'
  : spawnSync('redis-server', ['--version']).error
    ? 'skipped (redis-server not found)'
    : false;

/** @returns {Promise<{ port: number, child: object, client: object, connect: () => Promise<object> }>} */
async function startRedis(t) {
  const port = await freeTcpPort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => {
    child.kill('SIGCONT');
    child.kill('SIGKILL');
  });
  for await (const text of child.stdout.iterator({ destroyOnReturn: false })) {
    if (String(text).includes('Ready to accept connections')) break;
  }
  child.stdout.resume();
  const connect = async () => {
    const client = createClient(port);
    await client.connect();
    t.after(() => client.destroy());
    return client;
  };
  return { port, child, client: await connect(), connect };
}

function createClient(port) {
  const client = require(PACKAGE).createClient({ socket: { host: '127.0.0.1', port } });
  // What goes wrong shows in the test.
  client.on('error', () => {});
  return client;
}

async function freeTcpPort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

module.exports = { createClient, lacking, startRedis };
