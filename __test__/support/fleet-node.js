'use strict';

// A node of a fleet, to be killed: node fleet-node.js REDIS_PORT KEY [UDP_PORT]. It answers each message with its own name. Its
// connections have IDs if CONNECTION_ID says how long.

const process = require('node:process');

const { createRedisStore, createServer, versions } = require('../..');
const { createClient } = require('./redis.js');

const [redisPort, key, port = '0'] = process.argv.slice(2);

async function main() {
  const client = createClient(Number(redisPort));
  await client.connect();
  const connectionStore = createRedisStore(client, { key: Buffer.from(key, 'hex') });
  const limits = { maxHandshakes: 10_000, maxHandshakesPerAddress: 10_000, maxAddressQuestions: 1000 };
  const psk = { bob: 'secret of bob' };
  const maxVersion = versions['aws-lc'] === undefined ? 'DTLSv1.2' : 'DTLSv1.3';
  const options = { psk, connectionStore, maxVersion, ...limits, addressQuestionsPerSecond: 100_000 };
  if (process.env.CONNECTION_ID !== undefined) options.connectionId = Number(process.env.CONNECTION_ID);
  const server = createServer(options, (socket) => {
    socket.data ??= { first: process.pid };
    socket.on('data', (message) => socket.write(`${process.pid} ${message}`));
  });
  server.listen(Number(port), '127.0.0.1', () => console.log(`port ${server.address().port}`));
}

main();
