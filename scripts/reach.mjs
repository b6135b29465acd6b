#!/usr/bin/env node
// What fuzzing reaches of the Rust core, file by file, and which functions it never calls: npm run reach [-- NEAR [SECONDS]]
//
// NEAR is how many inputs near each of those that honest peers send are tried, 20 without; SECONDS is for how long traffic is mutated at
// random, 10 without. Writes the table of docs/fuzzing.md. It needs LLVM's tools in the version of the Rust compiler:
// rustup component add llvm-tools.
//
// Only the core itself is compiled for this, with counters; what it depends on, C included, has none.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const OUTPUT = path.join(ROOT, 'target', 'reach');
const PAGE = path.join(ROOT, 'docs', 'fuzzing.md');
const [BEGIN, END] = ['<!-- begin: npm run reach -->', '<!-- end -->'];

/** The tests that have every target, and those that mutate traffic. */
const TESTS = ['proto::tests::corpora::', 'proto::tests::fuzz::'];

/** A file of which less is reached has its functions named that nothing calls. */
const ENOUGH = 0.9;

const [near = '20', seconds = '10'] = process.argv.slice(2);
if (![near, seconds].every((number) => /^\d+$/.test(number))) {
  console.error('usage: npm run reach [-- NEAR [SECONDS]]');
  process.exit(2);
}

const sources = new Map();
const profile = run(build());
const { files, functions } = coverage(profile);
writeTable(files, functions);

/** The tests' program, with counters. */
function build() {
  const args = ['rustc', '--lib', '--profile', 'test', '--message-format=json', '--', '-Cinstrument-coverage'];
  const { status, stdout } = spawnSync('cargo', args, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  const made = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  const program = made.findLast(({ executable, profile }) => executable && profile?.test)?.executable;
  if (status !== 0 || program === undefined) process.exit(1);
  return program;
}

/** Runs every target; answers with the program and what its counters say. */
function run(program) {
  rmSync(OUTPUT, { recursive: true, force: true });
  mkdirSync(OUTPUT, { recursive: true });
  const profile = path.join(OUTPUT, '%p.profraw');
  const env = { ...process.env, FUZZ_NEAR: near, FUZZ_SECONDS: seconds, LLVM_PROFILE_FILE: profile };
  const { status } = spawnSync(program, [...TESTS, '--nocapture'], { cwd: ROOT, env, stdio: 'inherit' });
  if (status !== 0) process.exit(1);
  const merged = path.join(OUTPUT, 'merged.profdata');
  execFileSync(tool('llvm-profdata'), ['merge', '-sparse', OUTPUT, '-o', merged]);
  return { program, merged };
}

function tool(name) {
  const sysroot = execFileSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' }).trim();
  const host = execFileSync('rustc', ['-vV'], { encoding: 'utf8' }).match(/^host: (.*)$/m)[1];
  const file = path.join(sysroot, 'lib', 'rustlib', host, 'bin', name);
  if (existsSync(file)) return file;
  console.error(`reach: ${file} is missing; run: rustup component add llvm-tools`);
  process.exit(2);
}

/** Lines of each file of the product, and its functions with how often they were called. */
function coverage({ program, merged }) {
  const args = ['export', program, `-instr-profile=${merged}`, '-ignore-filename-regex=/(registry|rustc|tests?)/'];
  const { data } = JSON.parse(execFileSync(tool('llvm-cov'), args, { encoding: 'utf8', maxBuffer: 1 << 30 }));
  const files = data[0].files
    .map(({ filename, segments }) => ({ name: nameOf(filename), segments }))
    .filter(({ name }) => name !== null)
    .map(({ name, segments }) => ({ name, ...linesOf(segments, endOf(name)) }));
  // A generic function is there once for each type that it has.
  const functions = new Map();
  for (const { filenames, regions, count } of data[0].functions) {
    const name = nameOf(filenames[0]);
    if (name === null) continue;
    if (regions[0][0] > endOf(name)) continue;
    const place = `${name}:${regions[0][0]}`;
    functions.set(place, Math.max(functions.get(place) ?? 0, count));
  }
  return { files, functions };
}

/** Null for what is not the product's: its tests, and what is there for fuzzers. */
function nameOf(file) {
  const name = path.relative(ROOT, file);
  const isProduct = /^src\/(wire|tls|proto)\//.test(name) && !/(^|\/)(tests|fuzzing|insider)(\/|\.rs$)/.test(name);
  return isProduct ? name : null;
}

/** The last line of a file before its unit tests. */
function endOf(name) {
  const begin = linesOfSource(name).findIndex((line) => /^#\[cfg\(test\)\]/.test(line));
  return begin < 0 ? Infinity : begin;
}

function linesOfSource(name) {
  if (!sources.has(name)) sources.set(name, readFileSync(path.join(ROOT, name), 'utf8').split('\n'));
  return sources.get(name);
}

/**
 * How many lines have code, and how many of them have run, up to the line `end`; as llvm-cov's own summary counts them.
 *
 * @param {[line: number, column: number, calls: number, isCounted: boolean, begins: boolean, isGap: boolean][]} segments in order
 */
function linesOf(segments, end) {
  let [count, covered, before] = [0, 0, null];
  for (let at = 0, line = segments[0]?.[0] ?? Infinity; at < segments.length && line <= end; line++) {
    const own = [];
    while (at < segments.length && segments[at][0] === line) own.push(segments[at++]);
    const starts = own.filter(([, , , isCounted, begins, isGap]) => isCounted && begins && !isGap);
    const isSkipped = own.length > 0 && !own[0][3] && own[0][4];
    if (!isSkipped && (before?.[3] || starts.length > 0)) {
      count++;
      const all = [before?.[3] ? before[2] : 0, ...starts.map(([, , calls]) => calls)];
      if (Math.max(...all) > 0) covered++;
    }
    before = own.at(-1) ?? before;
  }
  return { count, covered };
}

function writeTable(files, functions) {
  const rows = files
    .sort((left, right) => left.name.localeCompare(right.name))
    .map((file) => ({ ...file, missing: missing(file, functions) }));
  const line = ({ name, covered, count, missing }) =>
    `| ${name} | ${covered} of ${count} | ${Math.floor((100 * covered) / count)} % | ${missing.join(', ')} |`;
  const sum = (key) => rows.reduce((total, row) => total + row[key], 0);
  const rooms = ['src/wire', 'src/tls', 'src/proto'].map((room) => {
    const own = rows.filter(({ name }) => name.startsWith(`${room}/`));
    const [covered, count] = ['covered', 'count'].map((key) => own.reduce((total, row) => total + row[key], 0));
    return `${room} ${Math.floor((100 * covered) / count)} %`;
  });
  const table = [
    `With ${near} inputs near each, and ${seconds} seconds of mutated traffic: ${Math.floor((100 * sum('covered')) / sum('count'))} % of ${sum('count')} lines; ${rooms.join(', ')}.`,
    '',
    '| file | lines reached | | functions that nothing calls |',
    '|---|--:|--:|---|',
    ...rows.map(line),
  ].join('\n');
  console.log(table);
  const page = readFileSync(PAGE, 'utf8');
  const [from, to] = [page.indexOf(BEGIN) + BEGIN.length, page.indexOf(END)];
  writeFileSync(PAGE, `${page.slice(0, from)}\n\n${table}\n\n${page.slice(to)}`);
}

/** Names of functions of a file that were not called, in its own order. */
function missing({ name, covered, count }, functions) {
  if (covered / count >= ENOUGH) return [];
  const uncalled = [...functions]
    .filter(([place, calls]) => place.startsWith(`${name}:`) && calls === 0)
    .map(([place]) => Number(place.slice(name.length + 1)))
    .sort((left, right) => left - right);
  const names = uncalled.map((line) => /\bfn (\w+)/.exec(linesOfSource(name)[line - 1])?.[1]).filter(Boolean);
  return [...new Set(names)].map((one) => `\`${one}\``);
}
