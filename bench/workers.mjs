#!/usr/bin/env node
// What a second worker of node:cluster gives on one port: echoes and certificate handshakes with one worker and with two, in turns.
//
//   npm run build && make -C bench/load && node bench/workers.mjs [--rounds N] [--shared]
//
// With --shared, the workers share one UDP socket and deal the peers among themselves, as they have to where the system does not
// (docs/cluster.md). Workers and load share the machine: with two cores, two workers get no core of their own, and what is done in
// a second says little. So the CPU time that a worker takes for a unit is shown beside it: on a machine of its own, a worker does
// 1 / (CPU time) units a second, and two of them twice as much as the busier one.

import { spawn } from 'node:child_process';
import cluster from 'node:cluster';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median } from './figures.mjs';
import { serveAsNode, spent, startWorkers, stopWorkers } from './processes.mjs';

const BENCH = path.dirname(fileURLToPath(import.meta.url));

const require = createRequire(import.meta.url);
const { defaults } = require('../lib/options/defaults.js');

const PORT = 45_687;
const HOST = '127.0.0.1';
const PSK = { bench: '0123456789abcdef' };
const LOADS = {
  echo: ['echo', '--mode', 'psk', '--c', '64', '--w', '4', '--size', '64', '--secs', '4'],
  handshake: ['storm', '--mode', 'cert', '--n', '4000', '--c', '32'],
};

if (cluster.isPrimary) await measure();
else serve();

function serve() {
  if (process.env.BENCH_SHARED === '1') defaults.systemDeals = false;
  const counts = ({ handshakesCompleted, messagesReceived }) => ({
    handshake: handshakesCompleted,
    echo: messagesReceived,
  });
  serveAsNode(PORT, HOST, PSK, counts);
}

async function measure() {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '5' }, shared: { type: 'boolean', default: false } },
  });
  const results = { echo: { 1: [], 2: [] }, handshake: { 1: [], 2: [] } };
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const count of [1, 2]) {
      const workers = await startWorkers(count, { BENCH_SHARED: values.shared ? '1' : '0' });
      for (const what of Object.keys(LOADS)) results[what][count].push(await load(workers, what));
      await stopWorkers(workers);
    }
  }
  for (const [what, { 1: one, 2: two }] of Object.entries(results)) {
    for (const [count, runs] of [
      [1, one],
      [2, two],
    ]) {
      const figure = (name, digits = 0) => median(runs.map((run) => run[name])).toFixed(digits);
      const share = (100 * median(runs.map((run) => run.share))).toFixed(0);
      const cpu = `${figure('all', 1)} us of CPU a unit`;
      console.log(`${what}, ${count} workers: ${figure('perSecond')}/s, ${cpu}, ${share} % of them at the busier`);
    }
    // Of each round, what two do in a second of the busier one's time, and one in a second of its own.
    const gains = two.map((run, round) => one[round].busiest / run.busiest);
    const rates = two.map((run, round) => run.perSecond / one[round].perSecond);
    const range = `${Math.min(...gains).toFixed(2)} to ${Math.max(...gains).toFixed(2)}`;
    console.log(
      `${what}: two workers do ${median(gains).toFixed(2)} times as much as one by their CPU time (${range}), ` +
        `${median(rates).toFixed(2)} times as much on this machine`,
    );
  }
}

/** What the workers have done meanwhile, and what it has cost them. */
async function load(workers, what) {
  const { result: seconds, used } = await spent(workers, () => generate(LOADS[what]));
  const cpu = used.map((usage) => usage.cpu);
  const units = used.map((usage) => usage[what]);
  const done = sum(units);
  return {
    perSecond: done / seconds,
    all: sum(cpu) / done,
    busiest: Math.max(...cpu) / done,
    share: Math.max(...units) / done,
  };
}

/** @returns {Promise<number>} seconds that it has taken */
async function generate([kind, ...args]) {
  const began = performance.now();
  const program = path.join(BENCH, 'load', 'dtlsload');
  const generator = spawn(program, [kind, '--port', String(PORT), ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = await once(generator, 'close');
  if (code !== 0) throw new Error(`dtlsload has failed: ${code}`);
  return (performance.now() - began) / 1000;
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
