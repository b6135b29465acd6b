'use strict';

// A process that sends datagrams from many addresses, as fast as it is told: junk, which looks like data of a connection
// ('resumeSession') or like a device that has moved ('lookupKey').

const { randomBytes } = require('node:crypto');
const dgram = require('node:dgram');
const { once } = require('node:events');
const process = require('node:process');

const { announcement } = require('../engine/client.js');
const { APPLICATION_DATA, record } = require('../engine/record.js');

const PORTS_PER_HOST = 64;

/** Between two bursts, ms. */
const PAUSE = 5;

function junk(kind) {
  const data = record({ type: APPLICATION_DATA, epoch: 1, number: 5, content: randomBytes(40) });
  return kind === 'lookupKey' ? announcement(data, randomBytes(8)) : data;
}

async function openSockets(hosts) {
  const sockets = [];
  for (const host of hosts) {
    for (let count = 0; count < PORTS_PER_HOST; count++) {
      const socket = dgram.createSocket('udp4');
      socket.on('error', () => {});
      socket.bind(0, host);
      await once(socket, 'listening');
      sockets.push(socket);
    }
  }
  return sockets;
}

process.once('message', async ({ port, kind, hosts, rate }) => {
  const sockets = await openSockets(hosts);
  const began = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    // What a slow machine has missed is not made up for all at once.
    const due = Math.min(((performance.now() - began) / 1_000) * rate, sent + (rate * PAUSE) / 250);
    for (; sent < due; sent++) sockets[sent % sockets.length].send(junk(kind), port, '127.0.0.1');
  }, PAUSE);
  process.once('message', () => {
    clearInterval(timer);
    for (const socket of sockets) socket.close();
    process.send({ sent, seconds: (performance.now() - began) / 1_000 }, () => process.disconnect());
  });
  process.send('flooding');
});
