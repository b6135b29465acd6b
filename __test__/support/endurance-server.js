'use strict';

// A program: the server of __test__/load/endurance.js, a child process of it.
//
//   endurance-server.js PORT KEY DIRECTORY [FILE]      takes over from who has its path in the directory; imports the file
//
// Its parent hears `{ port }` when it listens, and the answers to its messages:
//
//   { look: true }       `{ memory, descriptors, connections, handshakes, questions, misled }`, after garbage collection
//   { export: FILE }     the connections are in the file, and it ends
//
// It also ends when another one takes over from it.

const fs = require('node:fs');
const path = require('node:path');
const process = require('node:process');
const { pipeline } = require('node:stream/promises');

const { createServer } = require('../..');
const { HOST } = require('./radio.js');

const [port, psk, directory, file] = process.argv.slice(2);

/** Of the export and of the handover. */
const key = Buffer.from(psk, 'hex');

/** After so much silence a device is gone, ms. The devices say something every few seconds. */
const IDLE = 20_000;

let misled = 0;

const server = createServer(
  {
    psk,
    ciphers: 'TLS_AES_128_GCM_SHA256:PSK-AES128-GCM-SHA256',
    maxVersion: 'DTLSv1.3',
    connectionId: 8,
    idleTimeout: IDLE,
    maxHandshakesPerAddress: 10_000,
    maxHandshakes: 10_000,
  },
  (socket) => {
    const name = socket.pskIdentity.toString();
    socket.data ??= name;
    if (socket.data !== name) misled++;
    socket.on('data', (message) => {
      if (!message.toString().startsWith(`${name}/`)) misled++;
      socket.write(`answer to ${message}`);
    });
    socket.on('error', () => {});
  },
);
server.on('clientError', () => {});
// It has nothing else to do then.
server.on('close', leave);

const onDisconnect = () => process.exit();
process.on('disconnect', onDisconnect);

function leave() {
  process.off('disconnect', onDisconnect);
  if (process.connected) process.disconnect();
}

process.on('message', async (message) => {
  if (message.look) {
    global.gc();
    const { connections, handshakes, lookups: questions } = server.stats;
    const { heapUsed, external, rss } = process.memoryUsage();
    const descriptors = fs.readdirSync('/proc/self/fd').length;
    process.send({ memory: { heapUsed, external, rss }, descriptors, connections, handshakes, questions, misled });
  }
  if (message.export) {
    server.off('close', leave);
    await pipeline(server.exportConnections({ key }), fs.createWriteStream(message.export, { mode: 0o600 }));
    leave();
  }
});

async function main() {
  if (file !== undefined) await server.importConnections(fs.createReadStream(file), { key });
  server.listen({ port: Number(port), host: HOST, handover: { path: path.join(directory, 'handover'), key } }, () => {
    process.send({ port: server.address().port });
  });
}

main();
