// The JavaScript tests, file by file, as judges of a fault.

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { run, TREE } from './tree.mjs';

/** Peers and packages are not at hand everywhere, and take long. */
const LEFT_OUT = /^(interop|packaging|repository|types|docs)\b/;

/** How many seconds test files may take that seem to be about something else. */
const PATIENCE = 60;

/** The test files of the JavaScript tests. */
export function testFiles() {
  return readdirSync(path.join(TREE, '__test__'), { recursive: true })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.test.js') && !LEFT_OUT.test(name))
    .map((name) => `__test__/${name}`)
    .sort();
}

/**
 * Answers `{ verdict, by, seconds }`; verdict: 'caught', 'missed', or 'not run' where no test comes by. Test files that are about the
 * same subject, by their names, are asked first, and others for so many seconds: what none of them notices counts as missed.
 *
 * @param {string} file that has the fault
 * @param {{ test: string, seconds: number }[]} able the test files that come by it
 */
export async function judgeByFiles(file, able, env = {}) {
  const began = Date.now();
  const answer = (verdict, by) => ({ verdict, by, seconds: (Date.now() - began) / 1000 });
  if (able.length === 0) return answer('not run');
  let spent = 0;
  for (const one of inOrder(file, able)) {
    if (spent > PATIENCE && affinity(file, one) === 0) break;
    spent += one.seconds;
    // A busy machine makes some tests fail now and then: two failures are a verdict.
    if ((await fails(one, env)) && (await fails(one, env))) return answer('caught', one.test);
  }
  return answer('missed');
}

/** Those first whose names share words with the file's, then the shortest. */
export function inOrder(file, able) {
  return able.toSorted((one, other) => affinity(file, other) - affinity(file, one) || one.seconds - other.seconds);
}

/** How many words both names share. */
function affinity(file, { test }) {
  const subject = wordsOf(file);
  return wordsOf(test).filter((word) => subject.includes(word)).length;
}

const COMMON = ['lib', 'src', 'binding', '__test__', 'test', 'js', 'rs', 'mod', 'index', 'commands'];

function wordsOf(file) {
  return file.split(/[/._-]/).filter((word) => !COMMON.includes(word));
}

async function fails({ test, seconds }, env) {
  const { passed } = await run('node', ['--test-reporter=spec', test], {
    seconds: 4 * seconds + 20,
    env,
    isEnough: (output) => /^\s*✖ /m.test(output),
  });
  return !passed;
}
