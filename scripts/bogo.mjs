#!/usr/bin/env node
// BoringSSL's test runner against this project's endpoint, in both roles: npm run bogo. docs/testing.md says what is in it.
//
//   npm run bogo [-- --test PATTERN] [--all] [--debug]
//
//   --test   only tests that this matches, with `*` for anything; several with `;` between them
//   --all    those too that __test__/bogo/config.json leaves out
//   --debug  also shows the datagrams of each test
//
// Prints the tests that fail, and how many there are of each kind; the exit code is 1 when one fails. What config.json names is left
// out for the reason that stands there.
// `npm run setup -- --interop` builds the runner.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const RUNNER = path.join(ROOT, 'target', 'interop', 'bin', 'bogo');
const CONFIG = JSON.parse(readFileSync(path.join(ROOT, '__test__', 'bogo', 'config.json'), 'utf8'));

/** The file where the shim notes what a test needs that is not here. */
const NOTES = 'unimplemented';

/** How long the runner waits for a shim that says nothing. */
const PATIENCE = '10s';

const { values: options } = parseArgs({
  options: { test: { type: 'string', default: '*DTLS*' }, all: { type: 'boolean' }, debug: { type: 'boolean' } },
});

if (!existsSync(RUNNER)) {
  console.error('bogo: there is no runner in target/interop/bin; npm run setup -- --interop builds it');
  process.exit(2);
}
const place = mkdtempSync(path.join(tmpdir(), 'bogo-'));
writeFileSync(path.join(place, NOTES), '');
try {
  process.exitCode = run(buildShim(), place);
} finally {
  rmSync(place, { recursive: true, force: true });
}

/** The program that the runner starts for each test. */
function buildShim() {
  const args = ['build', '--test', 'bogo', '--message-format=json-render-diagnostics'];
  const built = spawnSync('cargo', args, {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 28,
  });
  if (built.status !== 0) process.exit(2);
  const messages = built.stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  return messages.findLast(({ executable, target }) => executable && target.name === 'bogo').executable;
}

/** The exit code. */
function run(shim, place) {
  const names = Object.keys(runTests(shim, place, { test: options.test, env: { BOGO_DECLINES: '1' } }));
  // By what config.json says of each, which is about the first entry that names it.
  const entries = new Map(names.map((name) => [name, options.all ? undefined : entryOf(name)]));
  const leftOut = names.filter((name) => entries.get(name) !== undefined);
  const results = runTests(shim, place, { test: options.test, without: leftOut });
  const named = (kind) => Object.entries(results).filter(([, { actual }]) => actual === kind);
  for (const [name, { error = '' }] of named('FAIL')) console.log(`--- ${name}\n${error.trim()}\n`);
  printGroups('Left out', countBy(leftOut.map((name) => entries.get(name).reason)));
  printGroups('Not to be had here', countBy(readFileSync(path.join(place, NOTES), 'utf8').split('\n').filter(Boolean)));
  // What a shim declines counts as skipped for the runner.
  const [passed, failed, declined] = ['PASS', 'FAIL', 'SKIP'].map((kind) => named(kind).length);
  console.log(`${passed} passed, ${failed} failed, ${leftOut.length + declined} skipped`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

/** What the runner says of each test. `without`: names; it passes over them without a word. */
function runTests(shim, place, { test, without = [], env }) {
  const at = (name) => path.join(place, name);
  writeFileSync(
    at('config.json'),
    JSON.stringify({ DisabledTests: Object.fromEntries(without.map((name) => [name, ''])) }),
  );
  rmSync(at('results.json'), { force: true });
  const args = [
    '-test',
    test,
    '-shim-path',
    shim,
    '-shim-config',
    at('config.json'),
    '-json-output',
    at('results.json'),
  ];
  args.push('-pipe', '-allow-unimplemented', '-loose-errors', '-idle-timeout', PATIENCE);
  if (options.debug && !env) args.push('-debug', '-num-workers', '1');
  const { stdout, stderr } = spawnSync(RUNNER, args, {
    cwd: place,
    env: { ...process.env, BOGO_UNIMPLEMENTED: at(NOTES), ...env },
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  if (options.debug && !env) process.stdout.write(stdout);
  if (existsSync(at('results.json'))) return JSON.parse(readFileSync(at('results.json'), 'utf8')).tests;
  throw new Error(`The runner did not come to its end:\n${stdout.slice(-2000)}${stderr}`);
}

function entryOf(name) {
  const matches = (pattern) => new RegExp(`^${pattern.split('*').map(literally).join('.*')}$`).test(name);
  return CONFIG.find(({ tests }) => tests.some(matches));
}

function literally(text) {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function countBy(names) {
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([, one], [, other]) => other - one);
}

function printGroups(title, groups) {
  if (groups.length === 0) return;
  console.log(`${title}:`);
  for (const [name, count] of groups) console.log(`${String(count).padStart(6)}  ${name}`);
  console.log();
}
