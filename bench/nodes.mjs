// What a second node gives, and what forwarding costs: CPU time of servers per echo and per handshake with certificates,
// with one worker, with two, and with two where every other record arrives at the wrong one. CPU time is measured because the
// load shares the cores; two workers get twice the load, so that each has as much as one has alone. On a machine of their own,
// workers do 1 / (CPU time of the busiest) each. One worker and two are measured in turns, and medians of all rounds are shown.
//
//   npm run build && node bench/nodes.mjs [ROUNDS]

import cluster from 'node:cluster';
import { createRequire } from 'node:module';
import process from 'node:process';

import { median } from './figures.mjs';
import { serveAsNode, spent, startWorkers, stopWorkers } from './processes.mjs';

const require = createRequire(import.meta.url);
const dgram = require('node:dgram');
const { connect } = require('..');

const HOST = '127.0.0.1';
const PORT = 45_685;
const ROUNDS = Number(process.argv[2] ?? 5);
const CLIENTS = 32;
const ECHOES = 20_000;
const WINDOW = 8;
const HANDSHAKES = 600;
const PSK = { psk: 'secret of bob', pskIdentity: 'bob' };

if (cluster.isPrimary) await measure();
else serveAsNode(PORT, HOST, { bob: PSK.psk }, ({ datagramsForwarded }) => ({ forwarded: datagramsForwarded }));

async function measure() {
  const rounds = [];
  while (rounds.length < ROUNDS) {
    rounds.push({ ...(await measureWorkers(1)), ...(await measureWorkers(2)) });
    console.log(`round ${rounds.length} of ${ROUNDS}`);
  }
  for (const name of Object.keys(rounds[0])) {
    const perUnit = median(rounds.map((round) => total(round[name]) / round[name].units));
    const forwarded = median(rounds.map((round) => round[name].forwarded / round[name].units));
    const share = `${(100 * forwarded).toFixed(0)} % of the units forwarded`;
    console.log(`${name}: CPU time of all workers per unit ${perUnit.toFixed(1)} us, ${share}`);
  }
  for (const what of ['echo', 'handshake']) {
    const even = rounds.map((round) => (2 * perUnitOf(round, `1 ${what}`)) / perUnitOf(round, `2 ${what}`));
    const dealt = rounds.map((round) => {
      const { cpu, units } = round[`2 ${what}`];
      return perUnitOf(round, `1 ${what}`) / (Math.max(...cpu) / units);
    });
    const range = `${Math.min(...even).toFixed(2)} to ${Math.max(...even).toFixed(2)}`;
    console.log(
      `${what}: two workers do ${median(even).toFixed(2)} times as much as one if evenly dealt (${range}), ` +
        `${median(dealt).toFixed(2)} as they were dealt`,
    );
  }
  process.exit();
}

async function measureWorkers(count) {
  const results = {};
  const workers = await startWorkers(count);
  results[`${count} echo`] = await costs(workers, () => echoes(PORT, count));
  if (count === 2) {
    const { port, rebind } = await relay();
    results['2 echo, moved'] = await costs(workers, () => echoes(port, count, rebind));
  }
  results[`${count} handshake`] = await costs(workers, () => handshakes(count));
  await stopWorkers(workers);
  return results;
}

function total({ cpu }) {
  return cpu.reduce((sum, micros) => sum + micros, 0);
}

function perUnitOf(round, name) {
  return total(round[name]) / round[name].units;
}

async function costs(workers, act) {
  const { result: units, used } = await spent(workers, act);
  const cpu = used.map((usage) => usage.cpu);
  return { cpu, units, forwarded: used.reduce((sum, usage) => sum + usage.forwarded, 0) };
}

function open(port, options) {
  return new Promise((resolve, reject) => {
    const client = connect({ port, host: HOST, handshakeTimeoutMin: 100, ...options }, () => resolve(client));
    client.on('error', reject);
  });
}

/** `share` times the load. Some messages of each client are under way at a time. Lost ones are not missed. */
async function echoes(port, share, afterHandshakes = () => {}) {
  const clients = await Promise.all(
    Array.from({ length: share * CLIENTS }, () => open(port, { ...PSK, connectionId: 0 })),
  );
  afterHandshakes();
  const message = Buffer.alloc(64);
  let done = 0;
  await new Promise((resolve) => {
    for (const client of clients) {
      client.on('data', () => {
        done++;
        if (done === share * ECHOES) resolve();
        else client.write(message);
      });
      for (let sent = 0; sent < WINDOW; sent++) client.write(message);
    }
  });
  for (const client of clients) client.destroy();
  return done;
}

/** A NAT that gives each client another port when it is told to: then half of all arrive at the wrong worker. */
async function relay() {
  const inner = dgram.createSocket('udp4');
  let outer = new Map();
  inner.on('message', (datagram, { port }) => {
    let socket = outer.get(port);
    if (socket === undefined) {
      socket = dgram.createSocket('udp4');
      socket.on('error', () => {});
      socket.on('message', (answer) => inner.send(answer, port, HOST));
      outer.set(port, socket);
    }
    socket.send(datagram, PORT, HOST);
  });
  inner.bind(0, HOST);
  await new Promise((resolve) => inner.once('listening', resolve));
  const rebind = () => {
    outer = new Map();
  };
  return { port: inner.address().port, rebind };
}

async function handshakes(share) {
  let left = share * HANDSHAKES;
  const one = async () => {
    while (left-- > 0) {
      const client = await open(PORT, { rejectUnauthorized: false, servername: 'localhost', handshakeThreads: 0 });
      client.destroy();
    }
  };
  await Promise.all(Array.from({ length: share * 8 }, one));
  return share * HANDSHAKES;
}
