'use strict';

// Two servers as on two hosts, and a balancer in front of them that changes its mind about where a client goes.
//
//   node examples/two-hosts.js

const { randomBytes } = require('node:crypto');
const dgram = require('node:dgram');
const { once } = require('node:events');

const { connect, createServer } = require('..');
const { linkNodes } = require('mbed-dtls/cluster');

const KEY = 'the key of the sensor';
const HOST = '127.0.0.1';

main();

async function main() {
  const nodesKey = randomBytes(32);
  const nodes = [];
  for (const nodeId of [1, 2]) {
    const server = createServer({ psk: { 'sensor-1': KEY }, connectionId: 8, nodeId }, (socket) => {
      socket.on('data', (message) => socket.write(`host ${nodeId} got ${message}`));
    });
    server.listen(0, HOST);
    await once(server, 'listening');
    // On hosts of their own, all would have the same port, and `nodes` would name them at once.
    const link = linkNodes(server, { key: nodesKey, address: HOST, port: 0 });
    await once(link, 'listening');
    nodes.push({ server, link, place: { address: HOST, port: link.address()?.port ?? 0 } });
  }
  const places = { 1: nodes[0].place, 2: nodes[1].place };
  const reached = Promise.all(nodes.map(({ link }) => reaches(link)));
  for (const { link } of nodes) link.setNodes(places);
  await reached;

  const ports = nodes.map(({ server }) => server.address()?.port ?? 0);
  const balancer = await startBalancer(ports);
  const device = connect({ port: balancer.port, host: HOST, psk: KEY, pskIdentity: 'sensor-1', connectionId: 0 });
  await once(device, 'secureConnect');
  for (let report = 1; report <= 4; report++) {
    device.write(`report ${report}`);
    const [answer] = await once(device, 'data');
    console.log(`device: ${answer}`);
    balancer.turn();
  }
  for (const [index, { server }] of nodes.entries()) {
    const { handshakesCompleted, datagramsForwarded } = server.stats;
    console.log(`host ${index + 1}: ${handshakesCompleted} handshakes, ${datagramsForwarded} datagrams forwarded`);
  }
  device.destroy();
  balancer.close();
  for (const { server } of nodes) server.close();
}

/** Waits until a link has found the other node. */
async function reaches(link) {
  for (;;) {
    const [ids] = await once(link, 'reach');
    if (ids.length > 0) return;
  }
}

/** Passes datagrams on to one host, and answers of that host alone back, until turn() chooses the other. */
async function startBalancer(ports) {
  const inside = dgram.createSocket('udp4');
  const outside = dgram.createSocket('udp4');
  let device = { address: HOST, port: 0 };
  let target = 0;
  inside.on('message', (datagram, remote) => {
    device = remote;
    outside.send(datagram, ports[target], HOST);
  });
  outside.on('message', (datagram, remote) => {
    if (remote.port === ports[target]) inside.send(datagram, device.port, device.address);
  });
  inside.bind(0, HOST);
  await once(inside, 'listening');
  return {
    port: inside.address().port,
    turn() {
      target = 1 - target;
    },
    close() {
      inside.close();
      outside.close();
    },
  };
}
