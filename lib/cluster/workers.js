'use strict';

// Workers of node:cluster as nodes: the primary deals numbers and a key, and tells each worker where the links of the
// others are. Datagrams go from worker to worker, and never through the primary.

const cluster = require('node:cluster');
const { randomBytes } = require('node:crypto');
const process = require('node:process');

const { invalidArgValue } = require('../errors');

/** The environment variable with a worker's number. */
const VARIABLE = 'MBED_DTLS_NODE_ID';

/** Messages between a worker and the primary have this property. */
const SUBJECT = 'mbedDtlsNodes';

const NODES = 256;
const HOST = '127.0.0.1';
const KEY_LENGTH = 32;

/** What the primary knows. */
const primary = {
  key: null,
  /** number -> worker */
  workers: new Map(),
  /** name of a server -> number -> port of its link */
  links: new Map(),
};

/**
 * Starts a worker, as cluster.fork() does, and makes it a node: the lowest number that is free is its own until it ends.
 *
 * @param {object} [env] for the worker
 * @returns {import('node:cluster').Worker}
 */
function forkNode(env) {
  const { workers } = primary;
  let id = 0;
  while (workers.has(id)) id++;
  if (id === NODES) throw new RangeError(`A cluster has at most ${NODES} nodes`);
  const worker = start(id, env);
  workers.set(id, worker);
  return worker;
}

/**
 * Starts a worker that has the number of another one as soon as its server listens.
 *
 * @param {import('node:cluster').Worker} old of forkNode() or replaceNode()
 * @param {object} [env] for the worker
 * @returns {import('node:cluster').Worker}
 */
function replaceNode(old, env) {
  for (const [id, worker] of primary.workers) {
    if (worker === old) return start(id, env, old);
  }
  throw invalidArgValue('worker', 'is not a worker that forkNode() has started, or has ended');
}

function start(id, env, old) {
  const { workers } = primary;
  primary.key ??= randomBytes(KEY_LENGTH);
  const worker = cluster.fork({ ...env, [VARIABLE]: String(id) });
  worker.on('message', (message) => {
    const said = message?.[SUBJECT];
    if (said === undefined) return;
    if (said.port === undefined) {
      tell(worker, { key: primary.key.toString('base64') });
      return;
    }
    const current = workers.get(id);
    if (current !== worker && current !== old) return;
    workers.set(id, worker);
    noteLink(said.name, id, said.port);
  });
  // It may be gone, with all that it had, before the new one says where its link is.
  old?.once('exit', () => {
    if (!workers.has(id) && !worker.isDead()) workers.set(id, worker);
  });
  worker.once('exit', () => {
    // Another one may have its number by now.
    if (workers.get(id) !== worker) return;
    workers.delete(id);
    for (const name of primary.links.keys()) noteLink(name, id, undefined);
  });
  return worker;
}

/** The link of a node listens, or has gone. */
function noteLink(name, id, port) {
  const { links, workers } = primary;
  if (!links.has(name)) links.set(name, new Map());
  const ports = links.get(name);
  if (port === undefined) ports.delete(id);
  else ports.set(id, port);
  const nodes = Object.fromEntries(Array.from(ports, ([node, at]) => [node, { address: HOST, port: at }]));
  for (const node of ports.keys()) {
    if (workers.has(node)) tell(workers.get(node), { name, nodes });
  }
}

function tell(worker, what) {
  // A worker that is about to end hears nothing any more.
  if (worker.isConnected()) worker.send({ [SUBJECT]: what }, () => {});
}

/** The number of this worker; undefined in any other process. */
function ownId() {
  const number = process.env[VARIABLE];
  return cluster.isWorker && number !== undefined ? Number(number) : undefined;
}

/**
 * Asks the primary for the key, and says how this worker hears of the other links of that name.
 *
 * @param {string} name
 * @param {(key: Buffer) => void} onKey once
 * @param {(nodes: object) => void} onNodes
 * @returns {{ announce(port: number): void, leave(): void }}
 */
function enter(name, onKey, onNodes) {
  let hasKey = false;
  const onMessage = (message) => {
    const said = message?.[SUBJECT];
    if (said?.key !== undefined && !hasKey) {
      hasKey = true;
      onKey(Buffer.from(said.key, 'base64'));
    } else if (said?.name === name) {
      onNodes(said.nodes);
    }
  };
  const say = (what) => {
    if (process.connected) process.send({ [SUBJECT]: { name, ...what } }, () => {});
  };
  process.on('message', onMessage);
  say({});
  return {
    announce: (port) => say({ port }),
    leave: () => process.removeListener('message', onMessage),
  };
}

module.exports = { HOST, enter, forkNode, ownId, replaceNode };
