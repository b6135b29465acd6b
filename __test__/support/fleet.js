'use strict';

// Nodes of a fleet in this process and in others, and a device that talks to them.

const { spawn } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const path = require('node:path');
const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');

const { createRedisStore, createServer } = require('../..');
const { Balancer } = require('./balancer.js');
const { BOB, HOST, event, openClient } = require('./endpoints.js');

const KEY = randomBytes(32);

/** A node that answers with its name. */
async function startNode(t, name, client, options = {}) {
  const connectionStore = createRedisStore(client, { key: KEY, timeout: 300 });
  const server = createServer({ psk: { bob: BOB.psk }, connectionStore, ...options }, (socket) => {
    socket.data ??= { first: name };
    socket.on('data', (message) => socket.write(`${name} ${message}`));
  });
  server.listen(0, HOST);
  t.after(() => new Promise((resolve) => server.close(resolve)));
  await event(server, 'listening');
  return server;
}

/** A node of its own process, which answers with its pid. */
async function startChild(t, redisPort, env = {}) {
  const args = [path.join(__dirname, 'fleet-node.js'), redisPort, KEY.toString('hex')];
  const stdio = ['ignore', 'pipe', 'inherit'];
  const child = spawn(process.execPath, args, { stdio, env: { ...process.env, ...env } });
  t.after(() => child.kill('SIGKILL'));
  const [line] = await once(child.stdout, 'data');
  return { child, port: Number(/port (\d+)/.exec(line)[1]) };
}

/** A device that talks through a balancer to the first of these ports. */
async function connectDevice(t, port, options = {}) {
  const balancer = await Balancer.open(t, port);
  const client = openClient(t, { address: () => ({ port: balancer.port }) }, { ...BOB, ...options });
  const lines = [];
  client.on('keylog', (line) => lines.push(line));
  await event(client, 'secureConnect');
  return { balancer, client, lines };
}

async function ask(client, question) {
  const answer = event(client, 'data');
  client.write(question);
  return String(await Promise.race([answer, sleep(2000, 'nothing')]));
}

/** The only key of this kind, once it is there. */
async function storedKey(client, kind = 'connection') {
  for (let count = 0; count < 100; count++) {
    const keys = await client.keys(`mbed-dtls:${kind}:*`);
    if (keys.length > 0) return keys[0];
    await sleep(10);
  }
  throw new Error('Nothing is stored');
}

/** Explicit nonces of the data that the nodes have sent. */
function nonces({ sent }) {
  return sent.filter((datagram) => datagram[0] === 23).map((datagram) => datagram.toString('hex', 13, 21));
}

module.exports = { KEY, ask, connectDevice, nonces, startChild, startNode, storedKey };
