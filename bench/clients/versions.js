'use strict';

// Clients of ours as a load for a server, in the version that is given: OpenSSL's, which the other load uses, speaks no DTLS 1.3.
// The server waits for them most of the time, so read ratios between versions, and no absolute figures.
//
//   node versions.js handshake|echo|messages|idle AMOUNT [--c COUNT] [NAME=VALUE ...] --port PORT --pid PID
//
// AMOUNT: handshakes, seconds, messages or connections. NAME=VALUE: options of connect(); `ca` is a file. Prints
// { server_us_per_op, per_s } or { kb_per_conn }, as dtlsload does; nothing for messages, which somebody else measures.

const dgram = require('node:dgram');
const { once } = require('node:events');
const fs = require('node:fs');
const process = require('node:process');
const { performance } = require('node:perf_hooks');
const { setTimeout: sleep } = require('node:timers/promises');

const { connect } = require('../package');
const { cpuOf, memoryOf } = require('../process-usage');

const HOST = '127.0.0.1';
const WARM_UP_MS = 500;
/** How long the server has to collect its garbage and to let its connections sleep, ms. */
const HOLD_MS = 9000;
/** Handshakes at a time while connections are made. */
const RAMP = 64;

const [what, amount, ...rest] = process.argv.slice(2);
const argument = (name) => Number(rest[rest.indexOf(name) + 1]);
const [port, pid] = ['--port', '--pid'].map(argument);
const count = rest.includes('--c') ? argument('--c') : 16;
const given = rest.filter((word) => word.includes('=')).map((word) => word.split(/=(.*)/s, 2));
const options = { host: HOST, port, handshakeThreads: 0, ...Object.fromEntries(given) };
if (options.ca === undefined) Object.assign(options, { psk: '0123456789abcdef', pskIdentity: 'bench' });
else Object.assign(options, { ca: fs.readFileSync(options.ca), servername: 'localhost' });

const run = { handshake: handshakes, echo: echoes, messages, idle: idlers }[what];
run(Number(amount)).then(
  (result) => {
    if (result !== undefined) console.log(JSON.stringify(result));
    process.exit();
  },
  (error) => {
    console.error(`versions: ${error.message}`);
    process.exit(1);
  },
);

/** As many again come first, until V8 has compiled what it takes. Each line of handshakes has a UDP socket of its own. */
async function handshakes(wanted) {
  const sockets = await Promise.all(Array.from({ length: count }, bound));
  const round = () => {
    let left = wanted;
    const line = async (socket) => {
      while (left-- > 0) {
        const client = await connected({ socket });
        const closed = once(client, 'close');
        client.end();
        await closed;
      }
    };
    return Promise.all(sockets.map(line));
  };
  await round();
  const [began, before] = [performance.now(), cpuOf(pid)];
  await round();
  return { server_us_per_op: (cpuOf(pid) - before) / wanted, per_s: (wanted / (performance.now() - began)) * 1000 };
}

async function echoes(seconds) {
  const clients = await connectedMany(count);
  const message = Buffer.alloc(64, 'x');
  let done = 0;
  for (const client of clients) {
    client.on('data', () => {
      done++;
      client.write(message);
    });
    client.write(message);
  }
  await sleep(WARM_UP_MS);
  const [began, before, doneBefore] = [performance.now(), cpuOf(pid), done];
  await sleep(seconds * 1000);
  const messages = done - doneBefore;
  const elapsed = performance.now() - began;
  return { server_us_per_op: (cpuOf(pid) - before) / messages, per_s: (messages / elapsed) * 1000 };
}

/** Has so many messages echoed, one after the other on each connection. */
async function messages(wanted) {
  const message = Buffer.alloc(64, 'x');
  let left = wanted;
  const line = async (client) => {
    while (left-- > 0) {
      client.write(message);
      await once(client, 'data');
    }
  };
  await Promise.all((await connectedMany(count)).map(line));
}

async function idlers(wanted) {
  const before = memoryOf(pid);
  await connectedMany(wanted);
  await sleep(HOLD_MS);
  return { kb_per_conn: (memoryOf(pid) - before) / wanted };
}

async function connectedMany(wanted) {
  const clients = [];
  const line = async () => {
    while (clients.length < wanted) {
      const place = clients.push(undefined) - 1;
      clients[place] = await connected({ socket: await bound() });
    }
  };
  await Promise.all(Array.from({ length: RAMP }, line));
  return clients;
}

async function connected(more) {
  const client = connect({ ...options, ...more });
  client.resume();
  const failure = once(client, 'error').then(([error]) => Promise.reject(error));
  failure.catch(() => {});
  await Promise.race([once(client, 'secureConnect'), failure]);
  return client;
}

async function bound() {
  const socket = dgram.createSocket('udp4');
  socket.bind(0, HOST);
  await once(socket, 'listening');
  return socket;
}
