#!/usr/bin/env node
// Runs every example, and the main job of `npm start`, as a reader would: each must end by itself, without error, in time.
//
// An example called NAME-server.js goes on serving: it is started on any port, NAME-client.js is run against it, and it
// must end when it is asked to. An example that needs a package which is not installed, or a UDP socket that is not Node's
// where there is none, is skipped, and its name is shown.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const TIME_LIMIT = 20_000;

/** Where `npm run setup -- --interop` puts the packages that some examples need. */
const MODULES = path.join(ROOT, 'target', 'interop', 'npm', 'node_modules');

/** Only a socket of our own can be handed over to another process. */
const NEED_OWN_SOCKET = ['examples/graceful-restart.js'];
const { defaults } = createRequire(import.meta.url)('../lib/options/defaults.js');

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

const examples = readdirSync(path.join(ROOT, 'examples'))
  .filter((name) => /\.[cm]?js$/.test(name) && !name.includes('-client.'))
  .map((name) => `examples/${name}`);
for (const example of examples) {
  const lacking = packageOf(example);
  if (lacking !== undefined) console.log(`--- ${example}: skipped (the npm package ${lacking} not found)`);
  else if (NEED_OWN_SOCKET.includes(example) && !defaults.nativeUdp) {
    console.log(`--- ${example}: skipped (only Node has the UDP socket)`);
  } else if (example.includes('-server.')) await runPair(example, example.replace('-server.', '-client.'));
  else await toItsEnd(start(example));
}
await toItsEnd(start('scripts/start.mjs'));

async function runPair(server, client) {
  const serving = start(server, '0');
  const line = await Promise.race([once(serving.stdout, 'data').then(String), serving.closed.then(() => 'nothing')]);
  const port = line.match(/:(\d+)\s/)?.[1];
  if (port === undefined) fail(`${server} did not say where it listens, but ${line}`);
  await toItsEnd(start(client, port));
  serving.kill('SIGTERM');
  await toItsEnd(serving);
}

/** The package that an example needs and that is not there. */
function packageOf(example) {
  const source = readFileSync(path.join(ROOT, example), 'utf8');
  const names = [...source.matchAll(/require\('([a-z][\w-]*)'\)/g)].map(([, name]) => name);
  return names.find((name) => !existsSync(path.join(MODULES, name)));
}

function start(script, ...args) {
  console.log(`--- ${[script, ...args].join(' ')}`);
  const child = spawn(process.execPath, [script, ...args], {
    cwd: ROOT,
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
