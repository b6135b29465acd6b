// What Mbed TLS is without one of our edits (mbedtls-overlay/library/*.cmake), judged by the Rust tests. Where the rest no longer
// builds without it, the build has noticed.

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { judgeRust } from './rust.mjs';
import { readSource, TREE } from './tree.mjs';

const DIRECTORY = 'mbedtls-overlay/library';
const LEAVE_OUT = 'function(leave_out)\nendfunction()\n';

/** All edits, as `{ file, name, text }`. */
export function listEdits() {
  const files = readdirSync(path.join(TREE, DIRECTORY)).filter((name) => name.endsWith('.cmake'));
  return files.sort().flatMap((name) => {
    const file = `${DIRECTORY}/${name}`;
    const source = readSource(file);
    return [...source.matchAll(/^edit\("([^"]+)"/gm)].map(({ 0: head, 1: reason, index }) => ({
      file,
      name: `leave out "${reason}"`,
      text: LEAVE_OUT + source.slice(0, index) + head.replace('edit', 'leave_out') + source.slice(index + head.length),
    }));
  });
}

export async function judgeEdit(edit) {
  const result = await judgeRust(edit);
  const isBuild = result.verdict === 'unviable' || /^the tests broke off/.test(result.by ?? '');
  return isBuild ? { ...result, verdict: 'caught', by: 'the build' } : result;
}
