#!/usr/bin/env node
// Our server against Node's raw UDP and OpenSSL in C, under one load generator, in one interleaved run.
//
//   npm run bench [-- --rounds N] [--seconds N] [--only NAME] [--json FILE] [--compare FILE | --compare DIR]
//                  [--older DIR] [--young MB]
//
// With a FILE that --json has written, the run ends by comparing its ratios to OpenSSL with those of that file. With a DIR,
// which is another checkout of this repository, it measures that tree and this one in turns, and nobody else. With --older, whose
// DIR is such a checkout too, handshakes of DTLS 1.3 with a pre-shared key stand beside those of DTLS 1.2 there, too.
//
// How fast JavaScript is depends on the size that V8 has given to the young generation of its heap: once that is larger than the
// processor's second cache, each new object is a cache miss, and a handshake with a pre-shared key takes half as long again. V8 lets it
// grow with what has survived, which differs from run to run and from tree to tree. --young gives each semi-space of it a fixed size, in
// every process of Node.js alike. It is 2 MB when two trees are compared, and V8's affair otherwise.
//
// The server runs on one core and the load on another, on Linux; elsewhere they run wherever the system puts them. Read the
// ratios: they are medians of the rounds, with the smallest and the largest in brackets.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { figure, median, ratio, summary } from './figures.mjs';
import { measurements } from './measurements.mjs';
import { competitors as bothTrees, reportChange, reportHeading } from './trees.mjs';

const BENCH = path.dirname(fileURLToPath(import.meta.url));
const ROOT = path.dirname(BENCH);
const LOAD = path.join(BENCH, 'load', 'dtlsload');
const PEERS = path.join(BENCH, 'peers');
const PIN = process.platform === 'linux' && spawnSync('taskset', ['--version']).error === undefined;

/** Megabytes of a semi-space where two trees are compared. */
const YOUNG = '2';

/** As measurements.mjs names our server where it stands beside itself in the newer version. */
const OLDER = 'ours in DTLS 1.2';

const { rounds, seconds, only, json, earlier, otherTree, olderTree, young } = readArguments();
const NODE_FLAGS = young === undefined ? [] : [`--min-semi-space-size=${young}`, `--max-semi-space-size=${young}`];

await main();

async function main() {
  buildTree(ROOT);
  for (const tree of [otherTree, olderTree]) if (tree !== undefined) buildTree(tree);
  buildLoad();
  const all = measurements(seconds);
  if (all === null) fail('the openssl program was not found; without it there are no certificates to measure with');
  const wanted = all.filter(({ name }) => only === undefined || name.includes(only));
  if (wanted.length === 0) fail(`no measurement has "${only}" in its name`);
  const results = otherTree === undefined ? await againstOthers(wanted) : await againstTree(wanted);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`);
}

async function againstOthers(wanted) {
  const results = [];
  for (const measurement of wanted) {
    results.push(
      resultOf(
        measurement,
        await measure([...competitorsIn(measurement), ...inOlderTree(measurement)], measurement.value),
      ),
    );
    report(results.at(-1));
  }
  reportGoals(results);
  if (earlier !== undefined) reportRegressions(JSON.parse(readFileSync(earlier, 'utf8')), results);
  return results;
}

async function againstTree(wanted) {
  const results = [];
  let falls = 0;
  reportHeading();
  for (const measurement of wanted) {
    const ours = competitorsIn(measurement).find(({ name }) => name === 'ours');
    const figures = await measure(bothTrees(ours, { before: otherTree, after: ROOT }), measurement.value);
    results.push(resultOf(measurement, figures));
    if (reportChange(results.at(-1), figures)) falls++;
  }
  console.log(`\n${falls} of ${results.length} measurements fall by more than 3 %`);
  return results;
}

/** @returns {{ name: string, server: string[], load: object }[]} who takes part, and what each is given to do */
function competitorsIn({ load, server, servers, clients }) {
  return Object.keys(servers ?? clients).map((name) => ({
    name,
    server: servers === undefined ? (clients[name].server ?? server) : [name, ...servers[name]],
    load: clients?.[name] ?? load[name] ?? load,
  }));
}

/** The server of DTLS 1.2 in the tree that --older names. */
function inOlderTree({ older, servers }) {
  if (olderTree === undefined || older === undefined) return [];
  return [{ name: `${OLDER} of ${olderTree}`, server: [OLDER, ...servers[OLDER]], load: older, package: olderTree }];
}

/**
 * All competitors take turns in every round, so that the machine's moods meet all of them; every second round has them in
 * reverse order.
 *
 * @returns for each round the figure of each competitor by name; one whose run has failed is missing
 */
async function measure(competitors, value) {
  const figures = [];
  let port = 17_000 + Math.floor(Math.random() * 20_000);
  for (let round = 0; round < rounds; round++) {
    const ofRound = {};
    for (const competitor of round % 2 === 0 ? competitors : competitors.toReversed()) {
      const result = await run(competitor, port++);
      if (result !== null) ofRound[competitor.name] = value(result);
    }
    figures.push(ofRound);
  }
  return figures;
}

function resultOf({ name, unit, better, goal }, rounds) {
  const figures = {};
  for (const ofRound of rounds) {
    for (const [who, value] of Object.entries(ofRound)) {
      figures[who] ??= [];
      figures[who].push(value);
    }
  }
  return { name, unit, better, goal, figures };
}

/** What the load and the server have printed, `null` when one of them failed. */
async function run({ name, server: [kind, ...serverArgs], load, package: directory }, port) {
  const inNode = (script, ...args) => [process.execPath, [...NODE_FLAGS, path.join(BENCH, 'servers', script), ...args]];
  const ours = inNode('echo.js', String(port), ...serverArgs);
  const [command, args] = {
    ours,
    [OLDER]: ours,
    udp: inNode('udp.js', String(port)),
    openssl: [LOAD, ['serve', '--port', String(port), ...serverArgs]],
  }[kind];
  const server = start('0', command, args, directory);
  if (kind === 'openssl') await sleep(300);
  else await once(server.stdout, 'data');
  const words =
    kind === 'udp' ? load.args.map((word, at) => (load.args[at - 1] === '--mode' ? 'udp' : word)) : load.args;
  const [program, flags] = load.program === 'node' ? [process.execPath, NODE_FLAGS] : [LOAD, []];
  const toServer = ['--port', String(port), '--pid', String(server.pid)];
  const client = start('1', program, [...flags, ...words, ...toServer], directory);
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

/** @param {string} [directory] of the package under test, see package.js */
function start(core, command, args, directory = ROOT) {
  const env = { ...process.env, BENCH_PACKAGE: directory };
  const child = spawn(...pinned(core, command, args), { env, stdio: ['ignore', 'pipe', 'ignore'] });
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
    .map((who) => `${ratioTo(who, figures, better).toFixed(2)}x ${who}`);
  const verdict = ratios.length > 0 ? `; ours is ${ratios.join(', ')} as good` : '';
  console.log(`${name} (${unit}): ${columns.join(', ')}${verdict}`);
}

/** How many times as good we are. */
function ratioTo(who, figures, better) {
  if (figures.ours === undefined || figures[who] === undefined) return Number.NaN;
  return ratio(median(figures.ours), median(figures[who]), better);
}

/** What must be reached, and whether it is. */
function reportGoals(results) {
  const rows = results.flatMap(({ name, unit, better, goal = {}, figures }) =>
    Object.entries(goal).map(([against, bound]) => {
      if (against === 'most') {
        const ours = median(figures.ours ?? [Number.NaN]);
        return [name, `at most ${bound} ${unit}`, figure(ours), ours <= bound];
      }
      const reached = ratioTo(against, figures, better);
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
    const change = ratioTo('openssl', figures, better) / ratioTo('openssl', old.figures, better);
    if (change < 0.9) console.log(`WORSE: ${name}, ${change.toFixed(2)} of what it was`);
  }
}

/** Builds the release addon of a tree, so that both sides of a comparison are built alike. */
function buildTree(directory) {
  if (!succeeds('npm', ['run', '--silent', 'build'], directory)) fail(`npm run build failed in ${directory}`);
}

function buildLoad() {
  if (!succeeds('make', ['--silent'], path.join(BENCH, 'load'))) {
    fail("make failed; the load generator needs make, a C compiler and OpenSSL's headers (libssl-dev)");
  }
  if (otherTree !== undefined) return;
  if (!succeeds('npm', ['install', '--silent', '--ignore-scripts', '--no-audit', '--no-fund'], PEERS)) {
    console.error('bench: node-dtls-client could not be installed, and is left out');
  }
}

function succeeds(command, args, cwd) {
  return spawnSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
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
        older: { type: 'string' },
        young: { type: 'string' },
      },
    });
    const number = (name) => {
      if (!/^[1-9]\d?$/.test(values[name])) throw new Error(`--${name} takes a number from 1 to 99`);
      return Number(values[name]);
    };
    const compared = comparison(values.compare);
    values.young ??= compared.otherTree === undefined ? undefined : YOUNG;
    const olderTree = values.older === undefined ? undefined : path.resolve(values.older);
    return {
      ...values,
      ...compared,
      olderTree,
      young: values.young === undefined ? undefined : number('young'),
      rounds: number('rounds'),
      seconds: number('seconds'),
    };
  } catch (error) {
    console.error(`bench: ${error.message.split('\n')[0]}`);
    process.exit(2);
  }
}

/** `--compare` takes the figures of an earlier run, or another tree. */
function comparison(name) {
  if (name === undefined) return {};
  const found = statSync(name, { throwIfNoEntry: false });
  if (found === undefined) throw new Error(`--compare takes a file or a directory, and ${name} is neither`);
  return found.isDirectory() ? { otherTree: path.resolve(name) } : { earlier: name };
}
