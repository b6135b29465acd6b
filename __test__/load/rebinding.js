'use strict';

// Many clients behind a NAT that gives all of them new ports again and again and loses some of their datagrams. Every message
// that arrives must arrive once, at the socket of its client, every answer at its client, and there must be no handshake but the
// first of each.
//
//   node __test__/load/rebinding.js [SECONDS] [CLIENTS]

const assert = require('node:assert/strict');
const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');

const { connect, createServer } = require('../..');
const { HOST, event } = require('../support/endpoints.js');
const { startNat } = require('../support/nat.js');

const KEY = 'a key that many know';
const LOSS = 0.05;

/** Between two rebindings, and between two messages of a client, ms. */
const REBINDING = 100;
const INTERVAL = 200;

/** How many handshakes are under way at a time. */
const BATCH = 25;

/** @returns {Promise<object>} what has happened */
async function rebind({ after }, seconds, count) {
  const server = createServer({ psk: KEY, connectionId: 8 });
  after(() => new Promise((resolve) => server.close(resolve)));
  server.listen(0, HOST);
  await event(server, 'listening');
  const nat = await startNat({ after }, server.address().port, { loss: LOSS });
  const tally = { clients: count, sent: 0, arrived: 0, answered: 0, rebindings: 0 };
  const seen = new Set();
  server.on('secureConnection', (socket) => {
    let name = null;
    socket.on('data', (data) => {
      const message = data.toString();
      const [from] = message.split(':');
      name ??= from;
      assert.equal(from, name, 'a message has come to the socket of another client');
      assert(!seen.has(message), 'a message has come twice');
      seen.add(message);
      tally.arrived++;
      socket.write(data);
    });
  });

  const clients = [];
  while (clients.length < count) {
    const batch = Array.from({ length: Math.min(BATCH, count - clients.length) }, () => openClient(nat.port));
    clients.push(...(await Promise.all(batch)));
  }
  after(() => {
    for (const client of clients) client.destroy();
  });
  clients.forEach((client, index) => {
    client.on('data', (data) => {
      assert.equal(data.toString().split(':')[0], `client ${index}`, 'an answer has come to another client');
      tally.answered++;
    });
  });
  const completed = server.stats.handshakesCompleted;

  const end = Date.now() + seconds * 1000;
  const rebinding = setInterval(() => {
    tally.rebindings++;
    nat.rebind();
  }, REBINDING);
  let round = 0;
  while (Date.now() < end) {
    round++;
    for (const [index, client] of clients.entries()) {
      client.write(`client ${index}:${round}`);
      tally.sent++;
      if (index % BATCH === 0) await sleep((INTERVAL * BATCH) / count);
    }
  }
  clearInterval(rebinding);
  await sleep(500);
  const { handshakesStarted, handshakesCompleted, moves, addressChecks, addressChecksFailed } = server.stats;
  assert.equal(handshakesCompleted, completed, 'a handshake that nobody needed');
  assert.equal(server.stats.connections, count);
  return { ...tally, lost: nat.lost, handshakesStarted, moves, addressChecks, addressChecksFailed };
}

async function openClient(port) {
  const client = connect({ host: HOST, port, psk: KEY, pskIdentity: 'client', connectionId: 0 });
  client.on('error', (error) => {
    throw error;
  });
  await event(client, 'secureConnect');
  return client;
}

async function main([seconds = '60', count = '200']) {
  const endings = [];
  const result = await rebind({ after: (ending) => endings.push(ending) }, Number(seconds), Number(count));
  console.log(result);
  for (const ending of endings.reverse()) await ending();
}

if (require.main === module) main(process.argv.slice(2));

module.exports = { rebind };
