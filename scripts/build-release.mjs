#!/usr/bin/env node
// Builds the binary that is released for one target, and proves that it is fit for it.
//
//   npm run build:release                    for this machine
//   npm run build:release -- TARGET          one of package.json's napi.targets
//
// Linux binaries are built with zig's C compiler: for glibc 2.28, however new this machine's own is, and for musl. It
// and its cargo subcommand come from PyPI, as scripts/release-tools.txt pins them, into the user's cache. Another target
// than this machine's needs `rustup target add` first.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { GLIBC_LIMIT } from './check-binary.mjs';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
// Outside of the clone: zig names what is below the working directory by relative paths, which bindgen cannot follow.
const TOOLS = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'mbed-dtls', 'release-tools');
const PINS = path.join(ROOT, 'scripts', 'release-tools.txt');
const NAPI = path.join(ROOT, 'node_modules', '@napi-rs', 'cli', 'dist', 'cli.js');

const { targets, binaryName } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')).napi;
const target = process.argv[2] ?? execFileSync('rustc', ['-vV'], { encoding: 'utf8' }).match(/^host: (.*)$/m)[1];
if (!targets.includes(target)) fail(`${target} is not among the targets: ${targets.join(', ')}`);

const environment = { ...process.env };
const args = ['build', '--platform', '--release', '--js', 'binding.js', '--dts', 'binding.d.ts'];
if (target.includes('-linux-') && process.platform === 'linux') {
  installTools();
  environment.PATH = `${path.join(TOOLS, 'bin')}${path.delimiter}${environment.PATH}`;
  args.push('--cross-compile', '--target', target.endsWith('-gnu') ? `${target}.${GLIBC_LIMIT}` : target);
} else {
  args.push('--target', target);
}
run(process.execPath, [NAPI, ...args], 'the build failed; its own messages stand above');
run(process.execPath, ['scripts/check-binary.mjs', `${binaryName}.${platformOf(target)}.node`], 'the binary is unfit');

/** Once, and again when the pins have changed. */
function installTools() {
  const done = path.join(TOOLS, 'bin', 'cargo-zigbuild');
  if (existsSync(done) && statSync(done).ctimeMs > statSync(PINS).mtimeMs) return;
  run('python3', ['-m', 'venv', '--clear', TOOLS], 'zig is installed with Python: python3 with venv and pip is needed');
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary=:all:'];
  run(path.join(TOOLS, 'bin', 'python'), [...pip, '--require-hashes', '-r', PINS], 'pip could not install zig');
}

/** x86_64-unknown-linux-gnu -> linux-x64-gnu, as napi-rs calls it. */
function platformOf(triple) {
  const [cpu, , system, abi] = triple.split('-');
  const platform = { darwin: 'darwin', linux: 'linux', windows: 'win32' }[system];
  return [platform, { x86_64: 'x64', aarch64: 'arm64' }[cpu], abi].filter((part) => part).join('-');
}

function run(command, commandArgs, complaint) {
  const { status } = spawnSync(command, commandArgs, { cwd: ROOT, env: environment, stdio: 'inherit' });
  if (status !== 0) fail(complaint);
}

function fail(message) {
  console.error(`build:release: ${message}`);
  process.exit(1);
}
