'use strict';

// A registry of devices with raw public keys: no passwords, no certificates, and nothing secret on the server but its own
// key. A device is enrolled by its public key, and gets in until it is struck off. Server and devices live in this one
// process, which ends by itself.
//
//   node examples/device-registry.js

const { createHash, generateKeyPairSync } = require('node:crypto');
const { once } = require('node:events');

const { connect, createServer } = require('..');

/** Names of the devices by the fingerprint of their public key: a table of a database, in a larger house. */
const registry = new Map();

/** @param {Buffer} publicKey SubjectPublicKeyInfo in DER */
const fingerprint = (publicKey) => createHash('sha256').update(publicKey).digest('base64');

/** A device makes its key itself, and the private half never leaves it. */
function makeKey() {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'der' },
  });
}

async function main() {
  const serverKey = makeKey();
  const server = createServer({
    key: serverKey.privateKey,
    // The handshake waits if this is a promise.
    verifyPeer: async (_socket, { publicKey }) => registry.has(fingerprint(publicKey)),
  });
  server.on('secureConnection', (socket) => {
    const name = registry.get(fingerprint(socket.publicKey));
    console.log(`server: ${name} is in`);
    socket.on('data', (message) => socket.write(`good morning, ${name}: ${message}`));
  });
  server.on('clientError', (error) => console.log(`server: refused (${error.code})`));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = server.address()?.port ?? 0;

  const lamp = makeKey();
  const open = (/** @type {{ privateKey: string }} */ { privateKey }) =>
    // The device knows the server by its public key, so that nobody can stand in for it.
    connect({ host: '127.0.0.1', port, key: privateKey, peerPublicKey: serverKey.publicKey });

  await talk('lamp, not enrolled', open(lamp));
  registry.set(fingerprint(lamp.publicKey), 'the lamp in the hall');
  await talk('lamp, enrolled', open(lamp));

  // A device that is struck off loses its open connections too.
  const lost = open(lamp);
  await once(lost, 'secureConnect');
  registry.delete(fingerprint(lamp.publicKey));
  for (const socket of Object.values(server.sockets)) {
    if (!registry.has(fingerprint(socket.publicKey))) socket.destroy();
  }
  lost.resume();
  await once(lost, 'close');
  console.log('lamp, struck off: its connection is closed');
  await talk('lamp, struck off', open(lamp));

  server.close();
  await once(server, 'close');
}

/**
 * Sends one message and waits for the answer, or for the reason why there is none.
 *
 * @param {string} title
 * @param {import('..').DtlsClient} client
 */
function talk(title, client) {
  // The message waits for the end of the handshake.
  client.write('on');
  client.on('data', (answer) => {
    console.log(`${title}: ${answer}`);
    client.end();
  });
  client.on('error', (error) => console.log(`${title}: ${error.message}`));
  return new Promise((resolve) => client.on('close', resolve));
}

main();
