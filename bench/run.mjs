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
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { measurements } from './measurements.mjs';

const BENCH = path.dirname(fileURLToPath(import.meta.url));
const LOAD = path.join(BENCH, 'load', 'dtlsload');
const PEERS = path.join(BENCH, 'peers');
const PIN = process.platform === 'linux' && spawnSync('taskset', ['--version']).error === undefined;

const { rounds, seconds, only, json, compare } = readArguments();

await main();

async function main() {
  build();
  const all = measurements(seconds);
  if (all === null) fail('the openssl program was not found; without it there are no certificates to measure with');
  const wanted = all.filter(({ name }) => only === undefined || name.includes(only));
  const results = [];
  for (const measurement of wanted) {
    const { name, unit, better, goal } = measurement;
    const figures = await measure(measurement);
    results.push({ name, unit, better, goal, figures });
    report(results.at(-1));
  }
  reportGoals(results);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`);
  if (compare !== undefined) reportRegressions(JSON.parse(readFileSync(compare, 'utf8')), results);
}

/** All competitors take turns in every round, so that the machine's moods meet all of them. */
async function measure({ load, server, servers, clients, value }) {
  const pairs = Object.keys(servers ?? clients).map((name) => ({
    name,
    server: servers === undefined ? (clients[name].server ?? server) : [name, ...servers[name]],
    load: clients?.[name] ?? load[name] ?? load,
  }));
  const figures = {};
  let port = 17_000 + Math.floor(Math.random() * 20_000);
  for (let round = 0; round < rounds; round++) {
    for (const pair of pairs) {
      const result = await run(pair, port++);
      if (result === null) continue;
      figures[pair.name] ??= [];
      figures[pair.name].push(value(result));
    }
  }
  return figures;
}

/** What the load and the server have printed, `null` when one of them failed. */
async function run({ name, server: [kind, ...serverArgs], load }, port) {
  const [command, args] = {
    ours: [process.execPath, [path.join(BENCH, 'servers', 'echo.js'), String(port), ...serverArgs]],
    udp: [process.execPath, [path.join(BENCH, 'servers', 'udp.js'), String(port)]],
    openssl: [LOAD, ['serve', '--port', String(port), ...serverArgs]],
  }[kind];
  const server = start('0', command, args);
  if (kind === 'openssl') await sleep(300);
  else await once(server.stdout, 'data');
  const words =
    kind === 'udp' ? load.args.map((word, at) => (load.args[at - 1] === '--mode' ? 'udp' : word)) : load.args;
  const program = load.program === 'node' ? process.execPath : LOAD;
  const client = start('1', program, [...words, '--port', String(port), '--pid', String(server.pid)]);
  await once(client, 'close');
  server.kill('SIGTERM');
  await once(server, 'close');
  try {
    return { load: JSON.parse(client.output), server: lastLine(server.output) };
  } catch {
    console.error(`bench: ${name} gave no result for ${load.args.join(' ')}`);
    return null;
  }
}

function start(core, command, args) {
  const child = spawn(...pinned(core, command, args), { stdio: ['ignore', 'pipe', 'ignore'] });
  child.output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    child.output += text;
  });
  return child;
}

function lastLine(output) {
  const line = output.trim().split('\n').at(-1);
  return line.startsWith('{') ? JSON.parse(line) : {};
}

function pinned(core, command, args) {
  return PIN ? ['taskset', ['-c', core, command, ...args]] : [command, args];
}

function report({ name, unit, better, figures }) {
  const columns = Object.entries(figures).map(([who, values]) => `${who} ${summary(values)}`);
  const ratios = Object.keys(figures)
    .filter((who) => who !== 'ours')
    .map((who) => `${ratio(figures, better, who).toFixed(2)}x ${who}`);
  const verdict = ratios.length > 0 ? `; ours is ${ratios.join(', ')} as good` : '';
  console.log(`${name} (${unit}): ${columns.join(', ')}${verdict}`);
}

/** How many times as good we are. */
function ratio(figures, better, who) {
  if (figures.ours === undefined || figures[who] === undefined) return Number.NaN;
  const [ours, theirs] = [median(figures.ours), median(figures[who])];
  return better === 'more' ? ours / theirs : theirs / ours;
}

/** What must be reached, and whether it is. */
function reportGoals(results) {
  const rows = results.flatMap(({ name, unit, better, goal = {}, figures }) =>
    Object.entries(goal).map(([against, bound]) => {
      if (against === 'most') {
        const ours = median(figures.ours ?? [Number.NaN]);
        return [name, `at most ${bound} ${unit}`, figure(ours), ours <= bound];
      }
      const reached = ratio(figures, better, against);
      return [name, `${bound.toFixed(2)}x ${against}`, `${reached.toFixed(2)}x`, reached >= bound];
    }),
  );
  if (rows.length === 0) return;
  console.log('\n| | must be | is | |\n|---|---|---|---|');
  for (const [name, bound, is, reached] of rows)
    console.log(`| ${name} | ${bound} | ${is} | ${reached ? '' : 'not reached'} |`);
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
      fail(`${command} failed; the load generator needs make, a C compiler and OpenSSL's headers (libssl-dev)`);
    }
  }
  const { status } = spawnSync('npm', ['install', '--silent', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: PEERS,
  });
  if (status !== 0) console.error('bench: node-dtls-client could not be installed, and is left out');
}

function fail(message) {
  console.error(`bench: ${message}`);
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
