#!/usr/bin/env node
// The JavaScript tests and examples on other versions of Node.js, with one and the same addon:
//
//   npm run test:versions               the newest version that npm serves
//   npm run test:versions -- 22 24.0.0  the newest 22, and 24.0.0
//
// npm's package `node` keeps Node's binaries in one package for each platform. They are unpacked to target/node.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const WINDOWS = process.platform === 'win32';
const PACKAGE = `node-${WINDOWS ? 'win' : process.platform}-${process.arch}`;
const STEPS = ['addon', 'js', 'interop', 'examples'];

const wanted = process.argv.slice(2);
const failed = [];
for (const version of wanted.length > 0 ? wanted : ['latest']) {
  const node = install(version);
  const name = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  console.log(`\n##### Node.js ${name}`);
  const { status } = spawnSync(node, ['scripts/test.mjs', ...STEPS], { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) failed.push(name);
}
console.log(failed.length > 0 ? `\nFailed on ${failed.join(', ')}` : '\nAll versions passed');
process.exitCode = failed.length > 0 ? 1 : 0;

/** Unpacks that version, and answers where its program is. */
function install(wish) {
  const query = ['view', `${PACKAGE}@${wish}`, 'version', '--json', '--loglevel=error'];
  const versions = [JSON.parse(npm(query) || '[]')].flat();
  const version = versions.sort((one, other) => one.localeCompare(other, 'en', { numeric: true })).at(-1);
  if (version === undefined) throw new Error(`npm has no ${PACKAGE}@${wish}`);
  const directory = path.join(ROOT, 'target', 'node', version);
  const node = path.join(directory, 'node_modules', PACKAGE, 'bin', WINDOWS ? 'node.exe' : 'node');
  if (!existsSync(node)) {
    const quiet = ['--ignore-scripts', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
    npm(['install', '--prefix', directory, ...quiet, `${PACKAGE}@${version}`]);
  }
  return node;
}

function npm(args) {
  return execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8', shell: WINDOWS });
}
