#!/usr/bin/env node
// Everything that must hold before a change lands, in one run: npm test
//
//   npm test              every step, in order; stops at the first that fails
//   npm test -- js lint   these steps only
//
// Closes with `N passed, N failed`, counted in steps; the counts of tests stand above, in each runner's own words.

import { execFileSync, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const WINDOWS = process.platform === 'win32';

// One target directory and one profile for everything: the addon under test is the debug build, with its assertions and
// overflow checks, and shares each dependency with the Rust tests. The addon is built with `--target`, which puts it in
// a directory of its own; naming the target for cargo too keeps it the same one.
const ENVIRONMENT = {
  ...process.env,
  CARGO_BUILD_TARGET: execFileSync('rustc', ['-vV'], { encoding: 'utf8' }).match(/^host: (.*)$/m)[1],
  CARGO_TERM_PROGRESS_WHEN: 'never',
  // The readers of the crate's documentation are its maintainers: links to private items are the point.
  RUSTDOCFLAGS: '-D warnings -A rustdoc::private-intra-doc-links',
};

// name, what it says, its command, the minutes after which it counts as hanging, even on a slow or busy machine
const STEPS = [
  ['format', 'Rust is formatted', () => ['cargo', 'fmt', '--check'], 5],
  ['clippy', 'clippy has nothing to say', () => ['cargo', 'clippy', '--all-targets', '--', '-D', 'warnings'], 20],
  // All targets are those with tests, and the program that BoringSSL's test runner runs has none.
  [
    'shim',
    'clippy has nothing to say about what bogo runs',
    () => ['cargo', 'clippy', '--test', 'bogo', '--', '-D', 'warnings'],
    20,
  ],
  ['rustdoc', 'rustdoc has nothing to say', () => ['cargo', 'doc', '--no-deps', '--document-private-items'], 20],
  ['layers', 'each layer keeps to itself', () => npm('layers'), 5],
  ['rust', 'Rust tests', () => ['cargo', 'test'], 20],
  ['addon', 'the addon builds', () => npm('build:debug'), 20],
  ['lint', 'JavaScript is formatted and linted', () => npm('lint'), 5],
  ['types', 'types, tests of types and examples agree', () => npm('types'), 10],
  ['js', 'JavaScript tests', () => nodeTest((file) => !/^(attack|interop|packaging)/.test(file)), 15],
  ['interop', 'tests against other implementations', () => nodeTest((file) => file.startsWith('interop')), 15],
  ['examples', 'every example, and the main job', () => [process.execPath, 'scripts/run-examples.mjs'], 10],
  // One file at a time: some of them measure how long honest clients wait.
  ['attack', 'attacks fail', () => nodeTest((file) => file.startsWith('attack'), 1), 15],
];

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !STEPS.some(([step]) => step === name));
if (unknown !== undefined) {
  console.error(`test: no step is called ${unknown}; there are ${STEPS.map(([name]) => name).join(', ')}`);
  process.exit(2);
}
process.exitCode = (await runSteps(STEPS.filter(([name]) => wanted.length === 0 || wanted.includes(name)))) ? 0 : 1;

async function runSteps(steps) {
  const began = Date.now();
  let passed = 0;
  for (const [name, subject, command, minutes] of steps) {
    console.log(`\n=== ${name}: ${subject}`);
    const stepBegan = Date.now();
    const failure = await run(command, minutes).catch((error) => `failed (${error.message})`);
    console.log(`=== ${name}: ${failure ?? 'passed'}, ${secondsSince(stepBegan)} s`);
    if (failure !== null) break;
    passed += 1;
  }
  const [failed, ...rest] = steps.slice(passed).map(([name]) => name);
  console.log(`\n${secondsSince(began)} s in all`);
  if (failed !== undefined) console.log(`Step ${failed} failed; not run: ${rest.join(', ') || 'none'}`);
  console.log(`${passed} passed, ${failed === undefined ? 0 : 1} failed`);
  return failed === undefined;
}

/** Runs a command to its end, or ends it with all its children when it takes too long. Answers what went wrong. */
async function run(makeCommand, minutes) {
  const [command, ...args] = makeCommand();
  return new Promise((resolve) => {
    // A group of its own, so that whatever it has started can be ended with it.
    const detached = !WINDOWS;
    const shell = WINDOWS && command === 'npm';
    const stdio = ['ignore', 'inherit', 'inherit'];
    const child = spawn(command, args, { cwd: ROOT, env: ENVIRONMENT, stdio, detached, shell });
    const end = () => {
      try {
        if (WINDOWS) child.kill();
        else process.kill(-child.pid, 'SIGKILL');
      } catch {
        // Nothing of it is left.
      }
    };
    const interrupt = () => {
      end();
      process.exit(130);
    };
    process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
    let overdue = false;
    const timer = setTimeout(() => {
      overdue = true;
      end();
    }, minutes * 60_000);
    const finish = (failure) => {
      clearTimeout(timer);
      // What a failed step has left running, a peer that it was talking to.
      if (failure !== null) end();
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
      resolve(failure);
    };
    child.on('error', (error) => finish(`could not be started (${error.message})`));
    child.on('close', (code, signal) => {
      if (overdue) finish(`stopped after ${minutes} min: it hangs, or the machine is too busy`);
      else finish(code === 0 ? null : `failed (${signal ?? `exit code ${code}`})`);
    });
  });
}

function npm(script) {
  return ['npm', 'run', '--silent', script];
}

/**
 * Node's test runner on the files below __test__ that are wanted, four at a time, because many wait for a timeout or a peer.
 * No file is an error: it would pass unseen.
 */
function nodeTest(isWanted, concurrency = 4) {
  const files = readdirSync(path.join(ROOT, '__test__'), { recursive: true })
    .filter((file) => file.endsWith('.test.js') && isWanted(file))
    .map((file) => path.join('__test__', file))
    .sort();
  if (files.length === 0) throw new Error('no test file was found');
  return [
    process.execPath,
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${concurrency}`,
    '--test-timeout=120000',
    ...files,
  ];
}

function secondsSince(began) {
  return ((Date.now() - began) / 1000).toFixed(1);
}
