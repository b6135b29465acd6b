'use strict';

// Nodes of a fleet in this process and in others, a device that talks to them, and the nonces of what they send to it.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const path = require('node:path');
const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');

const { createRedisStore, createServer, versions } = require('../..');
const { Balancer } = require('./balancer.js');
const { BOB, HOST, event, openClient } = require('./endpoints.js');
const { noncesOf } = require('./sent-nonces.js');

const KEY = randomBytes(32);

const OLDER = { minVersion: 'DTLSv1.2', maxVersion: 'DTLSv1.2' };
const NEWER = { minVersion: 'DTLSv1.3', maxVersion: 'DTLSv1.3' };

/** Why nothing speaks DTLS 1.3 here; false when it is spoken. */
const lackingNewer = versions['aws-lc'] === undefined && 'this build has no AWS-LC';

/** Milliseconds in which even a machine that does a lot else asks Redis. */
const PATIENT = 30_000;

/** Milliseconds for a test that is about a store that does not answer. */
const IMPATIENT = 300;

/** Datagrams that a socket reads in one turn, so that none is lost. */
const AT_ONCE = 16;

/** A node that answers with its name. */
async function startNode(t, name, client, { storeTimeout = PATIENT, ...options } = {}) {
  const connectionStore = createRedisStore(client, { key: KEY, timeout: storeTimeout });
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

/** A device that talks through a balancer to the node at this port, and the nonces of what nodes send to it. */
async function connectDevice(t, port, options = {}) {
  const balancer = await Balancer.open(t, port);
  const client = openClient(t, { address: () => ({ port: balancer.port }) }, { ...BOB, ...options });
  const lines = [];
  client.on('keylog', (line) => lines.push(line));
  await event(client, 'secureConnect');
  const nonces = noncesOf(client.getProtocol(), Buffer.concat(lines), options.peerIdLength);
  return { balancer, client, nonces };
}

/** Asks until there is an answer, ten seconds at most: what is lost, or comes while Redis is away, is not answered. */
async function ask(client, question) {
  let answer = 'nothing';
  const note = (message) => {
    answer = String(message);
  };
  client.on('data', note);
  for (let count = 0; count < 100 && !answer.endsWith(` ${question}`); count++) {
    if (count % 10 === 0) client.write(question);
    for (let wait = 0; wait < 20 && !answer.endsWith(` ${question}`); wait++) await sleep(5);
  }
  client.off('data', note);
  return answer;
}

/** @returns {number} how many different nonces there have been */
function assertNoNonceTwice(balancer, nonces) {
  for (const datagram of balancer.sent.splice(0)) nonces.note(datagram);
  assert.equal(nonces.repeated, 0);
  return nonces.count;
}

/** What has been sent so far has arrived: how many records that were, of which no two have one nonce. */
async function countNonces(balancer, nonces) {
  for (let before = -1; before < balancer.sent.length; await sleep(50)) before = balancer.sent.length;
  return assertNoNonceTwice(balancer, nonces);
}

/** Waits until it is so, ten seconds at most. */
async function until(isSo, message = () => undefined) {
  for (let count = 0; count < 1000 && !(await isSo()); count++) await sleep(10);
  assert.ok(await isSo(), message());
}

/**
 * Sends so many messages, or as many as there are record numbers for, and no more at a time than the system has room for: how many
 * that were.
 */
async function push(socket, count, text = 'pushed') {
  const errors = [];
  const note = (error) => errors.push(error);
  socket.on('writeError', note);
  const send = (index) => new Promise((resolve) => socket.write(`${text} ${index}`, resolve));
  for (let sent = 0; sent < count; sent += AT_ONCE) {
    const length = Math.min(AT_ONCE, count - sent);
    const outcomes = Array.from({ length }, (_, index) => send(sent + index));
    errors.push(...(await Promise.all(outcomes)).filter(Boolean));
    await sleep(4);
  }
  socket.off('writeError', note);
  for (const error of errors) assert.ok(error.code === 'ERR_DTLS_NO_RECORD_NUMBERS' || socket.destroyed, error.code);
  return count - errors.length;
}

/** The only key of a connection, once it is there. */
async function storedKey(client) {
  let keys = [];
  await until(
    async () => {
      keys = await client.keys('mbed-dtls:connection:*');
      return keys.length > 0;
    },
    () => 'Nothing is stored',
  );
  return keys[0];
}

module.exports = {
  IMPATIENT,
  KEY,
  NEWER,
  OLDER,
  ask,
  assertNoNonceTwice,
  connectDevice,
  countNonces,
  lackingNewer,
  push,
  startChild,
  startNode,
  storedKey,
  until,
};
