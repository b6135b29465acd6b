'use strict';

// Servers and clients on loopback for one test, after which those that it leaves open are closed.
//
//   const server = await startServer(t, { psk: { bob: 'secret' } })
//   const client = openClient(t, server)                               // is bob
//   const { server, socket, client } = await connectedPair(t)

const { randomInt } = require('node:crypto');
const dgram = require('node:dgram');

const { connect, createServer } = require('../..');

const HOST = '127.0.0.1';
const BOB = { psk: 'secret of bob', pskIdentity: 'bob' };

/** Ports that no system chooses for whoever wants any, so that nobody gets one between two who use it. */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_767;

/** Ports that somebody in this process has asked for. */
const given = new Set();

/** A server that listens on a port of its own, with bob's key unless options say otherwise. */
async function startServer(t, options = { psk: { bob: BOB.psk } }, listener = undefined) {
  const server = createServer(options, listener);
  server.listen(await freePort(), HOST);
  t.after(() => new Promise((resolve) => server.close(resolve)));
  await event(server, 'listening');
  return server;
}

/** A client of a server on loopback. */
function openClient(t, server, options = BOB) {
  const client = connect({ host: HOST, port: server.address().port, ...options });
  t.after(() => {
    client.on('error', () => {});
    client.destroy();
  });
  return client;
}

/** A server, a client, and the server's socket for it, all after the handshake. */
async function connectedPair(t, { serverOptions, clientOptions } = {}) {
  const server = await startServer(t, { psk: { bob: BOB.psk }, ...serverOptions });
  const client = openClient(t, server, { ...BOB, ...clientOptions });
  const [[socket]] = await Promise.all([event(server, 'secureConnection'), event(client, 'secureConnect')]);
  return { server, socket, client };
}

/** The arguments of the next such event. Unlike events.once(), 'error' is an event like any other. */
function event(emitter, name) {
  return new Promise((resolve) => {
    emitter.once(name, (...args) => resolve(args));
  });
}

/** The arguments of 'close' of a server's next socket, which may come in the same turn as 'connection'. */
function closeOfConnection(server) {
  return new Promise((resolve) => {
    server.once('connection', (socket) => socket.once('close', (...args) => resolve(args)));
  });
}

/** The next `count` messages, as strings. */
function messages(socket, count) {
  return new Promise((resolve) => {
    const received = [];
    socket.on('data', function collect(message) {
      received.push(message.toString());
      if (received.length < count) return;
      socket.removeListener('data', collect);
      resolve(received);
    });
  });
}

/** The names of these events, in the order in which they come, up to and including 'close'. */
function eventsUntilClose(emitter, ...names) {
  const seen = [];
  for (const name of names) emitter.on(name, () => seen.push(name));
  return event(emitter, 'close').then(([hadError]) => [...seen, `close ${hadError}`]);
}

/** Sends back what comes. */
function echo(socket) {
  socket.on('data', (message) => socket.write(message));
}

/**
 * Runs `act`, and waits until so many datagrams have come to a server since: what they could have led to has happened.
 *
 * @param {number} [count]
 */
async function heardBy(server, act, count = 1) {
  const wanted = server.stats.datagramsReceived + count;
  await act();
  while (server.stats.datagramsReceived < wanted) await new Promise((resolve) => setTimeout(resolve, 1));
  await new Promise(setImmediate);
}

/** A port that nobody is likely to have, or to get later. */
function anyPort() {
  return randomInt(FIRST_PORT, LAST_PORT + 1);
}

/** A UDP port that is free on loopback, and stays so until whoever has asked takes it: nobody else here gets it. */
async function freePort() {
  for (;;) {
    const port = anyPort();
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
}

/** Whether nobody has this UDP port on loopback. */
function isFree(port) {
  const socket = dgram.createSocket('udp4');
  return new Promise((resolve) => {
    socket.on('error', () => resolve(false));
    socket.bind({ port, address: HOST, exclusive: true }, () => socket.close(() => resolve(true)));
  });
}

/** Runs `act` and returns what a listener throws meanwhile, which would otherwise end the process. */
async function uncaught(act) {
  const thrown = new Promise((resolve) => process.setUncaughtExceptionCaptureCallback(resolve));
  try {
    await act();
    return await thrown;
  } finally {
    process.setUncaughtExceptionCaptureCallback(null);
  }
}

module.exports = {
  BOB,
  HOST,
  anyPort,
  closeOfConnection,
  connectedPair,
  echo,
  event,
  eventsUntilClose,
  freePort,
  heardBy,
  isFree,
  messages,
  openClient,
  startServer,
  uncaught,
};
