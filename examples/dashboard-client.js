'use strict';

// Devices that come to the server of the dashboard, say something now and then, and go; and one whom the server does not
// know.
//
//   node examples/dashboard-client.js [port [devices [seconds]]]     default: 5684, 20 devices, 1 second

const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');

const { connect } = require('..');

const [port = 5684, devices = 20, seconds = 1] = process.argv.slice(2).map(Number);

/** @param {string} pskIdentity */
async function live(pskIdentity) {
  const client = connect({ host: '127.0.0.1', port, psk: 'secret of sensors', pskIdentity, handshakeTimeout: 5000 });
  const closed = new Promise((resolve) => client.on('close', resolve));
  client.on('error', (error) => console.log(`${pskIdentity}: ${error.message}`));
  client.resume();
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end && !client.destroyed) {
    client.write(`${(20 + Math.random()).toFixed(1)} degrees`);
    await sleep(200 + 800 * Math.random());
  }
  client.end();
  await closed;
}

async function main() {
  const names = Array.from({ length: devices }, (_, index) => `sensor-${index + 1}`);
  await Promise.all([...names, 'stranger'].map(live));
  console.log('all devices are gone');
}

main();
