#!/usr/bin/env node
// The JavaScript tests and examples on other versions of Node.js, and a smoke test of the packed package on Bun and Deno,
// all with one and the same addon:
//
//   npm run test:versions               the newest version that npm serves
//   npm run test:versions -- 22 24.0.0  the newest 22, and 24.0.0
//   npm run test:versions -- bun deno   the newest of these runtimes
//
// npm has each of these runtimes, with a package for each platform. They are unpacked to target/node.

import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const WINDOWS = process.platform === 'win32';
const STEPS = ['addon', 'js', 'interop', 'examples'];
const QUIET = ['--no-save', '--no-audit', '--no-fund', '--loglevel=error'];

/** Runtimes beside Node.js: the programs that their packages have, and what is said to run a file. */
const RUNTIMES = {
  __proto__: null,
  bun: { programs: ['bin/bun.exe', 'bin/bun'], args: [] },
  deno: { programs: ['deno.exe', 'deno'], args: ['run', '--allow-all'] },
};

const wanted = process.argv.slice(2);
const failed = [];
for (const name of wanted.length > 0 ? wanted : ['latest']) {
  const ok = name in RUNTIMES ? testRuntime(name, RUNTIMES[name]) : testNode(name);
  if (!ok) failed.push(name);
}
console.log(failed.length > 0 ? `\nFailed on ${failed.join(', ')}` : '\nAll versions passed');
process.exitCode = failed.length > 0 ? 1 : 0;

function testNode(wish) {
  const name = `node-${WINDOWS ? 'win' : process.platform}-${process.arch}`;
  const node = path.join(install(name, wish, ['--ignore-scripts']), 'bin', WINDOWS ? 'node.exe' : 'node');
  console.log(`\n##### Node.js ${version(node)}`);
  return spawnSync(node, ['scripts/test.mjs', ...STEPS], { cwd: ROOT, stdio: 'inherit' }).status === 0;
}

/** Installs the packed package, with this machine's addon, into an empty project; echoes over it, and runs its examples. */
function testRuntime(name, { programs, args }) {
  // Their packages have an install script, which puts the program of this platform in its place.
  const directory = install(name, 'latest', []);
  const program = programs.map((file) => path.join(directory, file)).find((file) => existsSync(file));
  if (program === undefined) throw new Error(`the npm package ${name} has no ${programs.join(' and no ')}`);
  console.log(`\n##### ${version(program)}`);

  const project = mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-runtime-'));
  try {
    installPacked(project);
    const { ECHO_FILES } = createRequire(import.meta.url)('../__test__/packaging/project.js');
    for (const [file, source] of Object.entries(ECHO_FILES)) {
      writeFileSync(path.join(project, file), source);
      const { stdout, stderr } = spawnSync(program, [...args, file], {
        cwd: project,
        encoding: 'utf8',
        timeout: 60_000,
      });
      console.log(`--- ${file}: ${stdout}`.trimEnd());
      if (stdout !== 'echo TLS_AES_128_GCM_SHA256\n') {
        console.log(stderr);
        return false;
      }
    }
    const installed = path.join(project, 'node_modules', 'mbed-dtls');
    const examples = ['scripts/run-examples.mjs', '--package', installed, program, ...args];
    return spawnSync(process.execPath, examples, { cwd: ROOT, stdio: 'inherit' }).status === 0;
  } finally {
    rmSync(project, { recursive: true });
  }
}

/** As from the registry, but for the addon, which is the one that was built in this directory. */
function installPacked(project) {
  const [{ filename }] = JSON.parse(npm(['pack', '--json', '--ignore-scripts', '--pack-destination', project]));
  writeFileSync(path.join(project, 'package.json'), '{ "name": "project", "version": "1.0.0" }\n');
  npm(['install', '--prefix', project, '--ignore-scripts', ...QUIET, path.join(project, filename)]);
  for (const addon of readdirSync(ROOT).filter((file) => file.endsWith('.node'))) {
    copyFileSync(path.join(ROOT, addon), path.join(project, 'node_modules', 'mbed-dtls', addon));
  }
}

/** Unpacks that version of a package, and answers where it is. */
function install(name, wish, options) {
  const query = ['view', `${name}@${wish}`, 'version', '--json', '--loglevel=error'];
  const versions = [JSON.parse(npm(query) || '[]')].flat();
  const found = versions.sort((one, other) => one.localeCompare(other, 'en', { numeric: true })).at(-1);
  if (found === undefined) throw new Error(`npm has no ${name}@${wish}`);
  const directory = path.join(ROOT, 'target', 'node', name.startsWith('node-') ? found : `${name}-${found}`);
  const unpacked = path.join(directory, 'node_modules', name);
  if (!existsSync(unpacked)) npm(['install', '--prefix', directory, ...options, ...QUIET, `${name}@${found}`]);
  return unpacked;
}

function version(program) {
  const said = execFileSync(program, ['--version'], { encoding: 'utf8' }).split('\n')[0].trim();
  return /^[\d.]+$/.test(said) ? `${path.basename(program).replace('.exe', '')} ${said}` : said;
}

function npm(args) {
  return execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8', shell: WINDOWS });
}
