'use strict';

// A Redis server for one test, and its client: `npm run setup -- --interop` installs both.

const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { anyPort } = require('./endpoints.js');

// The client of the package `redis` alone: to load all of that package keeps a node busy for most of a second.
const MODULES = path.join(__dirname, '..', '..', 'target', 'interop', 'npm', 'node_modules');
const PACKAGE = path.join(MODULES, '@redis', 'client');

/** Why there is no Redis here; false when there is one. */
const lacking = !fs.existsSync(PACKAGE)
  ? 'skipped (the npm package redis not found)'
  : spawnSync('redis-server', ['--version']).error
    ? 'skipped (redis-server not found)'
    : false;

/**
 * @param {object} t
 * @param {{ port?: number, directory?: string, options?: string[] }} [how] where it keeps what it saves, and options of redis-server
 * @returns {Promise<{ port: number, child: object, client: object, connect: () => Promise<object> }>}
 */
async function startRedis(t, { port: wanted, directory = temporary(t), options = [] } = {}) {
  for (;;) {
    const port = wanted ?? anyPort();
    const child = await spawnRedis(t, port, ['--dir', directory, ...options]);
    if (child !== null) return connectTo(t, port, child);
    // Somebody else has the port.
    if (wanted !== undefined) throw new Error(`redis-server has not begun to listen on port ${port}`);
  }
}

/** @returns {Promise<object | null>} the process; null when it has ended instead of listening */
async function spawnRedis(t, port, options) {
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...options];
  // It outlives a test that runs out of its time, and must not keep the runner's streams open.
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  t.after(() => {
    child.kill('SIGCONT');
    child.kill('SIGKILL');
  });
  for await (const text of child.stdout.iterator({ destroyOnReturn: false })) {
    if (!String(text).includes('Ready to accept connections')) continue;
    child.stdout.resume();
    return child;
  }
  return null;
}

async function connectTo(t, port, child) {
  const connect = async () => {
    const client = createClient(port);
    await client.connect();
    t.after(() => client.destroy());
    return client;
  };
  return { port, child, client: await connect(), connect };
}

function temporary(t) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-'));
  t.after(() => fs.rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function createClient(port) {
  const client = require(PACKAGE).createClient({ socket: { host: '127.0.0.1', port } });
  // What goes wrong shows in the test.
  client.on('error', () => {});
  return client;
}

module.exports = { createClient, lacking, startRedis };
