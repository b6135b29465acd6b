#!/usr/bin/env node
// Runs every example, and the main job of `npm start`, as a reader would: each must end by itself, without error, in time.
//
// An example called NAME-server.js goes on serving: it is started on any port, NAME-client.js is run against it, and it
// must end when it is asked to. An example that needs what is not there is skipped, and its name and the reason are shown.
//
//   node scripts/run-examples.mjs [--package DIR] [RUNTIME ARG...]
//
//   --package DIR   the examples of the package that is installed in DIR
//   RUNTIME ARG...  the program that runs them in place of Node.js: deno run -A

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const TIME_LIMIT = 20_000;

const args = process.argv.slice(2);
const installed = args[0] === '--package' ? args.splice(0, 2)[1] : undefined;
const PACKAGE = installed === undefined ? ROOT : path.resolve(installed);
const RUNTIME = args.length > 0 ? args : [process.execPath];
const isDeno = path.basename(RUNTIME[0]).startsWith('deno');

/** Where `npm run setup -- --interop` puts the packages that some examples need. */
const MODULES = path.join(ROOT, 'target', 'interop', 'npm', 'node_modules');

/** Only a socket of our own can be handed over to another process, or shared by processes. */
const NEED_OWN_SOCKET = ['examples/graceful-restart.js'];
const SHARE_A_SOCKET = ['examples/cluster.js'];
const { defaults } = createRequire(import.meta.url)('../lib/options/defaults.js');

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

const examples = readdirSync(path.join(PACKAGE, 'examples'))
  .filter((name) => /\.[cm]?js$/.test(name) && !name.includes('-client.'))
  .map((name) => `examples/${name}`);
for (const example of examples) {
  const lacking = packageOf(example);
  if (lacking !== undefined) console.log(`--- ${example}: skipped (the npm package ${lacking} not found)`);
  else if (NEED_OWN_SOCKET.includes(example) && !defaults.nativeUdp) {
    console.log(`--- ${example}: skipped (only Node has the UDP socket)`);
  } else if (isDeno && [...NEED_OWN_SOCKET, ...SHARE_A_SOCKET].includes(example)) {
    console.log(`--- ${example}: skipped (Deno's node:dgram takes no descriptors)`);
  } else if (example.includes('-server.')) await runPair(example, example.replace('-server.', '-client.'));
  else await toItsEnd(start(example));
}
if (installed === undefined) await toItsEnd(start('scripts/start.mjs'));

async function runPair(server, client) {
  const serving = start(server, '0');
  const port = await Promise.race([portOf(serving), serving.closed]);
  if (typeof port !== 'string') fail(`${server} did not say where it listens`);
  await toItsEnd(start(client, port));
  serving.kill('SIGTERM');
  await toItsEnd(serving);
}

/** The UDP port that a server says it has; it may say other things first. */
async function portOf({ stdout }) {
  let said = '';
  for (;;) {
    said += await once(stdout, 'data');
    const [, port] = said.match(/:(\d+)\s/) ?? [];
    if (port !== undefined) return port;
  }
}

/** The package that an example needs and that is not there. */
function packageOf(example) {
  const source = readFileSync(path.join(PACKAGE, example), 'utf8');
  const names = [...source.matchAll(/require\('([a-z][\w-]*)'\)/g)].map(([, name]) => name);
  // Deno does not look at NODE_PATH.
  return names.find((name) => isDeno || !existsSync(path.join(MODULES, name)));
}

function start(script, ...args) {
  console.log(`--- ${[script, ...args].join(' ')}`);
  const [program, ...before] = RUNTIME;
  const child = spawn(program, [...before, script, ...args], {
    cwd: PACKAGE,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_PATH: MODULES },
  });
  child.stdout.pipe(process.stdout, { end: false });
  const overdue = setTimeout(() => fail(`${script} did not end within ${TIME_LIMIT / 1000} s`), TIME_LIMIT);
  running.add(child);
  child.closed = once(child, 'close').then(([code, signal]) => {
    clearTimeout(overdue);
    running.delete(child);
    return { script, code, signal };
  });
  return child;
}

async function toItsEnd(child) {
  const { script, code, signal } = await child.closed;
  // On Windows a signal ends the process, whatever it has set up for it.
  if (code !== 0 && !(process.platform === 'win32' && signal === 'SIGTERM'))
    fail(`${script} ended with ${signal ?? code}`);
}

function fail(message) {
  console.error(`examples: ${message}`);
  process.exit(1);
}
