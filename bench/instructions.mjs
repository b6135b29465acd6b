#!/usr/bin/env node
// What a handshake costs our server in instructions and cache misses, counted by valgrind: figures that other work on the machine
// does not change, and that show where code is too long for the processor's first cache.
//
//   node bench/instructions.mjs [DIR] [--mode psk] [--n 300]     run it after `npm run build`; DIR is another checkout
//
// Other modes are with clients of ours: a handshake with certificates, or a message of 64 B that is echoed, in the one version or the
// other. `--both` has the server speak both.
//
// It prints, for each handshake and for each file of code that took part: instructions, data reads and writes, misses of the first
// caches for instructions and for data, and how many cache lines and pages of code every handshake has run through. Valgrind takes
// fifty times as long as the processor. What V8 compiles meanwhile counts as node's, so compare our own file between two trees.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const BENCH = path.dirname(fileURLToPath(import.meta.url));
const LOAD = path.join(BENCH, 'load', 'dtlsload');
/** So that a batch has as many datagrams as without valgrind. */
const SLOW_CLOCK = path.join(BENCH, 'load', 'slowclock.so');

/** Handshakes before those that count: V8 has compiled nearly all of it then. With clients of ours, what takes longer is less of it. */
const WARM = { storm: 1000, clients: 100 };

/** Bytes of a line of the cache, and of a page, as powers of two. */
const LINE = 6;
const PAGE = 12;

/** What callgrind counts, in its order. */
const EVENTS = ['instructions', 'reads', 'writes', 'codeMisses', 'readMisses', 'writeMisses'];

const certificates = createRequire(import.meta.url)('../__test__/support/certificates.js');
const certified = ['cert', certificates.server?.keyPath, certificates.server?.certPath];
const [V12, V13] = ['DTLSv1.2', 'DTLSv1.3'];
const client = (version, what, ...more) => ({
  isNewer: version === V13,
  client: [what, `minVersion=${version}`, `maxVersion=${version}`, ...more],
});
const echoed = (version, cipher) => ({ server: ['psk'], ...client(version, 'messages', `ciphers=${cipher}`) });
const withCertificate = (version, cipher) => ({
  server: certified,
  ...client(version, 'handshake', `ciphers=${cipher}`, 'ecdhCurve=P-256', `ca=${certificates.ca?.certPath}`),
});

const stormed = (...more) => ({ server: ['psk'], storm: ['--mode', 'psk', ...more] });

/** How the server is started, and what a client of ours does or the load generator's. */
const MODES = {
  psk: stormed(),
  ecdsa: { server: certified, storm: ['--mode', 'cert'] },
  'psk-1.2': stormed('--cipher', 'ECDHE-PSK-AES128-GCM-SHA256'),
  'psk-1.3': { isNewer: true, ...stormed('--cipher', 'TLS_AES_128_GCM_SHA256') },
  'ecdsa-1.2': withCertificate(V12, 'ECDHE-ECDSA-AES128-GCM-SHA256'),
  'ecdsa-1.3': withCertificate(V13, 'TLS_AES_128_GCM_SHA256'),
  'echo-gcm-1.2': echoed(V12, 'PSK-AES128-GCM-SHA256'),
  'echo-gcm-1.3': echoed(V13, 'TLS_AES_128_GCM_SHA256'),
  'echo-ccm-1.2': echoed(V12, 'PSK-AES128-CCM'),
  'echo-ccm-1.3': echoed(V13, 'TLS_AES_128_CCM_SHA256'),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mode: { type: 'string', default: 'psk' },
    n: { type: 'string', default: '300' },
    both: { type: 'boolean', default: false },
  },
});
const mode = MODES[values.mode];
if (mode === undefined) throw new Error(`--mode is one of ${Object.keys(MODES).join(', ')}`);
const directory = path.resolve(positionals[0] ?? path.dirname(BENCH));
const count = Number(values.n);

const folder = mkdtempSync(path.join(tmpdir(), 'mbed-dtls-instructions-'));
try {
  const { text, done } = await measure(path.join(folder, 'out'));
  console.table(read(text, done));
} finally {
  rmSync(folder, { recursive: true });
}

/** @returns {Promise<{ text: string, done: number }>} what callgrind has written of the handshakes that count, and how many they are */
async function measure(out) {
  if (
    spawnSync('make', ['--silent', 'dtlsload', 'slowclock.so'], { cwd: path.join(BENCH, 'load'), stdio: 'inherit' })
      .status !== 0
  ) {
    throw new Error('The load generator could not be built');
  }
  const port = 17_000 + Math.floor(Math.random() * 20_000);
  const valgrind = ['--tool=callgrind', '--smc-check=all-non-file', '--dump-instr=yes', '--cache-sim=yes'];
  const flags = mode.isNewer || values.both ? ['--newer'] : [];
  const script = path.join(BENCH, 'servers', 'echo.js');
  const program = [process.execPath, '--single-threaded', script, port, ...mode.server, ...flags];
  const server = spawn('valgrind', [...valgrind, `--callgrind-out-file=${out}`, ...program].map(String), {
    env: { ...process.env, BENCH_PACKAGE: directory, LD_PRELOAD: SLOW_CLOCK },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    await once(server.stdout, 'data');
    const bring = mode.client === undefined ? storm : clients;
    bring(port, server.pid, mode.client === undefined ? WARM.storm : WARM.clients);
    control('-z', server.pid);
    const done = bring(port, server.pid, count);
    control('-d', server.pid);
    return { text: readFileSync(`${out}.1`, 'latin1'), done };
  } finally {
    server.kill('SIGKILL');
  }
}

function storm(port, pid, handshakes) {
  const args = ['storm', '--n', handshakes, '--c', 16, ...mode.storm, '--port', port, '--pid', pid];
  // Nothing is slow under valgrind that is not.
  const { status } = spawnSync(LOAD, [...args, '--timeout-ms', 60_000].map(String), { stdio: 'ignore' });
  if (status !== 0) throw new Error('The load generator has failed');
  return handshakes;
}

/** As many handshakes come before those that the clients count. Of messages, ten thousand stand beside one handshake. */
function clients(port, pid, amount) {
  const [what, ...more] = mode.client;
  const done = what === 'messages' ? 100 * amount : 2 * amount;
  const wanted = what === 'messages' ? [done, '--c', 1] : [amount, '--c', 4];
  const args = [what, ...wanted, '--port', port, '--pid', pid, ...more];
  const script = path.join(BENCH, 'clients', 'versions.js');
  const { status } = spawnSync(process.execPath, [script, ...args].map(String), {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, BENCH_PACKAGE: directory },
  });
  if (status !== 0) throw new Error('The client has failed');
  return done;
}

function control(what, pid) {
  if (spawnSync('callgrind_control', [what, String(pid)], { stdio: 'ignore' }).status !== 0) {
    throw new Error('callgrind_control has failed');
  }
}

/** Sums up callgrind's format by file: lines of costs begin with an address; those behind `calls=` are the costs of others. */
function read(text, handshakes) {
  const names = new Map();
  const files = new Map();
  let file = null;
  let address = 0;
  let isOfOthers = false;
  for (const line of text.split('\n')) {
    const [, kind, number, name] = /^(c?ob)=\((\d+)\)(?: (.*))?$/.exec(line) ?? [];
    if (kind !== undefined) {
      if (name !== undefined) names.set(number, path.basename(name));
      if (kind === 'ob') file = names.get(number);
    } else if (line.startsWith('calls=')) {
      isOfOthers = true;
    } else if (/^(0x|[+*-])/.test(line)) {
      const [position, , ...costs] = line.split(' ');
      address = addressAt(position, address);
      if (!isOfOthers) add(files, file, address, costs.map(Number));
      isOfOthers = false;
    }
  }
  const rows = [...files].map(([name, { sums, runs }]) => [name, rowOf(sums, runs, handshakes)]);
  return Object.fromEntries(rows.sort(([, a], [, b]) => b.instructions - a.instructions).slice(0, 6));
}

function addressAt(position, before) {
  if (position === '*') return before;
  const number = Number(position.replace(/^[+-]/, ''));
  if (position.startsWith('+')) return before + number;
  return position.startsWith('-') ? before - number : number;
}

function add(files, name, address, costs) {
  if (!files.has(name)) files.set(name, { sums: EVENTS.map(() => 0), runs: new Map() });
  const { sums, runs } = files.get(name);
  for (const index of EVENTS.keys()) sums[index] += costs[index] ?? 0;
  runs.set(address, (runs.get(address) ?? 0) + (costs[0] ?? 0));
}

function rowOf(sums, runs, handshakes) {
  const always = [...runs].filter(([, count]) => count >= handshakes).map(([address]) => address);
  const row = Object.fromEntries(EVENTS.map((event, index) => [event, Math.round(sums[index] / handshakes)]));
  const pieces = (size) => new Set(always.map((address) => Math.floor(address / 2 ** size))).size;
  return { ...row, lines: pieces(LINE), pages: pieces(PAGE) };
}
