#!/usr/bin/env node
// What floods cost a server, and what they cost its honest clients: npm run floods [-- --rate 50000] [--seconds 20] [--only WORD]
//
// After `npm run build` and `make -C bench/load`. For each flood a new server is started. Honest clients come one after another, first
// without the flood and then beside it. Prints a table: the CPU time of the server for each hostile datagram that it has received,
// how long the honest wait with and without the flood, and whether the server's memory stays what it was. It fails when the honest
// are less than half as fast as without, when the memory grows, or when the machine was too busy to flood anybody.
//
// All of it happens in a network namespace of its own, which needs Linux; the floods come from made-up addresses of 127.64.0.0/10. The
// server has a CPU for itself, with a flood and without one, so that what the flood costs its sender costs the server nothing. On the
// other CPUs the floods give way to the honest clients.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median } from './figures.mjs';

const BENCH = path.dirname(fileURLToPath(import.meta.url));
const HOST = '127.0.0.1';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '50000' },
    seconds: { type: 'string', default: '20' },
    only: { type: 'string', default: '' },
    'server-cpu': { type: 'string' },
  },
});
const RATE = Number(values.rate);
const SECONDS = Number(values.seconds);

/** Of a flood, before anything is measured, ms: tables have to fill. */
const LEAD = 2_000;

/** How long honest clients come before the flood, ms: at first unmeasured, because V8 has to compile what it runs. */
const WARM_UP = 2_000;
const BEFORE = 5_000;

/** Memory that a server may have taken in addition when a flood is over, kilobytes: what fluctuates without one. */
const GROWTH_LIMIT = 24 << 10;

/** What honest clients must keep of their speed. */
const SPEED_LIMIT = 0.5;

/** What a flood must have of its rate to count as one. */
const RATE_LIMIT = 0.9;

if (values['server-cpu'] === undefined) process.exit(runInNamespace());

const require = createRequire(import.meta.url);
const { cpuOf, memoryOf } = require('./process-usage.js');
const { connect } = require('./package.js');
const { BOB, FLOODS, STALLS, endAttacks, flooding, stalling } = await import('./hostile.mjs');

/**
 * What OpenSSL's s_server can do as well, which answers hellos without keeping anything when it is told `-listen`. It has no honest
 * clients, for it serves the first one and nobody after it.
 */
const AS_WELL = ['hellos of DTLS 1.2', 'hellos with a made-up cookie', 'records for nobody', 'no records at all'];

/** This program again, with the network and the CPUs that it needs. */
function runInNamespace() {
  if (!existsSync(path.join(BENCH, 'load', 'dtlsload'))) {
    console.error('floods: bench/load/dtlsload is missing; run: make -C bench/load');
    return 2;
  }
  const cpus = allowedCpus();
  const serverCpu = cpus.at(-1);
  const others = cpus.length > 1 ? cpus.slice(0, -1) : cpus;
  const again = [process.execPath, ...process.argv.slice(1), '--server-cpu', String(serverCpu)];
  const script = 'ip link set lo up && exec "$@"';
  const args = ['-Urn', 'sh', '-c', script, 'sh', 'taskset', '-c', others.join(','), ...again];
  return spawnSync('unshare', args, { stdio: 'inherit' }).status ?? 1;
}

function allowedCpus() {
  const [, list] = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync('/proc/self/status', 'latin1'));
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** A program that has the server's CPU. */
function spawnServer(command, args, stdio) {
  return spawn('taskset', ['-c', values['server-cpu'], command, ...args], { stdio });
}

/** Our server, in a process of its own. */
async function startOurs() {
  const args = ['--expose-gc', path.join(BENCH, 'servers', 'flooded.js')];
  const child = spawnServer(process.execPath, args, ['ignore', 'inherit', 'inherit', 'ipc']);
  const [port] = await once(child, 'message');
  const ask = async (what) => {
    child.send(what);
    return (await once(child, 'message'))[0];
  };
  return { name: 'ours', hasHonest: true, child, port, collect: () => ask('collect'), received: () => ask('count') };
}

async function startOpenssl() {
  const port = 5684;
  const args = ['s_server', '-dtls1_2', '-listen', '-accept', `${HOST}:${port}`, '-nocert', '-quiet'];
  args.push('-cipher', 'PSK-AES128-CCM8:@SECLEVEL=0', '-psk', Buffer.from(BOB.psk).toString('hex'));
  const child = spawnServer('openssl', args, ['pipe', 'ignore', 'ignore']);
  await sleep(500);
  return {
    name: 'OpenSSL',
    hasHonest: false,
    child,
    port,
    collect: async () => {},
    received: async () => receivedByAll(),
  };
}

/** Datagrams that programs in this namespace have received so far: a server's, as long as nobody else receives any. */
function receivedByAll() {
  const lines = readFileSync('/proc/net/snmp', 'latin1').match(/^Udp: .*$/gm);
  const [names, counts] = lines.map((line) => line.split(' '));
  return Number(counts[names.indexOf('InDatagrams')]);
}

/** What honest clients are where there are none. */
const NOBODY = { times: [], failures: 0, perSecond: Number.NaN };

/** Honest clients for so long, one after another: how long each handshake took that was completed, ms, and how many were not. */
async function meetHonest(port, milliseconds) {
  const times = [];
  let [failures, waited] = [0, 0];
  for (const end = Date.now() + milliseconds; Date.now() < end && failures < 3; ) {
    const began = performance.now();
    const client = connect({ host: HOST, port, ...BOB, ciphers: 'PSK-AES128-CCM8', handshakeTimeout: 5_000 });
    const closed = new Promise((resolve) => client.once('close', resolve));
    const isOpen = await new Promise((resolve) => {
      client.once('secureConnect', () => resolve(true));
      client.once('error', () => resolve(false));
    });
    const time = performance.now() - began;
    waited += time;
    if (isOpen) times.push(time);
    else failures++;
    client.on('error', () => {});
    client.destroy();
    await closed;
  }
  return { times, failures, perSecond: times.length / (waited / 1_000) };
}

/** @param {(port: number) => Promise<{ stop: () => Promise<{ perSecond: number, wanted: number }> }>} attack begins it; stop() waits for its end */
async function measure({ child, port, hasHonest, collect, received }, attack) {
  if (hasHonest) await meetHonest(port, WARM_UP);
  const before = hasHonest ? await meetHonest(port, BEFORE) : NOBODY;
  await collect();
  const memory = memoryOf(child.pid);
  const flood = await attack(port);
  await sleep(LEAD);
  const alone = SECONDS * 500 - LEAD / 2;
  const begin = { cpu: cpuOf(child.pid), received: await received() };
  await sleep(alone);
  const middle = { cpu: cpuOf(child.pid), received: await received() };
  const during = hasHonest ? await meetHonest(port, alone) : NOBODY;
  const { perSecond, wanted } = await flood.stop();
  await sleep(500);
  await collect();
  const arrived = middle.received - begin.received;
  return {
    perSecond,
    isWhole: perSecond >= wanted * RATE_LIMIT,
    arrived: (arrived * 1_000) / alone,
    cpu: (middle.cpu - begin.cpu) / arrived,
    busy: (middle.cpu - begin.cpu) / (alone * 1e3),
    before,
    during,
    growth: memoryOf(child.pid) - memory,
  };
}

async function report(name, start, attack) {
  const server = await start();
  try {
    const { perSecond, isWhole, arrived, cpu, busy, before, during, growth } = await measure(server, attack);
    const share = during.perSecond / before.perSecond;
    const time = (times) => (times.length > 0 ? median(times).toFixed(1) : '-');
    const cells = [
      `${name}${server.name === 'ours' ? '' : `, at ${server.name}`}`,
      perSecond.toFixed(0),
      arrived.toFixed(0),
      arrived > 0 ? cpu.toFixed(1) : '-',
      `${(100 * busy).toFixed(0)} %`,
      time(before.times),
      time(during.times),
      Number.isNaN(share) ? '-' : `${(100 * share).toFixed(0)} %`,
      `${during.failures} of ${during.times.length + during.failures}`,
      (growth / 1024).toFixed(1),
    ];
    const faults = [];
    if (!isWhole) faults.push('the machine was too busy for such a flood');
    // What OpenSSL does is for comparison.
    if (server.name === 'ours' && !(share >= SPEED_LIMIT)) faults.push('honest clients were too slow');
    if (server.name === 'ours' && growth > GROWTH_LIMIT) faults.push('the memory has grown');
    console.log(`| ${cells.join(' | ')} | ${faults.join('; ')}`);
    if (faults.length > 0) process.exitCode = 1;
  } finally {
    server.child.kill('SIGKILL');
    endAttacks();
  }
}

console.log(
  '| flood | sent/s | received/s | CPU each, us | server busy | honest median without, ms | and with, ms | speed with | failed | MB more |',
);
console.log('|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|');
const nothing = async () => ({ stop: async () => ({ perSecond: 0, wanted: 0 }) });
const isWanted = (name) => name.includes(values.only);
await report('none', startOurs, nothing);
for (const [name, make] of Object.entries(FLOODS).filter(([name]) => isWanted(name))) {
  const flood = flooding(make, { rate: RATE, seconds: SECONDS });
  await report(name, startOurs, flood);
  if (AS_WELL.includes(name)) await report(name, startOpenssl, flood);
}
for (const stage of STALLS.filter(isWanted)) {
  await report(`handshakes that stop: ${stage}`, startOurs, stalling(stage));
}
