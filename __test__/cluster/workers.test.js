'use strict';

// Nodes that are workers of node:cluster on one port: connections follow their IDs from worker to worker.

const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const path = require('node:path');
const { test } = require('node:test');

const { createServer } = require('../..');
const { joinCluster, replaceNode } = require('../../lib/cluster');
const { rebind } = require('../load/rebinding.js');
const { BOB, event, freePort, messages, openClient } = require('../support/endpoints.js');
const { startNat } = require('../support/nat.js');

const WORKERS = 2;
const CLIENTS = 8;
const ROUNDS = 6;

/** Node deals nothing by peer itself, and Linux is the system that does. */
const skip = process.platform === 'linux' ? false : 'this system does not give each peer to one process';

/** node:cluster shares no UDP sockets there. */
const onWindows = process.platform === 'win32' && 'workers cannot share a UDP socket here';

/** A cluster whose workers reach each other. */
async function startCluster(t, env = process.env) {
  const port = await freePort();
  const program = path.join(__dirname, '..', 'support', 'cluster-nodes.js');
  const primary = fork(program, [String(port), String(WORKERS)], { env });
  t.after(() => primary.disconnect());
  const reached = new Map();
  const pids = [];
  const isWhole = () => [...reached.values()].filter((count) => count === WORKERS - 1).length === WORKERS;
  const whole = () =>
    new Promise((resolve) => {
      primary.on('message', function look(message) {
        if (message.reached !== undefined) {
          reached.set(message.index, message.reached);
          pids[message.index] = String(message.worker);
        }
        if (!isWhole()) return;
        primary.removeListener('message', look);
        resolve();
      });
    });
  await whole();
  const stats = () =>
    new Promise((resolve) => {
      const all = [];
      primary.on('message', function take(message) {
        if (message.stats !== undefined) all.push(message.stats);
        if (all.length < WORKERS) return;
        primary.removeListener('message', take);
        resolve(all);
      });
      primary.send({ stats: true });
    });
  const restart = (index) => {
    reached.clear();
    const again = whole();
    primary.send({ restart: index });
    return again;
  };
  return { port, pids, stats, restart };
}

async function ask(client, message) {
  const answer = messages(client, 1);
  client.write(message);
  return (await answer)[0].split(' ');
}

test('clients whose NAT moves them stay with their worker, whichever hears them', { skip }, async (t) => {
  const { port, pids, stats, restart } = await startCluster(t);
  const nat = await startNat(t, port);
  const clients = Array.from({ length: CLIENTS }, () =>
    openClient(t, { address: () => ({ port: nat.port }) }, { ...BOB, connectionId: 0 }),
  );
  await Promise.all(clients.map((client) => event(client, 'secureConnect')));
  const homes = await Promise.all(clients.map(async (client) => (await ask(client, 'hello'))[0]));
  for (let round = 0; round < ROUNDS; round++) {
    await nat.rebind();
    const answers = await Promise.all(clients.map((client, index) => ask(client, `${round}-${index}`)));
    assert.deepEqual(
      answers,
      homes.map((home, index) => [home, `${round}-${index}`]),
    );
  }
  const before = await stats();
  const sum = (name, all) => all.reduce((total, one) => total + one[name], 0);
  // Each of 48 moves leads to the other worker with a probability of a half.
  assert.ok(sum('datagramsForwarded', before) > 0);
  assert.equal(sum('datagramsInjected', before), sum('datagramsForwarded', before));
  assert.equal(sum('handshakesCompleted', before), CLIENTS);

  // The other worker's connections do not notice that one is started anew, and new handshakes reach both.
  const survivors = clients.filter((_, index) => homes[index] === pids[1]);
  await restart(0);
  await nat.rebind();
  const answers = await Promise.all(survivors.map((client) => ask(client, 'still there')));
  assert.ok(answers.every(([home]) => home === pids[1]));
  const late = openClient(t, { address: () => ({ port: nat.port }) }, { ...BOB, connectionId: 0 });
  await event(late, 'secureConnect');
  assert.equal((await ask(late, 'new'))[1], 'new');
});

test('each message arrives once, while a NAT moves clients and a process takes the place of another', {
  skip,
}, async (t) => {
  const load = { seconds: 1.5, clients: 8, workers: WORKERS };
  const { arrived, connectionsRestored, moves } = await rebind(t, load);
  assert.ok(arrived > CLIENTS);
  assert.ok(connectionsRestored > 0);
  assert.ok(moves > CLIENTS);
});

test('workers that share one UDP socket deal the peers among themselves', { skip: onWindows }, async (t) => {
  const variant = path.join(__dirname, '..', 'support', 'variants', 'shared-handle.js');
  const { NODE_OPTIONS = '' } = process.env;
  const { port, stats } = await startCluster(t, {
    ...process.env,
    NODE_OPTIONS: `${NODE_OPTIONS} --require=${variant}`,
  });
  const nat = await startNat(t, port);
  const clients = Array.from({ length: 2 * CLIENTS }, (_, index) =>
    index < CLIENTS
      ? openClient(t, { address: () => ({ port }) }, BOB)
      : openClient(t, { address: () => ({ port: nat.port }) }, { ...BOB, connectionId: 0 }),
  );
  await Promise.all(clients.map((client) => event(client, 'secureConnect')));
  const homes = await Promise.all(clients.map(async (client) => (await ask(client, 'hello'))[0]));
  assert.equal(new Set(homes).size, WORKERS);
  for (let round = 0; round < ROUNDS; round++) {
    await nat.rebind();
    const answers = await Promise.all(clients.map((client) => ask(client, `${round}`)));
    assert.deepEqual(
      answers,
      homes.map((home) => [home, `${round}`]),
    );
  }
  const [one, other] = await stats();
  assert.equal(one.handshakesCompleted + other.handshakesCompleted, clients.length);
  assert.ok(one.datagramsForwarded + other.datagramsForwarded > 0);
});

test('nobody takes the place of a worker that is none', () => {
  assert.throws(() => replaceNode({}), { code: 'ERR_INVALID_ARG_VALUE' });
});

test('only a worker process can join', async () => {
  const server = createServer({ psk: 'x', connectionId: 8 });
  assert.throws(() => joinCluster(server), { code: 'ERR_INVALID_STATE' });
});
