// What people have found out about mutants that no test notices: scripts/mutants/verdicts.json. An entry holds as long as the
// line of code stays as it is.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './tree.mjs';

const FILE = path.join(ROOT, 'scripts', 'mutants', 'verdicts.json');

/** `[{ file, name, code, reason }]`: mutants that nobody could tell from the original, and why. */
export function readVerdicts() {
  return JSON.parse(readFileSync(FILE, 'utf8'));
}

/** Why nobody can notice a mutant, or undefined. */
export function reasonOf(verdicts, { file, name, code }) {
  return verdicts.find((entry) => entry.file === file && entry.name === name && entry.code === code)?.reason;
}
