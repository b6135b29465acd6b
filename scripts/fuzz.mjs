#!/usr/bin/env node
// Looks for what breaks, for as long as one likes. docs/testing.md says what each part does.
//
//   npm run fuzz [-- SECONDS [SEED]]     the parts in turn, each for its share of the seconds; with a seed, that of `traffic`
//   npm run fuzz -- SECONDS PART [NAME]  one part for all of them: traffic, networks, coverage, boundary, pkcs12 or memory
//
// NAME is the seed of traffic, networks, boundary and pkcs12, and the target of coverage.

import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { fuzzWithCoverage } from './libfuzzer.mjs';

/** Networks of each of twelve modes in a second, as an idle core has time for: ten minutes for all parts make 10,800. */
const NETWORKS_PER_SECOND = 6;
// `workers` is asked for by hand, as long as Node.js itself does not bear it: see docs/fuzzing.md.
const BOUNDARY = ['public', 'native'];

const PARTS = {
  /** Random mutations of real traffic against a server and clients. */
  traffic(seconds, seed) {
    return rustTest('tests::fuzz::', { FUZZ_SECONDS: seconds, ...(seed && { FUZZ_SEED: seed }) });
  },
  /** Every mode on networks that lose, double, delay, reorder and spoil datagrams. */
  networks(seconds, seed) {
    const count = String(Number(seconds) * NETWORKS_PER_SECOND);
    return rustTest('hostile_networks', seed ? { FUZZ_SEED: seed } : { FUZZ_NETWORKS: count });
  },
  /** libFuzzer on every target, with AddressSanitizer over the engines' C code. */
  coverage: (seconds, target) => fuzzWithCoverage(Number(seconds), target),
  /** Random calls from JavaScript, with values that no sane program passes. */
  boundary(seconds, seed = String(Date.now() % 1_000_000)) {
    const share = String(Math.ceil((Number(seconds) * 1000) / BOUNDARY.length));
    return BOUNDARY.every((kind) => {
      console.log(`boundary: ${kind}, seed ${seed}`);
      return run(process.execPath, [...NODE_FLAGS, '__test__/boundary/play.js', kind, seed, share]);
    });
  },
  /** PKCS#12 files that somebody has spoilt. */
  pkcs12: (seconds, ...seed) => run(process.execPath, ['__test__/pkcs12/fuzz.js', seconds, ...seed.filter(Boolean)]),
  /** Each allocation of C code fails once, in every mode: it takes its own time. */
  memory: () => rustTest('scarce_memory', { FUZZ_ALLOCATIONS: '1' }),
};
const IN_TURN = Object.keys(PARTS).filter((part) => part !== 'memory');

const NODE_FLAGS = ['--expose-gc', '--force-node-api-uncaught-exceptions-policy=true'];

const [seconds = '600', first, name] = process.argv.slice(2);
const isSeed = /^\d+$/.test(first ?? '');
if (!/^\d+$/.test(seconds) || !(first === undefined || isSeed || Object.hasOwn(PARTS, first))) {
  console.error(
    `usage: npm run fuzz [-- SECONDS [SEED | PART [NAME]]], where PART is ${Object.keys(PARTS).join(', ')}`,
  );
  process.exit(2);
}

if (isSeed) process.exit(PARTS.traffic(seconds, first) ? 0 : 1);
const parts = first === undefined ? IN_TURN : [first];
const share = String(Math.ceil(Number(seconds) / parts.length));
const failed = parts.filter((part) => {
  console.log(`\n=== ${part}`);
  return !PARTS[part](share, name);
});
console.log(failed.length === 0 ? '\nNothing broke.' : `\nFailed: ${failed.join(', ')}`);
process.exit(failed.length === 0 ? 0 : 1);

function rustTest(filter, env) {
  return run('cargo', ['test', '--lib', filter, '--', '--nocapture'], env);
}

function run(command, args, env = {}) {
  return spawnSync(command, args, { env: { ...process.env, ...env }, stdio: 'inherit' }).status === 0;
}
