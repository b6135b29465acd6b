// Faults that people planted where a reader saw a gap, and that have to be noticed ever since: scripts/mutants/faults.mjs.
//
// Those of Rust that say where they are by FAULT are built together, as many as do not touch the same place, and switched on one at
// a time by an environment variable. The others are built one by one.

import { copyFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { FAULTS, plant } from './faults.mjs';
import { judgeRust, prepareRust } from './rust.mjs';
import { buildTests, judgeNumber, watchTests } from './rust-tests.mjs';
import { PLANTED, ROOM, SWITCH } from './switch.mjs';
import { built, readSource, replaceTexts, run, TREE, withText } from './tree.mjs';

/** Where lib/native.js looks first. */
const ADDON = path.join(TREE, 'mbed-dtls.node');

/** Those whose name has this word, as `{ file, name, tests, text }`. */
export function listPlanted(word = '') {
  return FAULTS.filter(({ name }) => name.includes(word)).map((fault) => ({ ...fault, ...plant(TREE, fault) }));
}

/** By fault: the bundle that it is built in, and its number there. */
const bundles = new Map();

export async function preparePlanted(faults) {
  let left = faults.filter(({ file, replace }) => file.startsWith('src/') && replace.includes('FAULT'));
  while (left.length > 0) {
    const bundle = { texts: new Map([[ROOM, readSource(ROOM) + SWITCH]]), faults: [] };
    left = left.filter((fault) => !add(bundle, fault));
  }
  const isAlone = ({ name, tests }) => tests === undefined && !bundles.has(name);
  if (faults.some(isAlone)) await prepareRust();
}

/** Whether its place has no other fault of the bundle. */
function add(bundle, fault) {
  const number = bundle.faults.length;
  try {
    const { file, text } = plant(TREE, fault, `crate::planted(${number})`, bundle.texts);
    bundle.texts.set(file, text);
  } catch {
    return false;
  }
  bundle.faults.push(fault.name);
  bundles.set(fault.name, { bundle, number });
  return true;
}

/** Bundle by bundle, so that each is built once. */
export function orderPlanted(faults) {
  const all = [...new Set([...bundles.values()].map(({ bundle }) => bundle))];
  const rank = ({ name, tests }) => 2 * (all.indexOf(bundles.get(name)?.bundle) + 1) + (tests === undefined ? 0 : 1);
  return faults.toSorted((one, other) => rank(one) - rank(other));
}

/** The bundle that stands in the copy. */
let standing;

/** Without `tests`, the Rust tests judge; otherwise these test files do, with an addon that has the fault if it is one of Rust. */
export async function judgePlanted(fault) {
  const { bundle, number } = bundles.get(fault.name) ?? {};
  if (bundle !== standing) replaceTexts(bundle?.texts ?? new Map());
  standing = bundle;
  if (bundle === undefined) {
    return fault.tests === undefined ? judgeRust(fault) : withText(fault.file, fault.text, () => judgeByFiles(fault));
  }
  if (fault.tests !== undefined) return judgeByFiles(fault, { [PLANTED]: String(number) });
  bundle.watched ??= await watchBundle();
  const result = await judgeNumber(bundle.watched, number);
  return result.judgeOn?.() ?? result;
}

async function watchBundle() {
  const { program, errors } = await buildTests();
  if (program === undefined) throw new Error(`the faults do not build:\n${errors[0].rendered}`);
  return watchTests(program);
}

async function judgeByFiles({ file, tests }, env = {}) {
  const began = Date.now();
  const answer = (verdict, by, test) => ({ verdict, by, test, seconds: (Date.now() - began) / 1000 });
  if (file.startsWith('src/')) {
    const { passed } = await run('cargo', ['build', '--lib']);
    if (!passed) return answer('unviable');
    copyFileSync(built('libmbed_dtls.so'), ADDON);
  }
  try {
    for (const test of tests) {
      const { passed, output } = await run('node', ['--test-reporter=spec', test], { seconds: 180, env });
      if (!passed) return answer('caught', output.match(/^\s*✖ (.*?) \(/m)?.[1] ?? test, test);
    }
    return answer('missed');
  } finally {
    rmSync(ADDON, { force: true });
  }
}
