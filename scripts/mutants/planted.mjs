// Faults that people planted where a reader saw a gap, and that have to be noticed ever since: scripts/mutants/faults.mjs.

import { copyFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { FAULTS } from './faults.mjs';
import { judgeRust, prepareRust } from './rust.mjs';
import { built, readSource, run, TREE, withText } from './tree.mjs';

/** Where lib/native.js looks first. */
const ADDON = path.join(TREE, 'mbed-dtls.node');

/** Those whose name has this word, as `{ file, name, tests, text }`. */
export function listPlanted(word = '') {
  return FAULTS.filter(({ name }) => name.includes(word)).map((fault) => ({ ...fault, text: plant(fault) }));
}

/** The file with the fault in it. A fault whose place is gone is one to look at again. */
function plant({ name, file, find, replace }) {
  const parts = readSource(file).split(find);
  if (parts.length !== 2) throw new Error(`"${name}" wants its place once in ${file}, not ${parts.length - 1} times`);
  return parts.join(replace);
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
