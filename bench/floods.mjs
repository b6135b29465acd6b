#!/usr/bin/env node
// What floods cost a server, and what they cost its honest clients: npm run floods [-- --rate 50000] [--seconds 20] [--only WORD]
//
// After `npm run build` and `make -C bench/load`. Each flood comes at this rate for so many seconds; for the second half of them honest
// clients come, one after another. Prints a table: the CPU time of the server for each hostile datagram that it has received, how
// fast the honest are compared with no flood, and whether the server's memory stays what it was. It fails when they are less
// than half as fast, or when the memory grows.
//
// The datagrams come from made-up addresses of 127.64.0.0/10, in a network namespace of its own, which needs Linux. Server, flood and
// honest clients share the machine.

import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median } from './figures.mjs';

const BENCH = path.dirname(fileURLToPath(import.meta.url));
const LOAD = path.join(BENCH, 'load', 'dtlsload');
const HOST = '127.0.0.1';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '50000' },
    seconds: { type: 'string', default: '20' },
    only: { type: 'string', default: '' },
    'in-namespace': { type: 'boolean', default: false },
  },
});
const RATE = Number(values.rate);
const SECONDS = Number(values.seconds);

/** Attempts a second of clients that stop in the middle of a handshake, and how many addresses they have. */
const STALLS = 2_000;
const STALLING_ADDRESSES = 64;

/** Before anything is measured: V8 has to compile, and tables to fill, ms. */
const LEAD = 2_000;

/** Memory that a server may have taken in addition when a flood is over, bytes: what fluctuates without one. */
const GROWTH_LIMIT = 24 << 20;

/** What honest clients must keep of their speed. */
const SPEED_LIMIT = 0.5;

if (!values['in-namespace']) {
  if (!existsSync(LOAD)) {
    console.error('floods: bench/load/dtlsload is missing; run: make -C bench/load');
    process.exit(2);
  }
  const again = [process.execPath, ...process.argv.slice(1), '--in-namespace'];
  const args = ['-Urn', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...again];
  process.exit(spawnSync('unshare', args, { stdio: 'inherit' }).status ?? 1);
}

const require = createRequire(import.meta.url);
const { connect } = require('./package.js');
const { addresses, startAttackers } = require('../__test__/attack/crowd/attackers.js');
const { DRIPS, STAGES } = require('../__test__/attack/crowd/stages.js');
const { Address } = require('../__test__/attack/engine/address.js');
const { Client } = require('../__test__/attack/engine/client.js');
const { APPLICATION_DATA, record } = require('../__test__/attack/engine/record.js');

const BOB = { psk: 'secret of bob', pskIdentity: 'bob' };
const WITH_CONNECTION_ID = 25;

/** Where the random bytes of a ClientHello stand in its datagram. */
const RANDOM = ['--vary-at', 13 + 12 + 2, '--vary-len', 32];
/** Where the cookie of the attackers' hello stands. */
const COOKIE_AT = 13 + 12 + 2 + 32 + 1 + 1;
/** Where the number of a record stands. */
const NUMBER_AT = 5;

const endings = [];
const TEST = { after: (ending) => endings.push(ending) };

/** By name: the arguments of `dtlsload flood` against the server at a port. */
const FLOODS = {
  'hellos of DTLS 1.2': () => [new Client().hello(), ...RANDOM],
  'hellos of DTLS 1.3': async () => [await firstHello({ minVersion: 'DTLSv1.3' }), ...RANDOM],
  'hellos with a made-up cookie': async (port) => {
    const client = await known(port);
    return [client.hello(), '--vary-at', COOKIE_AT, '--vary-len', client.cookie.length];
  },
  'hellos with a stolen cookie': async (port) => [(await known(port)).hello()],
  'records with made-up connection IDs': () => [
    Buffer.concat([
      Buffer.of(WITH_CONNECTION_ID, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9),
      randomBytes(8),
      Buffer.of(0, 40),
      randomBytes(40),
    ]),
    ...['--vary-at', 11, '--vary-len', 8],
  ],
  'records for nobody': () => [forged()],
  'forged records at a live connection': async (port) => {
    const address = await Address.open(TEST);
    await address.handshake(port, new Client());
    return [forged(), '--vary-at', NUMBER_AT, '--vary-len', 6, '--from', address.host, '--from-port', address.port];
  },
  'no records at all': () => [randomBytes(60), '--vary-at', 0, '--vary-len', 60],
};

/** What OpenSSL's s_server can do as well, which answers hellos without keeping anything when it is told `-listen`. */
const AS_WELL = ['hellos of DTLS 1.2', 'hellos with a made-up cookie'];

/** A record of data under keys that nobody has. */
function forged() {
  return record({ type: APPLICATION_DATA, epoch: 1, number: 5, content: randomBytes(40) });
}

/** A client of the attackers' whose address the server has sent a cookie. */
async function known(port) {
  const address = await Address.open(TEST);
  const client = new Client();
  await address.proveAddress(port, client);
  return client;
}

/** The first datagram of a client of ours. */
async function firstHello(options) {
  const udp = dgram.createSocket('udp4').bind(0, HOST);
  await once(udp, 'listening');
  const client = connect({ host: HOST, port: udp.address().port, ...BOB, ...options });
  client.on('error', () => {});
  const [datagram] = await once(udp, 'message');
  client.destroy();
  udp.close();
  return datagram;
}

/** Our server, in a process of its own. */
async function startOurs() {
  const child = spawn(process.execPath, ['--expose-gc', path.join(BENCH, 'servers', 'flooded.js')], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [port] = await once(child, 'message');
  const look = async () => {
    child.send('look');
    return (await once(child, 'message'))[0];
  };
  return { name: 'ours', child, port, look };
}

async function startOpenssl() {
  const port = 5684;
  const args = ['s_server', '-dtls1_2', '-listen', '-accept', `${HOST}:${port}`, '-nocert', '-quiet'];
  args.push('-cipher', 'PSK-AES128-CCM8:@SECLEVEL=0', '-psk', Buffer.from(BOB.psk).toString('hex'));
  const child = spawn('openssl', args, { stdio: ['pipe', 'ignore', 'ignore'] });
  await sleep(500);
  return { name: 'OpenSSL', child, port, look: async () => ({}) };
}

/** CPU time of all threads of a process so far, ns, and its memory, bytes. */
function processOf(pid) {
  const threads = readdirSync(`/proc/${pid}/task`);
  const cpu = threads.reduce(
    (sum, id) => sum + Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'latin1').split(' ')[0]),
    0,
  );
  return { cpu, memory: Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * 4096 };
}

/** Datagrams that programs in this namespace have received so far. */
function received() {
  const lines = readFileSync('/proc/net/snmp', 'latin1').match(/^Udp: .*$/gm);
  const [names, counts] = lines.map((line) => line.split(' '));
  return Number(counts[names.indexOf('InDatagrams')]);
}

/** Honest clients for so long, one after another. */
async function meetHonest(port, milliseconds) {
  const times = [];
  let failures = 0;
  for (const end = Date.now() + milliseconds; Date.now() < end && failures < 3; ) {
    const began = performance.now();
    const client = connect({ host: HOST, port, ...BOB, ciphers: 'PSK-AES128-CCM8', handshakeTimeout: 5_000 });
    const isOpen = await new Promise((resolve) => {
      client.once('secureConnect', () => resolve(true));
      client.once('error', () => resolve(false));
    });
    if (isOpen) times.push(performance.now() - began);
    else failures++;
    client.on('error', () => {});
    const closed = once(client, 'close');
    client.end();
    client.resume();
    await Promise.race([closed, sleep(500)]);
    client.destroy();
  }
  return { times, failures, perSecond: (times.length * 1_000) / milliseconds };
}

/** @param {() => Promise<{ stop: () => Promise<number> }>} attack begins it; stop() waits for its end */
async function measure(server, attack) {
  const { child, port } = server;
  const before = { ...processOf(child.pid), ...(await server.look()) };
  const flood = await attack(port);
  await sleep(LEAD);
  const begin = { ...processOf(child.pid), received: received() };
  await sleep(SECONDS * 500 - LEAD / 2);
  const middle = { ...processOf(child.pid), received: received() };
  // OpenSSL's s_server has one client at a time.
  const honest = server.name === 'ours' ? await meetHonest(port, SECONDS * 500 - LEAD / 2) : null;
  const perSecond = await flood.stop();
  await sleep(500);
  const looked = await server.look();
  const after = processOf(child.pid);
  const arrived = middle.received - begin.received;
  return {
    perSecond,
    arrived: (arrived * 1_000) / (SECONDS * 500 - LEAD / 2),
    cpu: (middle.cpu - begin.cpu) / arrived / 1_000,
    honest,
    growth: after.memory - before.memory,
    ...looked,
  };
}

function flooding(make) {
  return async (port) => {
    const [datagram, ...more] = await make(port);
    const args = [
      'flood',
      '--port',
      port,
      '--rate',
      RATE,
      '--secs',
      SECONDS + 1,
      '--datagram',
      datagram.toString('hex'),
    ];
    const child = spawn(LOAD, [...args, ...more].map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
    const done = once(child.stdout, 'data').then(([line]) => JSON.parse(line));
    return { stop: async () => await done.then(({ sent, seconds }) => sent / seconds) };
  };
}

function stalling(stage) {
  return async (port) => {
    const task = { port, target: HOST, stage, rate: STALLS, hosts: addresses(STALLING_ADDRESSES) };
    const attackers = await startAttackers('stall.js', task);
    return {
      stop: async () => {
        const { attempts, seconds } = await attackers.stop();
        return attempts / seconds;
      },
    };
  };
}

async function report(name, start, attack, baseline) {
  const server = await start();
  try {
    const result = await measure(server, attack);
    const { perSecond, arrived, cpu, honest, growth } = result;
    const share = baseline === null || honest === null ? 1 : honest.perSecond / baseline;
    const isSlow = share < SPEED_LIMIT;
    const grows = growth > GROWTH_LIMIT;
    const cells = [
      `${name}${server.name === 'ours' ? '' : `, at ${server.name}`}`,
      perSecond.toFixed(0),
      arrived.toFixed(0),
      arrived > 0 ? cpu.toFixed(1) : '-',
      honest?.times.length > 0 ? median(honest.times).toFixed(1) : '-',
      honest === null ? '-' : `${honest.perSecond.toFixed(0)}/s (${(100 * share).toFixed(0)} %)`,
      honest?.failures ?? '-',
      `${(growth / (1 << 20)).toFixed(1)}`,
    ];
    console.log(`| ${cells.join(' | ')} |${isSlow ? ' too slow' : ''}${grows ? ' grows' : ''}`);
    // What OpenSSL does is for comparison.
    if (server.name === 'ours' && (isSlow || grows)) process.exitCode = 1;
    return honest?.perSecond;
  } finally {
    server.child.kill('SIGKILL');
    for (const ending of endings.splice(0)) ending();
  }
}

console.log(
  '| flood | sent/s | received/s | CPU each, us | honest handshake, median ms | honest handshakes | failed | memory, MB more |',
);
console.log('|---|--:|--:|--:|--:|--:|--:|--:|');
const nothing = async () => ({ stop: async () => 0 });
const baseline = await report('none', startOurs, nothing, null);
const isWanted = (name) => name.includes(values.only);
for (const [name, make] of Object.entries(FLOODS).filter(([name]) => isWanted(name))) {
  await report(name, startOurs, flooding(make), baseline);
  if (AS_WELL.includes(name)) await report(name, startOpenssl, flooding(make), baseline);
}
for (const stage of [...Object.keys(STAGES), ...Object.keys(DRIPS)].filter(isWanted)) {
  await report(`handshakes that stop: ${stage}`, startOurs, stalling(stage), baseline);
}
