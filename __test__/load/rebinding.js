'use strict';

// Many clients behind a NAT that gives all of them new ports again and again and loses some of their datagrams, and workers
// that serve one port. Halfway, another process takes the place of one of them. Every message that arrives must arrive once, at the socket
// of its client, every answer at its client, and there must be no handshake but the first of each.
//
//   npm run rebinding -- [SECONDS] [CLIENTS] [WORKERS] [NAT]     default: 60 s, 200 clients, 2 workers, our own NAT
//
// NAT may be `cf-nat`, which is Californium's.

const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');

const { connect } = require('../..');
const { HOST, event, freePort } = require('../support/endpoints.js');
const { startCfNat } = require('../support/cf-nat.js');
const { startNat } = require('../support/nat.js');

const NODES = path.join(__dirname, '..', 'support', 'rebinding-nodes.js');

const KEY = 'a key that many know';
const LOSS = 0.05;

/** Between two rebindings, and between two messages of a client, ms. */
const REBINDING = 100;
const INTERVAL = 200;

/** How many handshakes are under way at a time. */
const BATCH = 25;

/** Milliseconds after which what was sent has arrived, or never will. */
const SETTLED = 1000;

/** The workers, and what they have heard. */
class Service {
  constructor(port, count, directory) {
    this.port = port;
    this._count = count;
    this._reached = new Map();
    this._seen = new Set();
    /** Statistics of workers that have ended. */
    this._past = [];
    this.arrived = 0;
    this._primary = fork(NODES, [String(port), String(count), KEY, directory]);
    this._primary.on('message', (message) => this._onReport(message));
    this._primary.once('exit', () => assert(this._isClosed, 'the workers have ended'));
  }

  _onReport({ index, reached, heard = [], stats }) {
    if (reached !== undefined) this._reached.set(index, reached);
    for (const [name, message] of heard) {
      assert.equal(message.split(':')[0], name, 'a message has come to the socket of another client');
      assert(!this._seen.has(message), `a message has come twice: ${message}`);
      this._seen.add(message);
      this.arrived++;
    }
    if (stats === undefined) return;
    (this._present ?? this._past).push(stats);
  }

  /** Until each worker reaches all others. */
  async whole() {
    const isWhole = () =>
      [...this._reached.values()].filter((count) => count === this._count - 1).length === this._count;
    while (!isWhole()) await once(this._primary, 'message');
  }

  /** Until the worker that was there has handed over. */
  async replace(index) {
    this._reached.delete(index);
    this._primary.send({ replace: index });
    while (this._past.length === 0) await once(this._primary, 'message');
    await this.whole();
  }

  /** A counter of all workers that there have been. */
  async counters(...names) {
    this._present = [];
    this._primary.send({ stats: true });
    while (this._present.length < this._count) await once(this._primary, 'message');
    const all = [...this._past, ...this._present];
    this._present = undefined;
    return Object.fromEntries(names.map((name) => [name, all.reduce((sum, stats) => sum + stats[name], 0)]));
  }

  close() {
    this._isClosed = true;
    this._primary.disconnect();
  }
}

/**
 * @param {{ after: Function }} test at whose end everything is closed
 * @returns {Promise<object>} what has happened
 */
async function rebind(test, { seconds, clients: count, workers, start = startNat }) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-'));
  test.after(() => fs.rmSync(directory, { recursive: true }));
  const service = new Service(await freePort(), workers, directory);
  test.after(() => service.close());
  await service.whole();
  const nat = await start(test, service.port, { loss: LOSS });
  const tally = { clients: count, workers, sent: 0, answered: 0, rebindings: 0 };

  const clients = [];
  while (clients.length < count) {
    const batch = Array.from({ length: Math.min(BATCH, count - clients.length) }, () => openClient(nat.port));
    clients.push(...(await Promise.all(batch)));
  }
  // A client of DTLS 1.3 is open before its server, to which it is known by its address until then.
  while ((await service.counters('handshakesCompleted')).handshakesCompleted < count) await sleep(SETTLED);
  test.after(() => {
    for (const client of clients) client.destroy();
  });
  clients.forEach((client, index) => {
    client.on('data', (data) => {
      assert.equal(data.toString().split(':')[0], `client ${index}`, 'an answer has come to another client');
      tally.answered++;
    });
  });

  const rebinding = setInterval(() => {
    tally.rebindings++;
    nat.rebind();
  }, REBINDING);
  const before = nat.passed;
  const ends = Date.now() + seconds * 1000;
  const replaced = workers > 1 ? sleep(seconds * 500).then(() => service.replace(0)) : undefined;
  for (let round = 0; Date.now() < ends; round++) {
    for (const [index, client] of clients.entries()) {
      client.write(`client ${index}:${round}`);
      tally.sent++;
      if (index % BATCH === 0) await sleep((INTERVAL * BATCH) / count);
    }
  }
  await replaced;
  clearInterval(rebinding);
  await sleep(SETTLED);
  const counters = await service.counters(
    'handshakesCompleted',
    'connectionsRestored',
    'moves',
    'addressChecks',
    'addressChecksFailed',
    'datagramsForwarded',
    'datagramsInjected',
    'datagramsDropped',
  );
  assert.equal(counters.handshakesCompleted, count, 'a handshake that nobody needed');
  assert.equal((await service.counters('connections')).connections, count);
  const { arrived } = service;
  // What the NAT has not lost, if it counts. The answers to return routability checks are among it.
  const passed = before === undefined ? 'not counted' : nat.passed - before;
  return { ...tally, passed, arrived, ...counters };
}

async function openClient(port) {
  const client = connect({ host: HOST, port, psk: KEY, pskIdentity: 'client', connectionId: 0 });
  client.on('error', (error) => {
    throw error;
  });
  await event(client, 'secureConnect');
  return client;
}

async function main([seconds = 60, clients = 200, workers = 2, nat]) {
  const endings = [];
  const start = nat === 'cf-nat' ? startCfNat : startNat;
  const load = { seconds: Number(seconds), clients: Number(clients), workers: Number(workers), start };
  console.log(await rebind({ after: (ending) => endings.push(ending) }, load));
  for (const ending of endings.reverse()) await ending();
}

if (require.main === module) main(process.argv.slice(2));

module.exports = { rebind };
