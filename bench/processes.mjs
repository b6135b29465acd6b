// Servers in processes of their own, children or workers of node:cluster: what CPU time they take, and what they do in it.

import { once } from 'node:events';
import { createRequire } from 'node:module';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

const require = createRequire(import.meta.url);
const { createServer } = require('..');
const { forkNode, joinCluster } = require('../lib/cluster');
const { server: own } = require('../__test__/support/certificates.js');

/** Until each worker has a link to the others, ms. */
const LINKING = 1000;

/** In the process of a server: answers usageOf(), with what `counts` answers besides. */
export function reportUsage(counts = () => ({})) {
  process.on('message', (message) => {
    if (message?.ask !== 'usage') return;
    const { user, system } = process.cpuUsage();
    process.send({ cpu: user + system, ...counts() });
  });
}

/** In the process of a worker: a server that sends back what comes, as a node of its cluster, and answers usageOf(). */
export function serveAsNode(port, host, psk, counts) {
  const server = createServer({
    psk,
    key: own.key,
    cert: own.cert,
    connectionId: 8,
    handshakeThreads: 0,
    maxVersion: 'DTLSv1.2',
  });
  server.on('secureConnection', (socket) => socket.on('data', (message) => socket.write(message)));
  joinCluster(server).listen(port, host, () => process.send({ listening: true }));
  reportUsage(() => counts(server.stats));
}

/** The next message of a process that has something of this name. */
export function heard(child, name) {
  return new Promise((resolve) => {
    child.on('message', function take(message) {
      if (message?.[name] === undefined) return;
      child.removeListener('message', take);
      resolve(message);
    });
  });
}

/** @returns {Promise<{ cpu: number }>} CPU time of a process until now, us, and what it counts */
function usageOf(child) {
  const answer = heard(child, 'cpu');
  child.send({ ask: 'usage' });
  return answer;
}

/**
 * What these processes use and count while something happens.
 *
 * @returns {Promise<{ result: unknown, used: { cpu: number }[] }>} what `act` has answered, and the differences, one object for
 *   each process
 */
export async function spent(children, act) {
  const before = await Promise.all(children.map(usageOf));
  const result = await act();
  const after = await Promise.all(children.map(usageOf));
  return { result, used: after.map((usage, index) => difference(usage, before[index])) };
}

function difference(after, before) {
  return Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - before[name]]));
}

/** Starts workers that are nodes of one cluster; each says `listening` when it does. */
export async function startWorkers(count, env) {
  const workers = Array.from({ length: count }, () => forkNode(env));
  await Promise.all(workers.map((worker) => heard(worker, 'listening')));
  await sleep(LINKING);
  return workers;
}

export async function stopWorkers(workers) {
  const ended = workers.map((worker) => once(worker, 'exit'));
  for (const worker of workers) worker.process.kill('SIGKILL');
  await Promise.all(ended);
}
