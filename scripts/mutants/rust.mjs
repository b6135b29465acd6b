// Mutants of the Rust layers: cargo-mutants says which there are, and the Rust tests judge them.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { HOME, readSource, run, TREE, withText } from './tree.mjs';

const VERSION = '27.1.0';
const TOOL = path.join(HOME, 'tools', 'bin', 'cargo-mutants');

/** Only compiled where there is no AWS-LC, or on other systems: no test that runs here could notice anything. */
const NOT_BUILT_HERE = ['src/tls/no_dtls13.rs'];

function install() {
  if (existsSync(TOOL)) {
    const version = execFileSync(TOOL, ['mutants', '--version'], { encoding: 'utf8' });
    if (version.includes(VERSION)) return;
  }
  console.log(`mutants: installing cargo-mutants ${VERSION} into target/mutants/tools; this takes some minutes`);
  // It is run once for each list: a debug build is enough, and takes a third of the time.
  const args = [
    'install',
    '--quiet',
    '--locked',
    '--debug',
    '--root',
    path.join(HOME, 'tools'),
    `cargo-mutants@${VERSION}`,
  ];
  if (spawnSync('cargo', args, { stdio: 'inherit' }).status !== 0) {
    throw new Error('cargo-mutants could not be installed');
  }
}

/** All mutants of files below these paths, as `{ file, name, line, text }`: `text` is the whole file with the fault in it. */
export function listRust(paths) {
  install();
  const globs = paths.flatMap((name) => ['--file', name.endsWith('.rs') ? name : `${name}/**/*.rs`]);
  const excluded = NOT_BUILT_HERE.flatMap((name) => ['--exclude', name]);
  const json = execFileSync(TOOL, ['mutants', '--list', '--json', ...globs, ...excluded], {
    cwd: TREE,
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  return JSON.parse(json).map(({ file, name, span, replacement }) => ({
    file,
    // Without its place, which changes with every line above it.
    name: name.replace(/^[^:]+:\d+:\d+: /, ''),
    line: span.start.line,
    get text() {
      return replaceSpan(readSource(file), span, replacement);
    },
  }));
}

/** Lines and columns count from 1; a column is a character. */
function replaceSpan(source, { start, end }, replacement) {
  const lines = source.split('\n');
  const head = [...lines.slice(0, start.line - 1), [...lines[start.line - 1]].slice(0, start.column - 1).join('')];
  const tail = [[...lines[end.line - 1]].slice(end.column - 1).join(''), ...lines.slice(end.line)];
  return head.join('\n') + replacement + tail.join('\n');
}

let limit;

/** Builds the tests, and sees that they pass as long as nothing is wrong. */
export async function prepareRust() {
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
function hasFailed(output) {
  return /^test .* FAILED$/m.test(output);
}

/** Answers `{ verdict, by, seconds }`; verdict: 'caught', 'missed' or 'unviable'. */
export function judgeRust({ file, text }) {
  return withText(file, text, () => testRust());
}

/** The same of the copy as it is. */
export async function testRust(env) {
  const { passed, overdue, output, seconds } = await test(limit, env);
  if (passed) return { verdict: 'missed', seconds };
  const failed = output.match(/^test (\S+).* FAILED$/m)?.[1];
  if (failed === undefined && /could not compile/.test(output)) return { verdict: 'unviable', seconds };
  return { verdict: 'caught', by: failed ?? (overdue ? 'it never ended' : 'the tests broke off'), seconds };
}
