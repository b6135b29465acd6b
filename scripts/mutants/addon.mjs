// Mutants of src/binding: all of a sample are built into one addon, and into one program of Rust tests, and judged by the tests of
// both languages that come by them.

import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { passes } from './coverage.mjs';
import { inParallel } from './parallel.mjs';
import { build, buildTests, judgeNumber, readNotes, watchTests } from './rust-tests.mjs';
import { NOTED, PLANTED } from './switch.mjs';
import { numberOf, plantAndBuild } from './switched.mjs';
import { judgeByFiles, testFiles } from './test-files.mjs';
import { built, HOME, TREE } from './tree.mjs';

/** Where lib/native.js looks first. */
export const ADDON = path.join(TREE, 'mbed-dtls.node');

const NOTES = path.join(HOME, 'notes-of-files');

/** The test files that pass without any fault, as `{ test, seconds, visits }`: by which faults each comes. */
const tests = [];

let rust;

export async function prepareAddon(mutants) {
  await plantAndBuild(mutants, () => build(['build', '--lib']));
  const { program } = await buildTests();
  rust = await watchTests(program);
  copyFileSync(built('libmbed_dtls.so'), ADDON);
  process.once('exit', () => rmSync(ADDON, { force: true }));
  rmSync(NOTES, { recursive: true, force: true });
  mkdirSync(NOTES, { recursive: true });
  await inParallel(testFiles(), async (test) => {
    const notes = path.join(NOTES, test.replaceAll('/', '-'));
    const { passed, seconds } = await passes(test, { [NOTED]: notes });
    if (passed) tests.push({ test, seconds, visits: readNotes(notes) });
  });
}

/**
 * Answers `{ verdict, by, seconds, judgeOn }`; verdict: 'caught', 'missed', 'unviable', or 'not run' where no test comes by. `judgeOn()`
 * lets the test files judge that have not yet.
 */
export async function judgeInAddon(mutant) {
  const number = numberOf(mutant);
  if (number === undefined) return { verdict: 'unviable' };
  const byRust = await judgeNumber(rust, number);
  if (byRust.verdict === 'caught') return byRust;
  const judge = (some, patience) => judgeByFiles(mutant.file, some, { env: { [PLANTED]: String(number) } }, patience);
  const able = tests.filter(({ visits }) => visits.has(number));
  const { left, ...result } = able.length === 0 ? { ...byRust, left: [] } : await judge(able);
  return { ...result, judgeOn: left.length === 0 ? undefined : () => judge(left, Number.POSITIVE_INFINITY) };
}
