// Coverage-guided fuzzing: builds fuzz/ with libFuzzer and AddressSanitizer, begins with what honest peers say, and reports which
// files were reached. It needs a nightly toolchain of Rust, which alone has sanitizers, and clang, which instruments the engines'
// C code; with another compiler, the C code is neither watched nor a guide.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const OUTPUT = path.join(ROOT, 'target', 'fuzz');
const SEEDS = path.join(OUTPUT, 'seeds');

/** As cargo-fuzz sets them. */
const RUSTFLAGS = [
  '-Zsanitizer=address',
  '-Cpasses=sancov-module',
  '-Cllvm-args=-sanitizer-coverage-level=4',
  '-Cllvm-args=-sanitizer-coverage-inline-8bit-counters',
  '-Cllvm-args=-sanitizer-coverage-pc-table',
  '-Cllvm-args=-sanitizer-coverage-trace-compares',
  '-Ccodegen-units=1',
  '-Cforce-frame-pointers',
  '--cfg fuzzing',
  // fuzz/src/main.rs has random numbers that are the same in every run.
  '--cfg getrandom_backend="custom"',
].join(' ');

/** Inputs near each, where nothing guides the choice. */
const NEAR_PER_SECOND = 20;

/** Longest input, bytes: some datagrams. */
const LONGEST = 4096;

/** Fuzzes one target, or all in turn, for so many seconds. Whether nothing broke. */
export function fuzzWithCoverage(seconds, wanted) {
  const host = execFileSync('rustc', ['-vV'], { encoding: 'utf8' }).match(/^host: (.*)$/m)[1];
  if (spawnSync('cargo', ['+nightly', '--version']).status !== 0) {
    console.warn('coverage: there is no nightly toolchain of Rust; random inputs near those of honest peers instead');
    return runTests({ FUZZ_NEAR: String(seconds * NEAR_PER_SECOND) });
  }
  const program = build(host);
  const targets = program && seeds();
  if (!targets) return false;
  if (wanted !== undefined && !targets.includes(wanted)) {
    console.error(`coverage: no target is called ${wanted}; there are ${targets.join(', ')}`);
    return false;
  }
  const chosen = wanted === undefined ? targets : [wanted];
  const failed = chosen.filter((target) => !fuzz(program, target, Math.ceil(seconds / chosen.length)));
  report(program, chosen);
  for (const target of failed)
    console.error(`coverage: ${target} broke; the input is in ${path.join(OUTPUT, 'found')}`);
  return failed.length === 0;
}

function build(host) {
  const clang = ['clang', 'clang-19', 'clang-18', 'clang-17', 'clang-16'].find(
    (name) => !spawnSync(name, ['--version']).error,
  );
  const env = { ...process.env, RUSTFLAGS, CARGO_TARGET_DIR: OUTPUT };
  if (clang === undefined) {
    console.warn('coverage: clang was not found, so that only Rust is watched');
  } else {
    const suffix = host.replaceAll('-', '_');
    env[`CC_${suffix}`] = clang;
    env[`CXX_${suffix}`] = clang.replace('clang', 'clang++');
    env[`CFLAGS_${suffix}`] = '-fsanitize=address,fuzzer-no-link -fno-omit-frame-pointer -g1 -O1';
    env[`CXXFLAGS_${suffix}`] = '-fsanitize=address -O1';
  }
  const args = ['+nightly', 'build', '--release', '--target', host];
  const { status } = spawnSync('cargo', args, { cwd: path.join(ROOT, 'fuzz'), env, stdio: 'inherit' });
  return status === 0 ? path.join(OUTPUT, host, 'release', 'mbed-dtls-fuzz') : null;
}

/** Has the tests write what they begin with; answers the targets. */
function seeds() {
  return runTests({ FUZZ_SEEDS: SEEDS }) ? readdirSync(SEEDS).sort() : null;
}

function runTests(env) {
  const args = ['test', '--lib', 'corpora', '--', '--nocapture'];
  return spawnSync('cargo', args, { cwd: ROOT, env: { ...process.env, ...env }, stdio: 'inherit' }).status === 0;
}

function fuzz(program, target, seconds) {
  const [corpus, found] = ['corpora', 'found'].map((name) => path.join(OUTPUT, name, target));
  for (const directory of [corpus, found]) mkdirSync(directory, { recursive: true });
  console.log(`\ncoverage: ${target}, ${seconds} s`);
  const args = [
    `-max_total_time=${seconds}`,
    `-max_len=${LONGEST}`,
    `-artifact_prefix=${found}${path.sep}`,
    '-timeout=20',
    '-rss_limit_mb=4096',
    '-print_final_stats=1',
    '-verbosity=1',
    corpus,
    path.join(SEEDS, target),
  ];
  const { status } = spawnSync(program, args, { env: { ...process.env, FUZZ_TARGET: target }, stdio: 'inherit' });
  return status === 0;
}

/** Prints how many edges of each source file the inputs of all targets reach at least once, by libFuzzer's own counters. */
function report(program, targets) {
  const functions = new Map();
  for (const target of targets) {
    const inputs = ['corpora', 'seeds'].map((name) => path.join(OUTPUT, name, target));
    const args = ['-runs=0', '-print_coverage=1', ...inputs];
    const env = { ...process.env, FUZZ_TARGET: target };
    const { stderr } = spawnSync(program, args, { env, encoding: 'utf8', maxBuffer: 1 << 30 });
    for (const [, hits, edges, all, name, file] of stderr.matchAll(
      /^U?N?COVERED_FUNC: hits: (\d+) edges: (\d+)\/(\d+) (.+) (\S+?)(?::\d+)*$/gm,
    )) {
      const key = `${file} ${name}`;
      const before = functions.get(key) ?? { file, reached: 0, all: Number(all) };
      functions.set(key, { ...before, reached: Math.max(before.reached, Number(hits) > 0 ? Number(edges) : 0) });
    }
  }
  const files = new Map();
  for (const { file, reached, all } of functions.values()) {
    const at = ['/src/wire/', '/src/tls/', '/src/proto/'].map((room) => file.indexOf(room)).find((index) => index >= 0);
    if (at === undefined || /\/(tests|fuzzing)/.test(file)) continue;
    const name = file.slice(at + 1);
    const sum = files.get(name) ?? { reached: 0, all: 0 };
    files.set(name, { reached: sum.reached + reached, all: sum.all + all });
  }
  const rows = [...files].sort(([left], [right]) => left.localeCompare(right));
  const lines = rows.map(
    ([name, { reached, all }]) => `${name} ${reached}/${all} ${Math.round((100 * reached) / all)} %`,
  );
  writeFileSync(path.join(OUTPUT, 'coverage.txt'), `${lines.join('\n')}\n`);
  console.log(`\nEdges reached, by file:\n${lines.join('\n')}`);
}
