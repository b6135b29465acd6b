#!/usr/bin/env node
// Exports the connections of a server, imports them into another one on the same port, and asks each for an echo.
//
//   node bench/export.mjs [COUNT]     default: 10000; run it after `npm run build`
//
// It prints bytes for each connection, and milliseconds of the export, until all of it is sealed, of the import, until the
// server listens and serves all of them, and of what follows that until all are announced. The load generator of bench/load is
// the peer, and checks that every connection still answers.

import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import process from 'node:process';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { createServer } from '../index.js';

const BENCH = path.dirname(fileURLToPath(import.meta.url));
const HOST = '127.0.0.1';

const count = Number(process.argv[2] ?? 10_000);
const key = randomBytes(32);

if (spawnSync('make', ['--silent'], { cwd: path.join(BENCH, 'load'), stdio: 'inherit' }).status !== 0) process.exit(1);

function makeServer() {
  const limits = { maxHandshakes: 100_000, maxHandshakesPerAddress: 100_000 };
  const server = createServer({ psk: { bench: '0123456789abcdef' }, maxVersion: 'DTLSv1.2', ...limits }, (socket) => {
    socket.on('data', (message) => socket.write(message));
  });
  return server;
}

const first = makeServer().listen(0, HOST);
await once(first, 'listening');
const { port } = first.address();
const args = ['idle', '--c', String(count), '--ramp', '64', '--hold', '8', '--verify', '--mode', 'psk', '--port', port];
const load = spawn(path.join(BENCH, 'load', 'dtlsload'), args.map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
const output = buffer(load.stdout);
while (first.getConnections() < count) await sleep(20);
// The last of them falls asleep.
await sleep(1500);

const start = performance.now();
const cpuAtStart = process.cpuUsage();
const stream = first.exportConnections({ key });
const bytes = await collect(stream);
const exported = performance.now();
const exportCpu = process.cpuUsage(cpuAtStart);
const before = process.cpuUsage();
const second = makeServer();
let announced = 0;
const allAnnounced = new Promise((resolve) => {
  second.on('secureConnection', () => ++announced === count && resolve());
});
const { imported } = await second.importConnections(bytes, { key });
second.listen(port, HOST);
await once(second, 'listening');
const serves = performance.now();
const cpu = process.cpuUsage(before);
await allAnnounced;
const end = performance.now();
const { verified } = JSON.parse(await output);
console.log({
  connections: stream.connections,
  imported,
  bytesEach: Number((bytes.length / stream.connections).toFixed(1)),
  exportMs: Math.round(exported - start),
  exportCpuMs: milliseconds(exportCpu),
  importMs: Math.round(serves - exported),
  importCpuMs: milliseconds(cpu),
  announcedMs: Math.round(end - serves),
  answered: verified,
});
process.exit(verified === count && imported === count ? 0 : 1);

/** Without the detour through a Blob that node:stream/consumers makes. */
async function collect(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

function milliseconds({ user, system }) {
  return Math.round((user + system) / 1000);
}
