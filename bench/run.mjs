#!/usr/bin/env node
// Our server against Node's raw UDP and OpenSSL in C, under one load generator, in one interleaved run.
//
//   npm run bench [-- --rounds N] [--seconds N] [--only NAME] [--json FILE] [--compare FILE]
//
// Server on one core, load on another, on Linux; elsewhere wherever the system puts them. Read the ratios: medians of
// the rounds, with the smallest and the largest in brackets.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const BENCH = path.dirname(fileURLToPath(import.meta.url));
const LOAD = path.join(BENCH, 'load', 'dtlsload');
const require = createRequire(import.meta.url);

const { rounds, seconds, only, json, compare } = readArguments();
const { server: serverCert, client: clientCert, serverRsa } = certificates();
const PIN = process.platform === 'linux' && spawnSync('taskset', ['--version']).error === undefined;

const files = ({ keyPath, certPath }) => ['--key', keyPath, '--cert', certPath];
const RSA = ['--cipher', 'ECDHE-RSA-AES128-GCM-SHA256'];
const HANDSHAKES = ['handshake', '--n', String(500 * seconds), '--c', '16'];
const echo = (size, connections, inFlight = 1) => [
  'echo',
  '--size',
  String(size),
  '--c',
  String(connections),
  '--w',
  String(inFlight),
  '--secs',
  String(seconds),
];
const GCM = ['--cipher', 'PSK-AES128-GCM-SHA256'];

// name, unit, what is better, the load, and for each competitor how its server is started; `value` picks the figure.
const CPU = { unit: 'us CPU', better: 'less', value: (result) => result.server_us_per_op };
const RATE = { unit: 'msg/s', better: 'more', value: (result) => result.per_s };
const P50 = { unit: 'us p50', better: 'less', value: (result) => result.p50_us };
const P99 = { unit: 'us p99', better: 'less', value: (result) => result.p99_us };
const MEMORY = { unit: 'KB', better: 'less', value: (result) => result.kb_per_conn };
const cert = (pair) => ({ ours: ['cert', pair.keyPath, pair.certPath], openssl: ['--mode', 'cert', ...files(pair)] });
const psk = { ours: ['psk'], openssl: ['--mode', 'psk'], udp: [] };
const mutual = {
  ours: ['mutual', serverCert?.keyPath, serverCert?.certPath],
  openssl: ['--mode', 'cert', '--mutual', ...files(serverCert ?? {})],
};
const MEASUREMENTS = [
  { name: 'handshake PSK-CCM_8', ...CPU, load: [...HANDSHAKES, '--mode', 'psk'], servers: { ...psk, udp: undefined } },
  {
    name: 'handshake ECDHE-ECDSA P-256',
    ...CPU,
    load: [...HANDSHAKES, '--mode', 'cert'],
    servers: cert(serverCert ?? {}),
  },
  {
    name: 'handshake ECDHE-ECDSA mutual',
    ...CPU,
    load: [...HANDSHAKES, '--mode', 'cert', ...files(clientCert ?? {})],
    servers: mutual,
  },
  {
    name: 'handshake ECDHE-RSA-2048',
    ...CPU,
    load: [...HANDSHAKES, '--mode', 'cert', ...RSA],
    servers: { ours: cert(serverRsa ?? {}).ours, openssl: [...cert(serverRsa ?? {}).openssl, ...RSA] },
  },
  ...[1, 10, 100, 1000].map((count) => ({
    name: `echo 64 B, ${count} connections`,
    ...RATE,
    load: [...echo(64, count), '--mode', 'psk'],
    servers: psk,
  })),
  { name: 'echo 256 B, 100 connections', ...RATE, load: [...echo(256, 100), '--mode', 'psk'], servers: psk },
  {
    name: 'echo 1024 B GCM, 100 connections',
    ...RATE,
    load: [...echo(1024, 100), '--mode', 'psk', ...GCM],
    servers: { ...psk, openssl: [...psk.openssl, ...GCM] },
  },
  { name: 'latency 64 B, 1 connection', ...P50, load: [...echo(64, 1), '--mode', 'psk'], servers: psk },
  { name: 'latency 64 B, 100 connections', ...P99, load: [...echo(64, 100), '--mode', 'psk'], servers: psk },
  ...[1000, 10_000].map((count) => ({
    name: `memory of an idle connection at ${count}`,
    ...MEMORY,
    load: ['idle', '--c', String(count), '--ramp', '64', '--hold', '9', '--mode', 'psk'],
    servers: { ...psk, udp: undefined },
    once: true,
  })),
];

await main();

async function main() {
  build();
  const wanted = MEASUREMENTS.filter(({ name }) => only === undefined || name.includes(only));
  const results = [];
  for (const measurement of wanted) {
    const figures = await measure(measurement);
    results.push({ name: measurement.name, unit: measurement.unit, better: measurement.better, figures });
    report(results.at(-1));
  }
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`);
  if (compare !== undefined) reportRegressions(JSON.parse(readFileSync(compare, 'utf8')), results);
}

/** All competitors take turns in every round, so that the machine's moods meet all of them. */
async function measure({ load, servers, value, once: isOnce }) {
  const figures = {};
  let port = 17_000 + Math.floor(Math.random() * 20_000);
  for (let round = 0; round < (isOnce ? 1 : rounds); round++) {
    for (const [name, args] of Object.entries(servers)) {
      if (args === undefined) continue;
      const result = await run(name, args, load, port++);
      if (result === null) continue;
      figures[name] ??= [];
      figures[name].push(value(result));
    }
  }
  return figures;
}

async function run(name, args, load, port) {
  const [command, serverArgs] = {
    ours: [process.execPath, [path.join(BENCH, 'servers', 'echo.js'), String(port), ...args]],
    udp: [process.execPath, [path.join(BENCH, 'servers', 'udp.js'), String(port)]],
    openssl: [LOAD, ['serve', '--port', String(port), ...args]],
  }[name];
  const stderr = name === 'openssl' ? 'ignore' : 'inherit';
  const server = spawn(...pinned('0', command, serverArgs), { stdio: ['ignore', 'pipe', stderr] });
  if (name === 'openssl') await sleep(300);
  else await once(server.stdout, 'data');
  const mode = name === 'udp' ? load.map((word, index) => (load[index - 1] === '--mode' ? 'udp' : word)) : load;
  const loadArgs = [...mode, '--port', String(port), '--pid', String(server.pid)];
  const client = spawn(...pinned('1', LOAD, loadArgs), { stdio: ['ignore', 'pipe', 'ignore'] });
  let output = '';
  client.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  await once(client, 'close');
  server.kill('SIGKILL');
  await once(server, 'close');
  try {
    return JSON.parse(output);
  } catch {
    console.error(`bench: ${name} gave no result for ${load.join(' ')}`);
    return null;
  }
}

function pinned(core, command, args) {
  return PIN ? ['taskset', ['-c', core, command, ...args]] : [command, args];
}

function report({ name, unit, better, figures }) {
  const columns = Object.entries(figures).map(([who, values]) => `${who} ${summary(values)}`);
  const ours = median(figures.ours);
  const ratios = Object.entries(figures)
    .filter(([who]) => who !== 'ours')
    .map(([who, values]) => {
      const theirs = median(values);
      return `${(better === 'more' ? ours / theirs : theirs / ours).toFixed(2)}x ${who}`;
    });
  console.log(`${name} (${unit}): ${columns.join(', ')}; ours is ${ratios.join(', ')} as good`);
}

function reportRegressions(before, after) {
  for (const { name, better, figures } of after) {
    const old = before.find((measurement) => measurement.name === name);
    if (old?.figures.ours === undefined || old.figures.openssl === undefined || figures.openssl === undefined) continue;
    // Against OpenSSL in either run: the machine need not be the same.
    const quality = ({ ours, openssl }) =>
      better === 'more' ? median(ours) / median(openssl) : median(openssl) / median(ours);
    const change = quality(figures) / quality(old.figures);
    if (change < 0.9) console.log(`WORSE: ${name}, ${change.toFixed(2)} of what it was`);
  }
}

function summary(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return values.length > 1 ? `${figure(median(values))} [${figure(low)}..${figure(high)}]` : figure(values[0]);
}

function figure(value) {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toFixed(1);
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function build() {
  const steps = [
    ['npm', ['run', '--silent', 'build'], path.dirname(BENCH)],
    ['make', ['--silent'], path.join(BENCH, 'load')],
  ];
  for (const [command, args, cwd] of steps) {
    const { status } = spawnSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0) {
      console.error(
        `bench: ${command} failed; the load generator needs make, a C compiler and OpenSSL's headers (libssl-dev)`,
      );
      process.exit(1);
    }
  }
}

function certificates() {
  const made = require('../__test__/support/certificates.js');
  if (made.available) return made;
  console.error('bench: the openssl program was not found; without it there are no certificates to measure with');
  process.exit(1);
}

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string', default: '3' },
        seconds: { type: 'string', default: '2' },
        only: { type: 'string' },
        json: { type: 'string' },
        compare: { type: 'string' },
      },
    });
    const number = (name) => {
      if (!/^[1-9]\d?$/.test(values[name])) throw new Error(`--${name} takes a number from 1 to 99`);
      return Number(values[name]);
    };
    return { ...values, rounds: number('rounds'), seconds: number('seconds') };
  } catch (error) {
    console.error(`bench: ${error.message.split('\n')[0]}`);
    process.exit(2);
  }
}
