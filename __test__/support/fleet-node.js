'use strict';

// A node of a fleet, to be killed: node fleet-node.js REDIS_PORT KEY [UDP_PORT]. It answers each message with its own name.

const process = require('node:process');

const { createRedisStore, createServer } = require('../..');
const { createClient } = require('./redis.js');

const [redisPort, key, port = '0'] = process.argv.slice(2);

async function main() {
  const client = createClient(Number(redisPort));
  await client.connect();
  const connectionStore = createRedisStore(client, { key: Buffer.from(key, 'hex') });
  const limits = { maxHandshakes: 10_000, maxHandshakesPerAddress: 10_000, maxAddressQuestions: 1000 };
  const psk = { bob: 'secret of bob' };
  const options = { psk, connectionStore, ...limits, addressQuestionsPerSecond: 100_000 };
  const server = createServer(options, (socket) => {
    socket.data ??= { first: process.pid };
    socket.on('data', (message) => socket.write(`${process.pid} ${message}`));
  });
  server.listen(Number(port), '127.0.0.1', () => console.log(`port ${server.address().port}`));
}

main();
