// What a second node gives, and what forwarding costs: CPU time of servers per echo and per handshake with certificates,
// with one worker, with two, and with two where every other record arrives at the wrong one. CPU time is measured because the
// load shares the cores; two workers get twice the load, so that each has as much as one has alone. On a machine of their own,
// workers do 1 / (CPU time of the busiest) each. One worker and two are measured in turns, and medians of all rounds are shown.
//
//   npm run build && node bench/nodes.mjs [ROUNDS]

import { execFileSync } from 'node:child_process';
import cluster from 'node:cluster';
import { createRequire } from 'node:module';
import process from 'node:process';

const require = createRequire(import.meta.url);
const dgram = require('node:dgram');
const { connect, createServer } = require('..');
const { forkNode, joinCluster } = require('../lib/cluster');

const HOST = '127.0.0.1';
const PORT = 45_685;
const ROUNDS = Number(process.argv[2] ?? 5);
const CLIENTS = 32;
const ECHOES = 20_000;
const WINDOW = 8;
const HANDSHAKES = 600;
const PSK = { psk: 'secret of bob', pskIdentity: 'bob' };
const SELF_SIGNED = [
  'req',
  '-x509',
  '-newkey',
  'ec',
  '-pkeyopt',
  'ec_paramgen_curve:P-256',
  '-nodes',
  '-subj',
  '/CN=b',
];

if (cluster.isPrimary) await measure();
else serve();

function serve() {
  const pem = process.env.BENCH_PEM;
  const credentials = { psk: { bob: PSK.psk }, key: pem, cert: pem };
  const server = createServer({ ...credentials, connectionId: 8, handshakeThreads: 0, maxVersion: 'DTLSv1.2' });
  server.on('secureConnection', (socket) => socket.on('data', (message) => socket.write(message)));
  joinCluster(server).listen(PORT, HOST, () => process.send({ listening: true }));
  process.on('message', ({ ask }) => {
    const { datagramsForwarded, handshakesCompleted, messagesReceived } = server.stats;
    const cpu = process.cpuUsage();
    if (ask) process.send({ cpu: cpu.user + cpu.system, datagramsForwarded, handshakesCompleted, messagesReceived });
  });
}

async function measure() {
  const pem = execFileSync('openssl', [...SELF_SIGNED, '-keyout', '-', '-out', '-'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const rounds = [];
  while (rounds.length < ROUNDS) {
    rounds.push({ ...(await measureWorkers(1, pem)), ...(await measureWorkers(2, pem)) });
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

async function measureWorkers(count, pem) {
  const results = {};
  const workers = Array.from({ length: count }, () => forkNode({ BENCH_PEM: pem.toString() }));
  await Promise.all(workers.map((worker) => heard(worker, 'listening')));
  await new Promise((resolve) => setTimeout(resolve, 1000));
  results[`${count} echo`] = await spent(workers, () => echoes(PORT, count));
  if (count === 2) {
    const { port, rebind } = await relay();
    results['2 echo, moved'] = await spent(workers, () => echoes(port, count, rebind));
  }
  results[`${count} handshake`] = await spent(workers, () => handshakes(count));
  for (const worker of workers) worker.process.kill('SIGKILL');
  await new Promise((resolve) => setTimeout(resolve, 300));
  return results;
}

function total({ cpu }) {
  return cpu.reduce((sum, micros) => sum + micros, 0);
}

function perUnitOf(round, name) {
  return total(round[name]) / round[name].units;
}

function median(values) {
  const sorted = values.toSorted((one, other) => one - other);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

async function spent(workers, act) {
  const before = await ask(workers);
  const units = await act();
  const after = await ask(workers);
  const cpu = after.map((one, index) => one.cpu - before[index].cpu);
  const forwarded = after.reduce(
    (sum, one, index) => sum + one.datagramsForwarded - before[index].datagramsForwarded,
    0,
  );
  return { cpu, units, forwarded };
}

function ask(workers) {
  return Promise.all(
    workers.map((worker) => {
      const answer = heard(worker, 'cpu');
      worker.send({ ask: true });
      return answer;
    }),
  );
}

function heard(worker, name) {
  return new Promise((resolve) => {
    worker.on('message', function take(message) {
      if (message[name] === undefined) return;
      worker.removeListener('message', take);
      resolve(message);
    });
  });
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
      const client = await open(PORT, { rejectUnauthorized: false, servername: 'b', handshakeThreads: 0 });
      client.destroy();
    }
  };
  await Promise.all(Array.from({ length: share * 8 }, one));
  return share * HANDSHAKES;
}
