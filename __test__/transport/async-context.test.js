'use strict';

// AsyncLocalStorage: the events of a connection run in the context in which it was made, and what a listener enters
// stays with it, although one datagram or one batch of them is about many connections.

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const process = require('node:process');
const { test } = require('node:test');

const { BOB, HOST, event, messages, openClient, startServer } = require('../support/endpoints.js');
const { SAVED, inOlderVersion } = require('../support/older-version.js');
const { createServer } = require('../..');

const CLIENTS = 8;
const KEEPS = Number.parseInt(process.versions.node, 10) < 24;

/** A server that is told to listen in the context 'listen', and each listener of which enters that of its connection. */
async function leakyServer(t, storage, seen) {
  const note = (what, { remotePort }) => {
    seen.push({ what, remotePort, context: storage.getStore() });
    storage.enterWith(remotePort);
  };
  const server = createServer({
    pskCallback: (socket, identity) => {
      note('question', socket);
      return identity === 'bob' ? BOB.psk : null;
    },
  });
  server.on('connection', (socket) => note('connection', socket));
  server.on('secureConnection', (socket) => {
    note('secureConnection', socket);
    socket.on('data', (message) => {
      note('data', socket);
      socket.write(message);
    });
    socket.on('close', () => note('close', socket));
  });
  t.after(() => new Promise((resolve) => server.close(resolve)));
  storage.run('listen', () => server.listen(0, HOST));
  await event(server, 'listening');
  return server;
}

test("what one connection's listener enters does not reach the next connection of the batch", async (t) => {
  const storage = new AsyncLocalStorage();
  const seen = [];
  const server = await leakyServer(t, storage, seen);
  const clients = Array.from({ length: CLIENTS }, () => openClient(t, server));
  await Promise.all(clients.map((client) => event(client, 'secureConnect')));
  // In DTLS 1.3, a client is there before its server. What comes with the end of the handshake is read as a stream begins to flow:
  // in the context in which somebody has asked for it.
  while (seen.filter(({ what }) => what === 'secureConnection').length < CLIENTS) await new Promise(setImmediate);
  await new Promise(setImmediate);
  const echoes = clients.map((client) => messages(client, 2));
  for (const message of ['one', 'two']) {
    for (const client of clients) client.write(message);
    // All datagrams wait in the system by now, and the server takes them in one batch.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await Promise.all(echoes);
  const closed = Promise.all(Object.values(server.sockets).map((socket) => event(socket, 'close')));
  for (const client of clients) client.end();
  await closed;
  assert.equal(seen.filter(({ what }) => what === 'data').length, 2 * CLIENTS);
  // Before version 24 of Node, what a listener enters stays with the resource, which is that of its own connection.
  const isOwn = ({ context, remotePort }) => context === 'listen' || (KEEPS && context === remotePort);
  assert.deepEqual(
    seen.filter((event) => !isOwn(event)),
    [],
  );
});

test('a client hears everything in the context of connect(), whatever its listeners enter', async (t) => {
  const storage = new AsyncLocalStorage();
  const server = await startServer(t);
  server.on('secureConnection', (socket) => socket.on('data', (message) => socket.write(message)));
  const seen = [];
  const client = storage.run('connect', () => openClient(t, server));
  for (const name of ['secureConnect', 'data', 'end', 'close']) {
    client.on(name, () => {
      seen.push({ name, context: storage.getStore() });
      storage.enterWith(name);
    });
  }
  client.write('hello');
  await event(client, 'data');
  client.end();
  await event(client, 'close');
  const names = ['secureConnect', 'data', 'end', 'close'];
  assert.deepEqual(
    seen.map(({ name }) => name),
    names,
  );
  // Before version 24, as above.
  for (const { name, context } of seen) {
    assert(context === 'connect' || (KEEPS && names.indexOf(context) < names.indexOf(name)), `${name}: ${context}`);
  }
});

test('a connection that goes on is in the context of resumeSocket(), and leaves nothing behind there', async (t) => {
  inOlderVersion(t, SAVED);
  const storage = new AsyncLocalStorage();
  const first = await startServer(t);
  const secure = event(first, 'secureConnection');
  openClient(t, first);
  const [socket] = await secure;
  const { session } = socket;

  const second = await startServer(t);
  const contexts = [];
  second.on('secureConnection', () => {
    contexts.push(storage.getStore());
    storage.enterWith('leaked');
  });
  storage.run('restore', () => {
    assert.equal(second.resumeSocket({ address: HOST, port: 40_000 }, session), true);
    contexts.push(storage.getStore());
  });
  assert.deepEqual(contexts, ['restore', 'restore']);
});
