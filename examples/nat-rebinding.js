'use strict';

// A device behind a NAT that gives it another port every now and then, and a server that does not mind.
//
//   node examples/nat-rebinding.js

const dgram = require('node:dgram');
const { once } = require('node:events');

const { connect, createServer } = require('..');

const KEY = 'the key of the sensor';
const HOST = '127.0.0.1';

main();

async function main() {
  const server = createServer({ psk: { 'sensor-1': KEY }, connectionId: 8 });
  server.on('secureConnection', (socket) => {
    console.log(`server: a device is at port ${socket.remotePort}, and named ${socket.connectionId?.toString('hex')}`);
    socket.on('ipChanged', (old) => console.log(`server: it has moved from port ${old.port} to ${socket.remotePort}`));
    socket.on('data', (message) => socket.write(`got ${message}`));
  });
  server.listen(0, HOST);
  await once(server, 'listening');

  const nat = await startNat(server.address()?.port ?? 0);
  const device = connect({ port: nat.port, host: HOST, psk: KEY, pskIdentity: 'sensor-1', connectionId: 0 });
  await once(device, 'secureConnect');

  for (let report = 1; report <= 3; report++) {
    device.write(`report ${report}`);
    const [answer] = await once(device, 'data');
    console.log(`device: the server ${answer}`);
    nat.rebind();
  }
  const { handshakesCompleted, moves } = server.stats;
  console.log(`server: ${handshakesCompleted} handshake, ${moves} moves`);

  device.destroy();
  server.close();
  nat.close();
}

/** Passes datagrams on from a port of its own, which changes with rebind(). */
async function startNat(serverPort) {
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
    outside.send(datagram, serverPort, HOST);
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
