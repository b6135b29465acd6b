'use strict';

// Two workers on one port, and a client behind a NAT that moves it. Whichever worker hears the client, one answers.
// The system deals peers to workers on Linux.
//
//   node examples/cluster.js

const dgram = require('node:dgram');
const { once } = require('node:events');
const process = require('node:process');

const { connect, createServer } = require('..');
const { forkNode, joinCluster } = require('mbed-dtls/cluster');

/** @type {import('node:cluster').Cluster} */
const cluster = /** @type {any} */ (require('node:cluster'));

const KEY = 'the key of the sensor';
const HOST = '127.0.0.1';
const PORT = 5694;

if (cluster.isPrimary) primary();
else worker();

function worker() {
  const server = createServer({ psk: { 'sensor-1': KEY }, connectionId: 8 }, (socket) => {
    socket.on('data', (message) => {
      const { datagramsInjected } = server.stats;
      socket.write(`worker ${cluster.worker?.id} got ${message}; ${datagramsInjected} came through the other`);
    });
  });
  joinCluster(server).listen(PORT, HOST, () => process.send?.('listening'));
}

async function primary() {
  const workers = [forkNode(), forkNode()];
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  // The workers find each other.
  await new Promise((resolve) => setTimeout(resolve, 500));

  const nat = await startNat();
  const device = connect({ port: nat.port, host: HOST, psk: KEY, pskIdentity: 'sensor-1', connectionId: 0 });
  await once(device, 'secureConnect');
  for (let report = 1; report <= 6; report++) {
    device.write(`report ${report}`);
    const [answer] = await once(device, 'data');
    console.log(`${answer}`);
    nat.rebind();
  }
  device.destroy();
  nat.close();
  for (const worker of workers) worker.kill();
}

/** Passes datagrams on from a port of its own, which changes with rebind(). */
async function startNat() {
  const inside = dgram.createSocket('udp4');
  let device = { address: HOST, port: 0 };
  let outside = open();

  function open() {
    const socket = dgram.createSocket('udp4');
    socket.on('message', (datagram) => inside.send(datagram, device.port, device.address));
    return socket;
  }

  inside.on('message', (datagram, remote) => {
    device = remote;
    outside.send(datagram, PORT, HOST);
  });
  inside.bind(0, HOST);
  await once(inside, 'listening');
  return {
    port: inside.address().port,
    rebind() {
      outside.close();
      outside = open();
    },
    close() {
      inside.close();
      outside.close();
    },
  };
}
