'use strict';

// A server that gets its pre-shared keys from an SQLite database, where keys can be added and withdrawn while it runs. It
// needs node:sqlite, which Node.js has from version 22.13 on. Server and clients live in this one process, which ends by
// itself.
//
//   node examples/psk-sqlite.js

const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const process = require('node:process');

const { connect, createServer } = require('..');

/** @type {any} */
const sqlite = process.getBuiltinModule?.('node:sqlite');

async function main() {
  if (sqlite === undefined) {
    console.log(`Node.js ${process.versions.node} has no node:sqlite. Nothing was done.`);
    return;
  }
  const database = new sqlite.DatabaseSync(':memory:');
  database.exec(
    'CREATE TABLE devices (identity TEXT PRIMARY KEY, key BLOB NOT NULL, withdrawn INTEGER NOT NULL DEFAULT 0)',
  );
  const insert = database.prepare('INSERT INTO devices (identity, key) VALUES (?, ?)');
  const select = database.prepare('SELECT key FROM devices WHERE identity = ? AND NOT withdrawn');

  const server = createServer({
    // null refuses, and the client cannot tell an unknown identity from a wrong key.
    pskCallback: (_socket, identity) => select.get(identity)?.key ?? null,
  });
  server.on('secureConnection', (socket) => {
    socket.on('data', (message) => socket.write(`${socket.pskIdentity} says ${message}`));
  });
  server.on('clientError', (error) => console.log(`server: refused (${error.code})`));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = server.address()?.port ?? 0;

  const key = randomBytes(16);
  await talk(port, 'thermometer', key);
  insert.run('thermometer', key);
  await talk(port, 'thermometer', key);
  // An identity is data and never a part of the statement.
  await talk(port, "' OR 1 = 1 --", key);
  database.prepare('UPDATE devices SET withdrawn = 1 WHERE identity = ?').run('thermometer');
  await talk(port, 'thermometer', key);

  server.close();
  await once(server, 'close');
  database.close();
}

/**
 * Sends one message and waits for the answer, or for the reason why there is none.
 *
 * @param {number} port
 * @param {string} pskIdentity
 * @param {Buffer} psk
 */
function talk(port, pskIdentity, psk) {
  const client = connect({ host: '127.0.0.1', port, pskIdentity, psk });
  // The message waits for the end of the handshake.
  client.write('21.5 degrees');
  client.on('data', (answer) => {
    console.log(`client: ${answer}`);
    client.end();
  });
  client.on('error', (error) => console.log(`client: ${error.message}`));
  return new Promise((resolve) => client.on('close', resolve));
}

main();
