'use strict';

// The native addon: the one that was built on this machine from the package's sources, or else the one that binding.js
// finds. The build makes binding.js, which looks beside itself and for the package of this platform.

const fs = require('node:fs');
const path = require('node:path');
const process = require('node:process');

const { DtlsError } = require('./errors');

const ROOT = path.dirname(__dirname);
const BUILT_HERE = path.join(ROOT, 'mbed-dtls.node');

module.exports = load();

function load() {
  const reasons = [];
  if (fs.existsSync(BUILT_HERE)) {
    try {
      return require(BUILT_HERE);
    } catch (error) {
      reasons.push(error.message);
    }
  }
  try {
    return require('../binding.js');
  } catch (error) {
    for (let cause = error; cause; cause = cause.cause) reasons.push(String(cause.message));
    // The error is not the cause of ours: the loader's chain of a dozen stacks would bury the one message that helps.
    throw new DtlsError(explain(reasons), { code: 'ERR_DTLS_NO_BINARY' });
  }
}

/** Says what was looked for, what stood in the way, and how to get a binary. */
function explain(reasons) {
  if (reasons.some((reason) => reason.includes('loading addons is disabled'))) {
    return 'Node.js has been told to load no native addon, and mbed-dtls is one: add --allow-addons to --permission, or leave out --no-addons.';
  }
  const missing = reasons.map((reason) => /^Cannot find module '([^']+)'/.exec(reason)?.[1]);
  const platformPackage = missing.find((name) => name?.startsWith('mbed-dtls-') && !name.includes('wasm'));
  const obstacles = reasons
    .filter((reason) => !reason.startsWith('Cannot find'))
    .map((reason) => reason.split('\n')[0]);
  const lines = [`mbed-dtls has no native binary that runs here (${platform()}, Node.js ${process.versions.node}).`];
  if (platformPackage) lines.push(`Not found: the package ${platformPackage}, nor ${BUILT_HERE}.`);
  for (const obstacle of obstacles) lines.push(`In the way: ${obstacle}`);

  // Only a clone has tests, the package has none.
  if (fs.existsSync(path.join(ROOT, '__test__'))) {
    lines.push('This is a clone: build it with `npm run build`.');
    return lines.join('\n');
  }
  if (platformPackage) {
    lines.push(
      `If there is a binary for this platform (README.md, Platforms), install again, on this system and with optional`,
      'dependencies: node_modules of another system, a lockfile made there, and --omit=optional leave it out.',
    );
  }
  lines.push(
    'To build it from source takes some minutes, Rust 1.88, a C compiler, make, cmake 3.10 and libclang. This builds',
    'it, and says first what is lacking:',
    '',
    `  node "${path.join(ROOT, 'scripts', 'build-from-source.mjs')}"`,
    '',
  );
  return lines.join('\n');
}

function platform() {
  const name = `${process.platform} ${process.arch}`;
  if (process.platform !== 'linux') return name;
  // The network part of the report may look names up, and nobody needs it.
  process.report.excludeNetwork = true;
  const { glibcVersionRuntime } = process.report.getReport().header;
  return `${name}, ${glibcVersionRuntime ? `glibc ${glibcVersionRuntime}` : 'musl'}`;
}
