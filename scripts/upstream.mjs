#!/usr/bin/env node
// Mbed TLS's own DTLS scenarios, with one of its programs on one side and ours on the other: npm run upstream
//
//   npm run upstream -- [--version 2.28|3.6] [--role client|server] [--name TEXT] [--list] [--markdown]
//
//   --version   only the scenarios and programs of this version
//   --role      only with their client, or only with their server
//   --name      only scenarios with this in their name
//   --list      runs nothing, and says of each scenario whether it applies, or why not
//   --markdown  also writes the tables of docs/upstream.md
//
// A scenario is `ok` or `FAILED`, which makes the exit code 1; those that do not apply are counted by their reason.
// `npm run setup -- --interop` builds the programs.

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';

const require = createRequire(import.meta.url);
const { VERSIONS, upstream } = require('../__test__/interop/upstream/scenarios.js');
const { run, situation } = require('../__test__/interop/upstream/run.js');

/** Scenarios at a time: most of them wait. */
const CONCURRENCY = 4;
const ROLES = ['client', 'server'];
const PAGE = new URL('../docs/upstream.md', import.meta.url);
const [BEGIN, END] = ['<!-- begin: npm run upstream -- --markdown -->', '<!-- end -->'];

const { values: options } = parseArgs({
  options: {
    version: { type: 'string' },
    role: { type: 'string' },
    name: { type: 'string', default: '' },
    list: { type: 'boolean' },
    markdown: { type: 'boolean' },
  },
});
const installed = VERSIONS.filter((name) => (options.version ?? name) === name).map(upstream);
for (const { missing } of installed) if (missing) console.log(`skipped: ${missing}`);
const all = installed
  .filter(({ missing }) => missing === undefined)
  .flatMap((each) => each.scenarios.map((scenario) => ({ each, scenario })))
  .filter(({ scenario }) => scenario.name.includes(options.name))
  .flatMap(({ each, scenario }) => ROLES.map((role) => situation(each, scenario, role)))
  .filter(({ theirs }) => (options.role ?? theirs.role) === theirs.role);
if (all.length === 0) {
  console.error('upstream: there is no such scenario, or nothing is installed');
  process.exit(2);
}

if (options.list) {
  for (const each of all) console.log(`${titleOf(each)} ${each.reason ?? 'applies'}`);
  process.exit(0);
}
const results = await runAll(all);
const failed = results.filter(({ result }) => result === 'FAILED');
for (const { error, ...each } of failed) console.log(`\n--- ${titleOf(each)}\n${error.message}`);
for (const [reason, those] of byReason(results))
  console.log(`${String(those.length).padStart(4)} do not apply: ${reason}`);
console.log(`\n${count('ok')} passed, ${failed.length} failed, ${count('not applicable')} do not apply`);
if (options.markdown) writeTables();
process.exit(failed.length > 0 ? 1 : 0);

function count(wanted, among = results) {
  return among.filter(({ result }) => result === wanted).length;
}

async function runAll(situations) {
  const done = [];
  let next = 0;
  const worker = async () => {
    while (next < situations.length) {
      const each = situations[next++];
      const outcome = await runOne(each);
      done.push({ ...each, ...outcome });
      if (outcome.result !== 'not applicable') console.log(`${titleOf(each)} ${outcome.result}`);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return done;
}

async function runOne(each) {
  if (each.reason) return { result: 'not applicable' };
  try {
    return { result: 'ok', patterns: await run(each) };
  } catch (error) {
    return { result: 'FAILED', error };
  }
}

function titleOf({ installed: { version }, theirs, name }) {
  return `${version.padEnd(7)} their ${theirs.role}  ${name.padEnd(72)}`;
}

function byReason(those) {
  const reasons = grouped(those, ({ reason }) => reason);
  reasons.delete(undefined);
  return [...reasons].sort(([, a], [, b]) => b.length - a.length);
}

function grouped(those, keyOf) {
  const groups = new Map();
  for (const each of those) groups.set(keyOf(each), [...(groups.get(keyOf(each)) ?? []), each]);
  return groups;
}

/** What a scenario is about: its name up to the first colon or comma. */
function groupOf({ name }) {
  return name.split(/[:,(]| (?=(?:server|all|client) )/, 1)[0].trim();
}

/** Writes what has been run between the marks; the page's own words stay. */
function writeTables() {
  const [before, rest] = readFileSync(PAGE, 'utf8').split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error('docs/upstream.md has lost its marks');
  const tables = [...totals(), '', ...groups(), '', ...reasons()].join('\n');
  writeFileSync(PAGE, `${before}${BEGIN}\n\n${tables}\n\n${END}${after}`);
}

function totals() {
  const rows = [...grouped(results, ({ installed: { version }, theirs }) => `${version} | their ${theirs.role}`)].map(
    ([key, those]) => {
      const patterns = those.reduce((sum, { patterns = 0 }) => sum + patterns, 0);
      const applies = those.length - count('not applicable', those);
      return `| ${key}, our ${those[0].ours.role} | ${those.length} | ${applies} | ${count('ok', those)} | ${patterns} |`;
    },
  );
  const head = ['| Mbed TLS | sides | scenarios | apply | passed | patterns found or absent as they must be |'];
  return [...head, '|---|---|--:|--:|--:|--:|', ...rows.sort()];
}

function groups() {
  const rows = [...grouped(results, groupOf)].map(([name, those]) => {
    const cells = ROLES.map((role) => {
      const own = those.filter(({ theirs }) => theirs.role === role);
      const applies = own.length - count('not applicable', own);
      return applies === 0 ? '' : `${count('ok', own)} of ${applies}`;
    });
    return `| ${name} | ${cells.join(' | ')} | ${count('not applicable', those) || ''} |`;
  });
  return [
    '| scenarios | passed with their client | with their server | do not apply |',
    '|---|--:|--:|--:|',
    ...rows.sort(),
  ];
}

function reasons() {
  const rows = byReason(results).map(([reason, those]) => {
    const names = [...grouped(those, groupOf)].map(([name, own]) => `${name} (${own.length})`);
    return `| ${reason} | ${those.length} | ${names.join(', ')} |`;
  });
  return ['| why they do not apply | how many | which |', '|---|--:|---|', ...rows];
}
