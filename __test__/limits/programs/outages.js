'use strict';

// Run in a network namespace of its own by network.test.js: a network that goes away in several ways, and comes back, under a
// connection and under the handshake of another. Prints what became of both, by the way.

const { execFileSync } = require('node:child_process');
const { once } = require('node:events');
const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');

const { connect, createServer } = require('../../..');
const { BOB, HOST } = require('../../support/endpoints.js');

/** How it goes away, and how it comes back. */
const OUTAGES = {
  'interface down': ['link set lo down', 'link set lo up'],
  'address gone': ['addr flush dev lo', 'addr add 127.0.0.1/8 dev lo'],
  prohibited: [`rule add pref 10 to ${HOST} prohibit`, 'rule del pref 10'],
  unreachable: [`rule add pref 10 to ${HOST} unreachable`, 'rule del pref 10'],
  'black hole': [`rule add pref 10 to ${HOST} blackhole`, 'rule del pref 10'],
};

const OUTAGE = 150;

const ip = (command) => execFileSync('ip', command.split(' '));

const open = (port) => connect({ host: HOST, port, ...BOB, handshakeTimeoutMin: 100 });

/** Who waits for the key of a client, and hears how to give it. */
let asked = ([answer]) => answer();

async function main() {
  // A rule of ours has to come before that for local addresses.
  ip('rule add pref 100 lookup local');
  ip('rule del pref 0');
  const troubles = [];
  const pskCallback = (_socket, _identity, callback) => asked([() => callback(null, BOB.psk)]);
  const server = createServer({ pskCallback }, (socket) => {
    socket.on('data', (message) => socket.write(message));
    socket.on('error', (error) => troubles.push(`socket: ${error.code}`));
  });
  server.on('clientError', (error) => troubles.push(`clientError: ${error.code}`));
  server.on('error', (error) => troubles.push(`server: ${error.code}`));
  server.listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address();
  const client = open(port);
  client.on('error', (error) => troubles.push(`client: ${error.code}`));
  const [socket] = await once(server, 'secureConnection');

  const results = {};
  for (const [name, [goes, comes]] of Object.entries(OUTAGES)) {
    const other = open(port);
    other.on('error', (error) => troubles.push(`${name}: ${error.code}`));
    const secured = once(other, 'secureConnect');
    const [answer] = await new Promise((resolve) => {
      asked = resolve;
    });
    ip(goes);
    answer();
    const written = Promise.all([client, socket].map((end) => new Promise((resolve) => end.write('lost', resolve))));
    await sleep(OUTAGE);
    ip(comes);
    await written;
    await secured;
    const answered = once(client, 'data');
    client.write(name);
    results[name] = String((await answered)[0]);
    other.end();
    await once(other.resume(), 'close');
  }
  for (let tries = 0; server.getConnections() > 1 && tries < 100; tries++) await sleep(10);
  console.log(JSON.stringify({ results, troubles, connections: server.getConnections() }));
  client.destroy();
  server.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
