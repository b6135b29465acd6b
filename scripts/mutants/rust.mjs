// Mutants of the Rust layers: `finder` says which there are, and the Rust tests judge them.
//
// Most are built together, and switched on one at a time (switched.mjs). Here are those that are built alone, because the compiler
// itself computes with what they change.

import { execFileSync } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { HOME, ROOT, readSource, replaceTexts, run, TREE, withText } from './tree.mjs';

const FINDER = path.join(ROOT, 'scripts', 'mutants', 'finder', 'Cargo.toml');

/**
 * All mutants of files below these paths, as `{ file, name, line, start, end, switch, text }`: `start` and `end` are bytes of the file,
 * `text` is the whole file with the fault in it, and `switch` is what comes before and behind the original to have both.
 */
export function listRust(paths) {
  const target = path.join(HOME, 'tools');
  const { CARGO_BUILD_TARGET: _, ...env } = process.env;
  const args = [
    'run',
    '--quiet',
    '--locked',
    '--manifest-path',
    FINDER,
    '--target-dir',
    target,
    '--',
    TREE,
    'src/lib.rs',
  ];
  const lines = execFileSync('cargo', args, { env, encoding: 'utf8', maxBuffer: 1 << 30 })
    .trim()
    .split('\n');
  const isWanted = ({ file }) => paths.some((name) => file === name || file.startsWith(`${name}/`));
  const bytes = new Map();
  return lines
    .map(JSON.parse)
    .filter(isWanted)
    .map((mutant) => {
      const { file, start, end, replacement } = mutant;
      if (!bytes.has(file)) bytes.set(file, Buffer.from(readSource(file)));
      const source = bytes.get(file);
      return {
        ...mutant,
        line: source.subarray(0, start).toString().split('\n').length,
        get text() {
          return `${source.subarray(0, start)}${replacement}${source.subarray(end)}`;
        },
      };
    });
}

let limit;

/** Builds the tests, and sees that they pass as long as nothing is wrong. */
export async function prepareRust() {
  // What another kind of mutants has left there.
  replaceTexts(new Map());
  const built = await run('cargo', ['test', '--lib', '--no-run'], { seconds: 3600 });
  if (!built.passed) throw new Error(`the Rust tests do not build:\n${built.output.slice(-3000)}`);
  const { passed, seconds, output } = await test();
  if (!passed) throw new Error(`the Rust tests fail without any fault:\n${output.slice(-3000)}`);
  // Whoever never ends has been noticed. The machine may be busier then than now.
  limit = 4 * seconds + 60;
}

// The long random run is skipped: it asks for luck, where a test is to notice for certain.
const test = (seconds, env) =>
  run('cargo', ['test', '--lib', '--', '--skip', 'fuzz'], { seconds, env, isEnough: hasFailed });

/** Whether a test has failed: the others need not be waited for. */
export function hasFailed(output) {
  return /^test .* FAILED$/m.test(output);
}

/** Answers `{ verdict, by, seconds }`; verdict: 'caught', 'missed' or 'unviable'. */
export function judgeRust({ file, text }) {
  return withText(file, text, () => testRust());
}

/** The same of the copy as it is. */
async function testRust(env) {
  const { passed, overdue, output, seconds } = await test(limit, env);
  if (passed) return { verdict: 'missed', seconds };
  const failed = output.match(/^test (\S+).* FAILED$/m)?.[1];
  if (failed === undefined && /could not compile/.test(output)) return { verdict: 'unviable', seconds };
  return { verdict: 'caught', by: failed ?? (overdue ? 'it never ended' : 'the tests broke off'), seconds };
}
