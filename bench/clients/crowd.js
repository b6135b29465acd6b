'use strict';

// Many clients that stay, and of which a few say something now and then. node crowd.js PORT COUNT

const dgram = require('node:dgram');
const process = require('node:process');

const { connect } = require('../package');

const IN_FLIGHT = 32;

const [port, count] = process.argv.slice(2).map(Number);
const clients = [];
let begun = 0;

for (let each = 0; each < IN_FLIGHT; each++) join();

function join() {
  if (begun === count) return;
  const client = connect({
    host: '127.0.0.1',
    port,
    // A UDP socket that it makes itself would take two file descriptors.
    socket: dgram.createSocket('udp4'),
    psk: '0123456789abcdef',
    pskIdentity: `device-${process.pid}-${++begun}`,
  });
  client.on('error', (error) => {
    console.error(`crowd: ${error.message}`);
    process.exit(1);
  });
  client.resume();
  client.on('secureConnect', () => {
    clients.push(client);
    if (clients.length === count) talk();
    else join();
  });
}

function talk() {
  console.log('ready');
  setInterval(() => {
    for (let each = 0; each < 20; each++) clients[Math.floor(Math.random() * count)].write('20.5 degrees');
  }, 100);
}
