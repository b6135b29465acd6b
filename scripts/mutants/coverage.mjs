// Which test file runs which code of lib/, by the coverage that V8 reports, child processes and threads included.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { inParallel } from './parallel.mjs';
import { testFiles } from './test-files.mjs';
import { HOME, readSource, run, TREE } from './tree.mjs';

const REPORTS = path.join(HOME, 'coverage');
const CACHE = path.join(HOME, 'coverage.json');

/** A test file that takes longer does not judge: a survivor would cost too much. */
const LONGEST = 100;

/**
 * Runs every test file that has not been run before, and answers what each has run: `[{ test, seconds, runs(file, offset) }]`.
 * Test files that fail are left out.
 */
export async function coverage() {
  const known = readCache();
  await inParallel(
    testFiles().filter((name) => known[name] === undefined),
    async (test) => writeCache(known, test, await watchFile(test)),
  );
  const passing = testFiles().filter((test) => known[test].passed);
  return passing.map((test) => {
    const { seconds, files } = known[test];
    return { test, seconds, runs: (file, offset) => isRun(files[file], file, offset) };
  });
}

/** Runs a test file, and answers what it has run: `{ passed, seconds, files }`. */
async function watchFile(test) {
  const reports = path.join(REPORTS, test.replaceAll('/', '-'));
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports, { recursive: true });
  const { passed, seconds } = await passes(test, { NODE_V8_COVERAGE: reports });
  return { passed, seconds, files: passed ? readReports(reports) : {} };
}

/** Runs a test file without any fault. Answers `{ passed, seconds }`. */
export async function passes(test, env) {
  const { passed, overdue, seconds } = await run('node', ['--test-reporter=spec', test], { seconds: LONGEST, env });
  const failure = overdue ? 'takes too long' : 'fails without a fault';
  console.log(`mutants: ${test} ${passed ? 'passes' : `${failure}: left out`}, ${seconds.toFixed(1)} s`);
  return { passed, seconds };
}

function writeCache(known, test, watched) {
  known[test] = watched;
  writeFileSync(CACHE, JSON.stringify(known));
}

function readCache() {
  return existsSync(CACHE) ? JSON.parse(readFileSync(CACHE, 'utf8')) : {};
}

/** `{ [file]: { hash, reports } }`: for each process, the ranges `[start, end, count]`. */
function readReports(reports) {
  const prefix = `${pathToFileURL(path.join(TREE, 'lib')).href}/`;
  const files = {};
  for (const name of readdirSync(reports)) {
    let report;
    try {
      report = JSON.parse(readFileSync(path.join(reports, name), 'utf8'));
    } catch {
      // Written by a process that was ended meanwhile.
      continue;
    }
    for (const { url, functions } of report.result.filter((script) => script.url.startsWith(prefix))) {
      const file = `lib/${url.slice(prefix.length)}`;
      const ranges = functions.flatMap((one) => one.ranges);
      files[file] ??= { hash: hashOf(file), reports: [] };
      files[file].reports.push(ranges.map(({ startOffset, endOffset, count }) => [startOffset, endOffset, count]));
    }
  }
  return files;
}

/** Whether one of the processes has run the code at this offset, for all that is known. */
function isRun(known, file, offset) {
  if (known === undefined) return false;
  return known.hash !== hashOf(file) || known.reports.some((ranges) => innermostCount(ranges, offset) > 0);
}

function innermostCount(ranges, offset) {
  let [size, count] = [Number.POSITIVE_INFINITY, 0];
  for (const [start, end, times] of ranges) {
    if (start <= offset && offset < end && end - start <= size) [size, count] = [end - start, times];
  }
  return count;
}

function hashOf(file) {
  return createHash('sha256').update(readSource(file)).digest('hex');
}
