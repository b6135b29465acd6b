#!/usr/bin/env node
// Builds the addon of an installed package, where no prebuilt binary fits:
//
//   node node_modules/mbed-dtls/scripts/build-from-source.mjs
//
// First comes set-up: it installs what the build lacks where it may, and otherwise says in one line what to run. Leaves
// mbed-dtls.node, and nothing else that is large. In a clone there is `npm run build` instead.

import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, copyFileSync, openSync, rmSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const TARGET_DIRECTORY = path.join(ROOT, 'target');
const ADDON = path.join(ROOT, 'mbed-dtls.node');
const LOG = path.join(ROOT, 'build-from-source.log');
const LIBRARY = { darwin: 'libmbed_dtls.dylib', win32: 'mbed_dtls.dll' }[process.platform] ?? 'libmbed_dtls.so';

const setup = path.join(ROOT, 'scripts', 'setup.mjs');
const { status: lacking } = spawnSync(process.execPath, [setup, '--build'], { stdio: 'inherit' });
if (lacking !== 0) process.exit(1);

console.log(
  '\nBuilding mbed-dtls from source. This takes some minutes, and downloads the Rust crates that it consists of.',
);
const began = Date.now();
try {
  build();
} finally {
  rmSync(TARGET_DIRECTORY, { recursive: true, force: true });
}
rmSync(LOG);
console.log(`Built ${ADDON} in ${((Date.now() - began) / 1000).toFixed(0)} s.`);

function build() {
  // Named explicitly, because it decides where cargo leaves the library, and a user's configuration may name another.
  const host = execFileSync('rustc', ['-vV'], { encoding: 'utf8' }).match(/^host: (.*)$/m)[1];
  const environment = { ...process.env };
  // On musl Rust links everything statically if not told otherwise, which makes no addon.
  if (host.endsWith('musl')) environment.RUSTFLAGS = `${process.env.RUSTFLAGS ?? ''} -C target-feature=-crt-static`;
  const args = ['build', '--release', '--locked', '--lib', '--target', host, '--target-dir', TARGET_DIRECTORY];
  const log = openSync(LOG, 'w');
  // From here, because cargo reads .cargo/config.toml of the working directory: it names the Mbed TLS overlay.
  const { status, error } = spawnSync('cargo', args, { cwd: ROOT, env: environment, stdio: ['ignore', log, log] });
  closeSync(log);
  if (status !== 0) {
    console.error(`The build failed${error ? ` (${error.message})` : ''}. Cargo's own messages are in ${LOG}`);
    process.exit(1);
  }
  copyFileSync(path.join(TARGET_DIRECTORY, host, 'release', LIBRARY), ADDON);
  const { status: loads } = spawnSync(process.execPath, ['-e', 'require(process.argv[1])', ADDON], {
    stdio: 'inherit',
  });
  if (loads !== 0) {
    rmSync(ADDON);
    console.error('The build succeeded, but Node cannot load what it made; its own message stands above.');
    process.exit(1);
  }
}
