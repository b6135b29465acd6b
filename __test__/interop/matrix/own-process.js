'use strict';

// A program: an endpoint of ours in a process of its own, a child of the matrix (processes.js). It is told by messages:
//
//   { serve: OPTIONS, store }   a server that sends back what comes; sessions by id are in the files of this directory, if one is given
//   { connect: OPTIONS }        a client
//   { write: TEXT }             the client says this
//   { leave: true }             the client says goodbye
//
// and tells: { port } when the server listens, { connection } when a handshake is over, { data: TEXT } what a client hears, { failure: CODE },
// and { left: { session, localPort } }.

const fs = require('node:fs');
const path = require('node:path');
const process = require('node:process');

const { connect, createServer } = require('../../..');
const { HOST, echo } = require('../../support/endpoints.js');

let client = null;

process.on('message', ({ serve, store, connect: options, write, leave }) => {
  if (serve !== undefined) startServer(serve, store);
  if (options !== undefined) startClient(options);
  if (write !== undefined) client.write(write);
  if (leave) goodbye();
});
process.on('disconnect', () => process.exit());

function startServer(options, directory) {
  const store = directory && { sessionStore: storeIn(directory) };
  const server = createServer({ ...options, ...store }, (socket) => {
    process.send({ connection: describe(socket) });
    echo(socket);
  });
  server.on('clientError', ({ code }) => process.send({ failure: code }));
  server.listen(0, HOST, () => process.send({ port: server.address().port }));
}

function startClient(options) {
  client = connect({ host: HOST, ...options }, () => process.send({ connection: describe(client) }));
  client.on('data', (message) => process.send({ data: message.toString() }));
  client.on('error', ({ code }) => process.send({ failure: code }));
}

function goodbye() {
  const left = { session: client.getSession(), localPort: client.localPort };
  client.once('close', () => process.send({ left }));
  client.end();
}

/** What others want to know of a connection. */
function describe(socket) {
  return {
    protocol: socket.getProtocol(),
    cipher: socket.getCipher(),
    pskIdentity: socket.pskIdentity,
    publicKey: socket.publicKey,
    isSessionReused: socket.isSessionReused(),
  };
}

/** Sessions of several processes, a file for each. */
function storeIn(directory) {
  const file = (id) => path.join(directory, id);
  return {
    get: (id) => (fs.existsSync(file(id)) ? fs.readFileSync(file(id)) : undefined),
    set: (id, session) => fs.writeFileSync(file(id), session),
    delete: (id) => fs.rmSync(file(id), { force: true }),
  };
}
