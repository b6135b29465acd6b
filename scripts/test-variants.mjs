#!/usr/bin/env node
// All tests, where there is more than one way to do what they test: with threads for handshakes and without, with
// connections that sleep at once, without a UDP socket of our own, in DTLS 1.2 alone, and with Mbed TLS's cryptography alone.
//
//   npm run test:variants                    every variant
//   npm run test:variants -- threads mbedtls  these only
//
// The first are preloaded from __test__/support/variants; `mbedtls` is another build, and leaves the usual one behind.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const PRELOADS = path.join(ROOT, '__test__', 'support', 'variants');
const MBEDTLS = 'mbedtls';
const TEST = [process.execPath, 'scripts/test.mjs'];

const preloaded = readdirSync(PRELOADS).map((file) => path.basename(file, '.js'));
const variants = [...preloaded, MBEDTLS];
const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !variants.includes(name));
if (unknown !== undefined) {
  console.error(`test-variants: no variant is called ${unknown}; there are ${variants.join(', ')}`);
  process.exit(2);
}

const failed = [];
if (!run([...TEST, 'addon'])) process.exit(1);
for (const variant of wanted.length > 0 ? wanted : variants) {
  console.log(`\n##### ${variant}`);
  if (!(variant === MBEDTLS ? testMbedTls() : testPreloaded(variant))) failed.push(variant);
}
console.log(failed.length > 0 ? `\nFailed: ${failed.join(', ')}` : '\nAll variants passed');
process.exitCode = failed.length > 0 ? 1 : 0;

/** NODE_OPTIONS reaches the programs and worker threads that tests start, too. */
function testPreloaded(variant) {
  const preload = `--require "${path.join(PRELOADS, `${variant}.js`)}"`;
  return run([...TEST, 'js', 'interop', 'examples'], { NODE_OPTIONS: preload });
}

function testMbedTls() {
  const build = ['npm', 'run', '--silent', 'build:debug', '--', '--no-default-features'];
  try {
    return run(['cargo', 'test', '--no-default-features']) && run(build) && run([...TEST, 'js', 'interop', 'examples']);
  } finally {
    run([...TEST, 'addon']);
  }
}

function run([command, ...args], env = {}) {
  const shell = process.platform === 'win32' && command === 'npm';
  return spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...env }, shell }).status === 0;
}
