#!/usr/bin/env node
// Proves that a release binary runs wherever it is promised to:
//
//   node scripts/check-binary.mjs FILE...
//
// Size and the absence of symbols are checked everywhere; on Linux also that it needs no library that Node itself does
// not need, no glibc newer than 2.28 and nothing newer than Node-API 8, and that it calls no function of Node's in place
// of its own. Prints what it found, and exits with 1 when something is wrong.

import { statSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { readElf } from './elf.mjs';

// Bytes. What anybody downloads who installs the package, uncompressed: growth should be noticed here, not by them.
// Of it, one megabyte verifies chains of certificates, less than half of one is DTLS 1.3, and 0.7 is AWS-LC's code for AVX-512.
const SIZE_LIMIT = 5.5 * 1024 * 1024;
// That of RHEL 8 and Debian 10, and what Node's own binaries ask for since version 18.
export const GLIBC_LIMIT = '2.28';
// What the binaries of nodejs.org need, so that it is there wherever Node runs.
const NODE_LIBRARIES = {
  gnu: [
    'libc.so.6',
    'libm.so.6',
    'libdl.so.2',
    'libpthread.so.0',
    'libgcc_s.so.1',
    'libstdc++.so.6',
    'ld-linux-x86-64.so.2',
    'ld-linux-aarch64.so.1',
  ],
  musl: ['libc.so', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1', 'libgcc_s.so.1', 'libstdc++.so.6'],
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = process.argv.slice(2);
  if (files.length === 0) {
    console.error('check-binary: which file?');
    process.exit(2);
  }
  for (const file of files) {
    const { facts, faults } = checkBinary(file);
    console.log(`${path.basename(file)}: ${facts.join(', ')}`);
    for (const fault of faults) console.log(`${path.basename(file)}: wrong: ${fault}`);
    if (faults.length > 0) process.exitCode = 1;
  }
}

/** What there is to say about a binary called NAME.PLATFORM.node, and what is wrong with it. */
export function checkBinary(file) {
  const { size } = statSync(file);
  const facts = [`${(size / 1024 / 1024).toFixed(2)} MiB`];
  const faults = size > SIZE_LIMIT ? [`${size} bytes exceed the limit of ${SIZE_LIMIT}`] : [];
  const [, arch, libc] = path.basename(file).match(/\.linux-(\w+)-(\w+)\.node$/) ?? [];
  if (arch === undefined) return { facts, faults };

  const elf = readElf(file);
  const glibc = highestGlibc(elf.versions);
  const nodeApi = elf.undefinedSymbols.filter((name) => /^(napi|node_api)_/.test(name));
  facts.push(
    elf.stripped ? 'stripped' : 'not stripped',
    glibc ? `GLIBC_${glibc} at most` : 'no glibc',
    `needs ${elf.needed.join(' ')}`,
    `${nodeApi.length} functions of Node-API`,
  );
  if (!elf.stripped) faults.push('it still has its symbols');
  if (elf.arch !== arch) faults.push(`it is for ${elf.arch}, not for ${arch}`);
  if (libc === 'musl' && glibc) faults.push(`it needs GLIBC_${glibc}`);
  if (glibc && isNewer(glibc, GLIBC_LIMIT)) faults.push(`it needs GLIBC_${glibc}; the limit is GLIBC_${GLIBC_LIMIT}`);
  for (const library of elf.needed) {
    if (!NODE_LIBRARIES[libc].includes(library)) faults.push(`it needs ${library}, which Node does not`);
  }
  // Every function since Node-API 9 is called node_api_something, and none before (js_native_api.h, node_api.h).
  for (const name of nodeApi.filter((name) => name.startsWith('node_api_'))) {
    faults.push(`it calls ${name}, which is newer than Node-API 8`);
  }
  const exported = elf.exportedSymbols.filter((name) => !/^(napi|node_api)_/.test(name));
  if (exported.length > 0 && !elf.symbolic) {
    faults.push(`Node may have ${exported.join(' ')} as well, and its own would be called: -Bsymbolic is missing`);
  }
  if (nodeApi.length === 0) faults.push('it calls nothing of Node-API');
  return { facts, faults };
}

function highestGlibc(versions) {
  const numbers = versions.map((version) => version.match(/^GLIBC_([\d.]+)$/)?.[1]).filter((version) => version);
  return numbers.reduce((highest, version) => (isNewer(version, highest) ? version : highest), '') || undefined;
}

function isNewer(version, than) {
  return version.localeCompare(than, 'en', { numeric: true }) > 0;
}
