// The JavaScript tests, file by file, as judges of a fault.

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { run, TREE } from './tree.mjs';

/** Peers and packages are not at hand everywhere, and take long. */
const LEFT_OUT = /^(interop|packaging|repository(?!\/loading)|types|docs)\b/;

/** How many seconds test files may take that seem to be about something else, until all other faults have been judged. */
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
 * Answers `{ verdict, by, seconds, left }`; verdict: 'caught', 'missed', or 'not run' where no test comes by. Test files that are about
 * the same subject, by their names, are asked first, and others for so many seconds: `left` are those that have not been asked.
 *
 * @param {string} file that has the fault
 * @param {{ test: string, seconds: number }[]} able the test files that come by it
 * @param {{ env?: object, cwd?: string }} where they run
 */
export async function judgeByFiles(file, able, where, patience = PATIENCE) {
  const began = Date.now();
  const answer = (verdict, by, left = []) => ({ verdict, by, left, seconds: (Date.now() - began) / 1000 });
  if (able.length === 0) return answer('not run');
  let spent = 0;
  const order = inOrder(file, able);
  for (const [index, one] of order.entries()) {
    if (spent > patience && affinity(file, one) === 0) return answer('missed', undefined, order.slice(index));
    spent += one.seconds;
    const by = await failsTwice(one, where);
    if (by !== undefined) return answer('caught', `${one.test}: ${by}`);
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

/** A busy machine makes some test fail now and then: the same one has to fail twice. Of three failures, two are of the same. */
async function failsTwice(one, where) {
  const failures = [];
  while (failures.length < 3) {
    const failure = await failureOf(one, where);
    if (failure === undefined || failures.includes(failure)) return failure;
    failures.push(failure);
  }
  return undefined;
}

/** The test that fails, or undefined. */
async function failureOf({ test, seconds }, where) {
  const failed = /^\s*✖ (.*?)(?: \([\d.]+ms\))?\n/m;
  const { passed, overdue, output } = await run('node', ['--test-reporter=spec', test], {
    ...where,
    seconds: 4 * seconds + 60,
    isEnough: (text) => failed.test(text),
  });
  if (passed) return undefined;
  return output.match(failed)?.[1] ?? (overdue ? 'it never ended' : 'the file broke off');
}
