#!/usr/bin/env node
// The addon under AddressSanitizer, loaded into Node.js: memory that is used after it was freed, read or written beyond its ends,
// freed twice, or lost.
//
//   npm run sanitize               builds it, plays with the boundary for ten seconds a kind, and runs the tests
//   npm run sanitize -- FILE ...   builds it, and runs these test files
//
// Mbed TLS, AWS-LC and our Rust are instrumented, for which it needs Linux, gcc with its libasan, and a nightly toolchain of Rust.
// Node.js is not: its own accesses go unseen, but what it allocates and frees is watched. Each finding that is not among `KNOWN` is
// printed, and makes the exit code 1; all are in target/sanitize/reports.

import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const OUTPUT = path.join(ROOT, 'target', 'sanitize');
const ADDON = path.join(OUTPUT, 'mbed-dtls.node');
const REPORTS = path.join(OUTPUT, 'reports');
const HERE = path.join(ROOT, 'scripts', 'sanitize');
const LEAKS = path.join(OUTPUT, 'leaks.node');
/** A line for each process that was searched for lost memory. */
const CHECKED = path.join(OUTPUT, 'checked');

const CFLAGS = '-O1 -g1 -fPIC -fsanitize=address -fno-omit-frame-pointer';

/** How long the boundary is played with, ms and kind. */
const PLAY = { milliseconds: '10000', kinds: ['public', 'native'] };
const NODE_FLAGS = ['--expose-gc', '--force-node-api-uncaught-exceptions-policy=true'];

/** Tests that load no addon, or that measure what a sanitizer changes: times, and the memory of the process. */
const LEFT_OUT = /^(attack|cli|docs|interop|packaging|parity|repository)\b/;

const FINDING = /^(?:==\d+==ERROR: (?:AddressSanitizer|LeakSanitizer): |(?:Direct|Indirect) leak of )/;
/** How many frames are printed. */
const FRAMES = 14;

/** What is lost, and not by us: its frames, beginning with the function that has asked for memory, and why. */
const KNOWN = [
  {
    frames: [/^(?:auto |void )?v8::internal::/],
    why: "belongs to V8's own heap, where the sanitizer looks for no pointers",
  },
  {
    frames: [/^napi_create_reference/, /register_classes/],
    why: 'napi-rs has a reference to each class, and deletes none when a thread ends',
  },
  {
    frames: [/^napi_create_reference/, /Buffer\w*from_napi_value/, /Dtls(?:Server|Client)\w*new_c_callback/],
    why: 'napi-rs may no longer delete the references of an endpoint that lives when its thread ends',
  },
  {
    frames: [/ExternString<.*NewFromCopy/],
    why: 'is a string of more than a megabyte that a Buffer was made into, and that V8 has not collected yet',
  },
];

/** The sanitizer's own functions, and those through which C++ and Rust ask for memory. */
const ALLOCATOR = /^(operator new|(__interceptor_)?(malloc|calloc|realloc|posix_memalign)\b|.*\bstd::|_R\w*5alloc)/;

const wanted = process.argv.slice(2);
const libasan = realpathSync(execFileSync('gcc', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim());
build();
rmSync(REPORTS, { recursive: true, force: true });
rmSync(CHECKED, { force: true });
mkdirSync(REPORTS, { recursive: true });
const broken = wanted.length > 0 ? [] : PLAY.kinds.filter((kind) => !play(kind));
// Their own verdicts do not count here: a process takes several times as long, and the search for leaks a second at its end.
test(wanted.length > 0 ? wanted : testFiles());
const findings = readFindings();
for (const [finding, count] of findings) console.log(`\n${count} times: ${finding}`);
for (const kind of broken) console.log(`\nThe play with the boundary did not end well: ${kind}`);
const checked = existsSync(CHECKED) ? readFileSync(CHECKED, 'utf8').split('\n').length - 1 : 0;
console.log(`\n${findings.size} findings; ${checked} processes were searched for lost memory`);
process.exitCode = findings.size > 0 || broken.length > 0 || checked === 0 ? 1 : 0;

function build() {
  const host = execFileSync('rustc', ['-vV'], { encoding: 'utf8' }).match(/^host: (.*)$/m)[1];
  const env = {
    ...process.env,
    CARGO_TARGET_DIR: OUTPUT,
    CARGO_PROFILE_DEV_DEBUG: '1',
    RUSTFLAGS: '-Zsanitizer=address -Cforce-frame-pointers',
    // The crate cc would add the sanitizer and with it an option of gcc's, which bindgen's clang does not know.
    CRATE_CC_NO_DEFAULTS: '1',
    [`CFLAGS_${host.replaceAll('-', '_')}`]: CFLAGS,
  };
  // Without optimisation AWS-LC's arithmetic takes seconds.
  const config = 'profile.dev.package.aws-lc-sys.opt-level=1';
  const { status } = spawnSync('cargo', ['+nightly', 'build', '--lib', '--target', host, '--config', config], {
    cwd: ROOT,
    env,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(1);
  copyFileSync(path.join(OUTPUT, host, 'debug', 'libmbed_dtls.so'), ADDON);
  execFileSync('gcc', ['-shared', '-fPIC', '-o', LEAKS, path.join(HERE, 'leaks.c')]);
}

function play(kind) {
  console.log(`\nboundary: ${kind}`);
  return run([...NODE_FLAGS, '__test__/boundary/play.js', kind, '1', PLAY.milliseconds]);
}

function test(files) {
  run(['--test', '--test-reporter=spec', '--test-concurrency=2', '--test-timeout=120000', ...files]);
}

function testFiles() {
  return readdirSync(path.join(ROOT, '__test__'), { recursive: true })
    .filter((file) => file.endsWith('.test.js') && !LEFT_OUT.test(file))
    .map((file) => path.join('__test__', file))
    .sort();
}

/** Node.js with the sanitizer below it, and below whatever it starts. */
function run(args) {
  const env = {
    ...process.env,
    NAPI_RS_NATIVE_LIBRARY_PATH: ADDON,
    NODE_OPTIONS: `--require "${path.join(HERE, 'leaks.cjs')}"`,
    SANITIZE_LEAKS: LEAKS,
    SANITIZE_CHECKED: CHECKED,
    LD_PRELOAD: libasan,
    ASAN_OPTIONS: [
      'detect_leaks=1',
      'leak_check_at_exit=0',
      'detect_stack_use_after_return=1',
      `log_path=${path.join(REPORTS, 'asan')}`,
    ].join(':'),
  };
  return spawnSync(process.execPath, args, { cwd: ROOT, env, stdio: 'inherit' }).status === 0;
}

/** What the sanitizer has found that is not known: its first line and frames, and how often. */
function readFindings() {
  const findings = new Map();
  for (const file of readdirSync(REPORTS)) {
    for (const paragraph of readFileSync(path.join(REPORTS, file), 'utf8').split('\n\n')) {
      const lines = paragraph.split('\n');
      const head = lines.find((line) => FINDING.test(line) && !/detected memory leaks/.test(line));
      if (head === undefined) continue;
      const frames = lines.flatMap((line) => line.match(/^ +#\d+ 0x[0-9a-f]+ (?:in )?(.*)/)?.[1] ?? []);
      // Nothing below it: the process was killed while it wrote.
      if (/ leak of /.test(head) && frames.length === 0) continue;
      const own = frames.slice(frames.findIndex((frame) => !ALLOCATOR.test(frame)));
      if (/ leak of /.test(head) && KNOWN.some((known) => isOf(own, known.frames))) continue;
      const title = head.replace(/==\d+==|\b0x[0-9a-f]+|\d+ byte\(s\) in \d+ object\(s\) /g, '');
      const text = [title, ...frames.slice(0, FRAMES)].join('\n    ');
      findings.set(text, (findings.get(text) ?? 0) + 1);
    }
  }
  return findings;
}

/** Whether the first of these is the first frame, and each other is somewhere below it. */
function isOf([first, ...below], [wanted, ...others]) {
  return wanted.test(first) && others.every((other) => below.some((frame) => other.test(frame)));
}
