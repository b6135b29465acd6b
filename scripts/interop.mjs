#!/usr/bin/env node
// Every pair of the interoperability matrix, one line each: npm run interop
//
//   npm run interop -- [--peer NAME] [--seed NUMBER] [--markdown]
//
//   --peer      only peers whose name contains this, in either case
//   --seed      of the network that loses datagrams; at random, and printed, without
//   --markdown  also writes the tables of docs/interop.md; with --peer, only the rows of those peers
//
// A pair is `ok`, `FAILED`, `skipped`, or `fails` where it is known to, by the peer's fault; FAILED makes the exit code 1.
// `npm run setup -- --interop` installs peers.

import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';

import { writeTables } from './interop-table.mjs';

const require = createRequire(import.meta.url);
const { PEERS, pairs } = require('../__test__/interop/matrix/index.js');
const { run } = require('../__test__/interop/matrix/run.js');

/** Pairs at a time: those on a lossy network mostly wait. */
const CONCURRENCY = 3;
/**
 * How many lossy networks are tried: the timers of many peers double, and one of twenty networks loses the same flight so
 * often that the peer gives up.
 */
const NETWORKS = 4;

const { values: options } = parseArgs({
  options: { peer: { type: 'string', default: '' }, seed: { type: 'string' }, markdown: { type: 'boolean' } },
});
const seed = options.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(options.seed);
const wanted = pairs().filter(({ peer }) => peer.name.toLowerCase().includes(options.peer.toLowerCase()));
if (wanted.length === 0 || !Number.isInteger(seed)) {
  console.error(
    `interop: ${wanted.length === 0 ? `no peer is called ${options.peer}` : 'the seed is no whole number'}`,
  );
  process.exit(2);
}

console.log(`Seed of the lossy network: ${seed}\n`);
const results = await runAll(wanted);
const count = (result) => results.filter((one) => one.result === result).length;
for (const { title, error } of results.filter(({ result }) => result === 'FAILED')) {
  console.log(`\n--- ${title}\n${error.message.trimEnd()}`);
}
if (options.markdown) {
  const names = PEERS.map(({ name }) => name);
  writeTables(results, names);
}
const known = count('fails');
if (known > 0) console.log(`\n${known} known to fail, by the peer's fault`);
console.log(`\n${count('ok')} passed, ${count('FAILED')} failed, ${count('skipped')} skipped`);
process.exit(count('FAILED') > 0 ? 1 : 0);

/** A few at a time; the lines come in the order of the table. */
async function runAll(all) {
  const done = [];
  let next = 0;
  let printed = 0;
  const worker = async () => {
    while (next < all.length) {
      const index = next++;
      done[index] = await runOne(all[index]);
      while (done[printed] !== undefined) console.log(lineOf(done[printed++]));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return done;
}

async function runOne(pair) {
  if (pair.missing) return { ...pair, result: 'skipped', remark: pair.missing };
  const networks = pair.scenario.loss ? NETWORKS : 1;
  for (let attempt = 1; ; attempt++) {
    const endings = [];
    try {
      const remark = await run({ after: (ending) => endings.push(ending) }, pair, seed + attempt - 1);
      return { ...pair, result: 'ok', remark: attempt === 1 ? remark : `${remark}, network ${attempt}` };
    } catch (error) {
      if (attempt < networks) continue;
      if (pair.scenario.theirs) return { ...pair, result: 'fails', remark: pair.scenario.theirs };
      return { ...pair, result: 'FAILED', remark: error.message.split('\n', 1)[0], error };
    } finally {
      for (const ending of endings.reverse()) await ending();
    }
  }
}

function lineOf({ peer, role, what, suite, result, remark }) {
  const verdict = remark ? `${result} (${remark})` : result;
  return `${peer.name.padEnd(18)} ${role.padEnd(6)}  ${what.padEnd(44)} ${suite.padEnd(30)} ${verdict}`;
}
