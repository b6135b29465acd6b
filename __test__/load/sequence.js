'use strict';

// Thousands of connections, one after the other, in a process that must be back at its memory and end by itself.
// server/many-clients.test.js runs it as `node --expose-gc sequence.js COUNT`; prints one line of JSON.

const { once } = require('node:events');
const { connect, createServer } = require('../..');

const KEY = 'a key that nobody knows';
const CIPHER = 'PSK-AES128-CCM8';
const COUNT = Number(process.argv[2]);
const WARM_UP = COUNT / 5;

const server = createServer({ psk: KEY }, (socket) => socket.on('data', (message) => socket.write(message)));

async function connection() {
  const client = connect({
    host: '127.0.0.1',
    port: server.address().port,
    psk: KEY,
    pskIdentity: 'device',
    ciphers: CIPHER,
  });
  client.write('hello');
  await once(client, 'data');
  client.end();
  await once(client, 'close');
}

/** Bytes that are in use. It collects garbage twice, because the first collection lets finalizers run. */
async function memory() {
  for (let round = 0; round < 2; round++) {
    globalThis.gc();
    await new Promise(setImmediate);
  }
  return { rss: process.memoryUsage.rss(), heap: process.memoryUsage().heapUsed };
}

async function main() {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // Caches and pools fill up once.
  for (let number = 0; number < WARM_UP; number++) await connection();
  const before = await memory();
  for (let number = WARM_UP; number < COUNT; number++) {
    await connection();
    // Versions of Node differ in how long V8 takes to collect garbage by itself.
    if (number % 500 === 0) await memory();
  }
  const after = await memory();
  const { connections, handshakes, lookups, handshakesCompleted } = server.stats;
  server.close();
  console.log(JSON.stringify({ before, after, connections, handshakes, lookups, handshakesCompleted }));
}

main();
