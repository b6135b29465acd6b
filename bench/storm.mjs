#!/usr/bin/env node
// What threads give a server in a storm of certificate handshakes, sixteen always in flight: on Linux alone.
//
//   node bench/storm.mjs [--rounds N]
//
// After `npm run build` and `make -C bench/load`. Server and load share the machine: with two cores, handshakes a second say
// little, for the load takes 40 us of each. The CPU time that a handshake takes on the event loop says how many it has room
// for; all of it together, how many a core has.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { median } from './figures.mjs';

const BENCH = path.dirname(fileURLToPath(import.meta.url));
const { server, serverRsa } = createRequire(import.meta.url)('../__test__/support/certificates.js');
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '3' } } });

const KINDS = {
  'ECDHE-ECDSA P-256': [server, []],
  'ECDHE-RSA-2048': [serverRsa, ['--cipher', 'ECDHE-RSA-AES128-GCM-SHA256']],
};
const THREADS = [0, 1, 2];

for (const [kind, [pair, load]] of Object.entries(KINDS)) {
  const rows = new Map(THREADS.map((threads) => [threads, []]));
  for (let round = 0; round < Number(values.rounds); round++) {
    // In turns, so that the machine's moods meet all of them.
    for (const threads of THREADS) rows.get(threads).push(await storm(threads, pair, load));
  }
  for (const [threads, runs] of rows) {
    const figure = (name, digits = 0) => median(runs.map((run) => run[name])).toFixed(digits);
    console.log(
      `${kind}, ${threads} threads: event loop ${figure('eventLoop')} us, all ${figure('total')} us a handshake, ` +
        `delay p99 ${figure('delayP99', 1)} ms, ${figure('perSecond')}/s`,
    );
  }
}

async function storm(threads, { keyPath, certPath }, load) {
  const args = [path.join(BENCH, 'servers', 'storm.js'), String(threads), keyPath, certPath];
  const storming = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = await once(storming.stdout, 'data');
  const generator = spawn(
    path.join(BENCH, 'load', 'dtlsload'),
    ['storm', '--n', '10000', '--c', '16', '--mode', 'cert', '--port', String(port).trim(), ...load],
    { stdio: 'ignore' },
  );
  await once(generator, 'close');
  storming.kill('SIGTERM');
  const [result] = await once(storming.stdout, 'data');
  return JSON.parse(result);
}
