// Faults that people planted where a reader saw a gap, and that have to be noticed ever since: scripts/mutants/faults.mjs.

import { copyFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { FAULTS, plant } from './faults.mjs';
import { judgeRust, prepareRust } from './rust.mjs';
import { built, run, TREE, withText } from './tree.mjs';

/** Where lib/native.js looks first. */
const ADDON = path.join(TREE, 'mbed-dtls.node');

/** Those whose name has this word, as `{ file, name, tests, text }`. */
export function listPlanted(word = '') {
  return FAULTS.filter(({ name }) => name.includes(word)).map((fault) => ({ ...fault, ...plant(TREE, fault) }));
}

export async function preparePlanted(faults) {
  if (faults.some(({ tests }) => tests === undefined)) await prepareRust();
}

/** Without `tests`, the Rust tests judge; otherwise these test files do, with an addon that has the fault if it is one of Rust. */
export function judgePlanted(fault) {
  return fault.tests === undefined ? judgeRust(fault) : withText(fault.file, fault.text, () => judgeByFiles(fault));
}

async function judgeByFiles({ file, tests }) {
  const began = Date.now();
  const answer = (verdict, by) => ({ verdict, by, seconds: (Date.now() - began) / 1000 });
  if (file.startsWith('src/')) {
    const { passed } = await run('cargo', ['build', '--lib']);
    if (!passed) return answer('unviable');
    copyFileSync(built('libmbed_dtls.so'), ADDON);
  }
  try {
    for (const test of tests) {
      const { passed, output } = await run('node', ['--test-reporter=spec', test], { seconds: 180 });
      if (!passed) return answer('caught', output.match(/^\s*✖ (.*?) \(/m)?.[1] ?? test);
    }
    return answer('missed');
  } finally {
    rmSync(ADDON, { force: true });
  }
}
