'use strict';

// A server that gets pre-shared keys from a slow database. Each handshake waits for its own key, and the event loop goes on
// meanwhile. One of the clients has a key for each house, and learns from the server's hint which key is wanted: it talks DTLS 1.2,
// because DTLS 1.3 has no hints. Server and clients live in this one process, which ends by itself.
//
//   node examples/psk-lookup.js

const { once } = require('node:events');
const { setTimeout: sleep } = require('node:timers/promises');

const { connect, createServer } = require('..');

const thermometerKey = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
const lampKey = Buffer.from('ffeeddccbbaa99887766554433221100', 'hex');
const database = new Map([
  ['thermometer', thermometerKey],
  ['lamp', lampKey],
]);

/** The keys of the janitor, and their identities, by the hint of each house. */
const keyring = new Map([
  ['greenhouse', { identity: 'lamp', psk: lampKey }],
  ['lighthouse', { identity: 'beacon', psk: 'another key' }],
]);

/** @param {string} identity */
async function findKey(identity) {
  await sleep(50);
  return database.get(identity) ?? null;
}

async function main() {
  const server = createServer({
    pskCallback: (_socket, identity) => findKey(identity),
    pskIdentityHint: 'greenhouse',
  });
  server.on('secureConnection', (socket) => {
    console.log(`server: ${socket.pskIdentity} is in, by ${socket.getProtocol()}`);
    socket.on('data', (message) => socket.write(`${socket.pskIdentity} says ${message}`));
  });
  server.on('clientError', (error) => console.log(`server: refused (${error.code})`));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = server.address()?.port ?? 0;

  // All clients start at once, and each waits only for its own key.
  await Promise.all([
    talk(port, 'thermometer', { pskIdentity: 'thermometer', psk: thermometerKey }, '21.5 degrees'),
    talk(port, 'lamp', { pskIdentity: 'lamp', psk: lampKey }, 'on'),
    talk(port, 'burglar', { pskIdentity: 'burglar', psk: 'guess' }, 'open'),
    talk(port, 'janitor', { pskCallback: async (hint) => keyring.get(hint ?? '') ?? null }, 'off'),
  ]);
  server.close();
  await once(server, 'close');
}

/**
 * Sends one message and waits for the answer, or for the reason why there is none.
 *
 * @param {number} port
 * @param {string} name
 * @param {Pick<import('..').ClientOptions, 'psk' | 'pskIdentity' | 'pskCallback'>} credentials
 * @param {string} message
 */
function talk(port, name, credentials, message) {
  const client = connect({ host: '127.0.0.1', port, ...credentials });
  // The message waits for the end of the handshake.
  client.write(message);
  client.on('data', (answer) => {
    console.log(`${name}: ${answer}`);
    client.end();
  });
  client.on('error', (error) => console.log(`${name}: ${error.message}`));
  return new Promise((resolve) => client.on('close', resolve));
}

main();
