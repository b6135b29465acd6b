// What a connection ID costs an echo: CPU time of the server, with and without one, in turns in one process, so that the code
// is as warm in both.
//
//   npm run build && node bench/connection-ids.mjs [ROUNDS]

import { fork } from 'node:child_process';
import { createRequire } from 'node:module';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { median, ratio, summary } from './figures.mjs';
import { heard, reportUsage, spent } from './processes.mjs';

const require = createRequire(import.meta.url);
const { connect, createServer } = require('..');

const HOST = '127.0.0.1';
const ROUNDS = Number(process.argv[2] ?? 41);
const CLIENTS = 32;
const ECHOES = 30_000;
const WINDOW = 8;
const PSK = { psk: 'secret of bob', pskIdentity: 'bob' };
const CIPHERS = ['TLS_PSK_WITH_AES_128_CCM_8', 'TLS_PSK_WITH_AES_128_GCM_SHA256'];

if (process.send === undefined) await measure();
else serve();

function serve() {
  const server = createServer({ psk: { bob: PSK.psk }, connectionId: 8 });
  server.on('secureConnection', (socket) => socket.on('data', (message) => socket.write(message)));
  server.listen(0, HOST, () => process.send({ port: server.address().port }));
  reportUsage();
}

async function measure() {
  const server = fork(fileURLToPath(import.meta.url));
  const { port } = await heard(server, 'port');
  for (const cipher of CIPHERS) {
    const kinds = { without: await open(port, { cipher }), with: await open(port, { cipher, connectionId: 0 }) };
    // What comes first would pay for the warming.
    for (const sockets of Object.values(kinds)) await echoes(sockets);
    const rounds = [];
    while (rounds.length < ROUNDS) {
      const round = {};
      const order = rounds.length % 2 === 0 ? ['without', 'with'] : ['with', 'without'];
      for (const kind of order) {
        const { used } = await spent([server], () => echoes(kinds[kind]));
        round[kind] = used[0].cpu / ECHOES;
      }
      rounds.push(round);
    }
    const of = (kind) => rounds.map((round) => round[kind]);
    const change = median(rounds.map((round) => ratio(round.with, round.without, 'less')));
    console.log(
      `${cipher}: us of CPU time for an echo, without an ID ${summary(of('without'))}, with ${summary(of('with'))}`,
    );
    console.log(`  without/with, the median of ${ROUNDS} rounds: ${change.toFixed(3)}`);
    for (const socket of Object.values(kinds).flat()) socket.destroy();
  }
  server.kill();
}

function open(port, { cipher, ...options }) {
  const one = () =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: HOST, port, ciphers: [cipher], ...PSK, ...options });
      socket.once('secureConnect', () => {
        const has = socket.peerConnectionId?.length > 0;
        if (has === (options.connectionId === undefined))
          reject(new Error('the connection ID was not agreed on as asked'));
        else resolve(socket);
      });
      socket.once('error', reject);
    });
  return Promise.all(Array.from({ length: CLIENTS }, one));
}

/** So many echoes in all, with so many under way on each connection. What is lost is sent again. */
function echoes(sockets) {
  const message = Buffer.alloc(64, 7);
  let [sent, done, seen] = [0, 0, -1];
  return new Promise((resolve) => {
    const again = setInterval(() => {
      if (done === seen) for (const socket of sockets) socket.write(message);
      seen = done;
    }, 200);
    for (const socket of sockets) {
      socket.removeAllListeners('data');
      socket.on('data', () => {
        if (++done === ECHOES) {
          clearInterval(again);
          setTimeout(resolve, 50);
        } else if (sent < ECHOES) {
          sent++;
          socket.write(message);
        }
      });
      for (let count = 0; count < WINDOW; count++, sent++) socket.write(message);
    }
  });
}
