'use strict';

// Calls in the wrong order, and calls on what is over.

const dgram = require('node:dgram');

const { connect, createServer } = require('../..');
const { HOST, handshake, later, line, thrown } = require('./outcomes.js');

const KEYS = { psk: { bob: 'secret' } };
const BOB = { psk: 'secret', pskIdentity: 'bob' };

/** A server that listens while `act` runs. */
async function withServer(act) {
  const server = createServer(KEYS);
  await new Promise((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address();
  const lines = await act(server, port);
  if (server.listening) await new Promise((resolve) => server.close(resolve));
  return lines.map((text) => text.replaceAll(String(port), 'PORT'));
}

/** What an open connection does with this. */
async function open(act) {
  const lines = [];
  await handshake(KEYS, BOB, { act: (socket) => act(socket, lines) });
  await later(50);
  return lines;
}

module.exports = {
  'Calls in the wrong order': {
    'listen() twice': () => withServer((server) => thrown(() => server.listen(0))),
    'a port that somebody else has': () =>
      withServer(
        (_server, port) =>
          new Promise((resolve) => {
            const other = createServer(KEYS);
            other.on('error', (error) => resolve([line('server', error)]));
            other.listen({ port, host: HOST, exclusive: true });
          }),
      ),
    'close() of a server that does not listen': () =>
      new Promise((resolve) => createServer(KEYS).close((error) => resolve([line('callback', error)]))),
    'resumeSocket() of a server that does not listen': () =>
      thrown(() => createServer(KEYS).resumeSocket({ address: HOST, port: 5684 }, {})),
    'resumeSocket() for a name': () =>
      withServer((server) => thrown(() => server.resumeSocket({ address: 'localhost', port: 1 }, {}))),
    'listen() on port 70000': () => thrown(() => createServer(KEYS).listen(70_000)),
    'write() of an object': () => open((socket, lines) => lines.push(...thrown(() => socket.write({ a: 1 })))),
    'write() of more than a record holds': () =>
      open((socket, lines) => {
        socket.on('error', () => {});
        socket.write(Buffer.alloc(20_000), (error) => lines.push(line('callback', error)));
      }),
    'write() after end()': () =>
      open((socket, lines) => {
        socket.on('error', () => {});
        socket.end();
        socket.write('late', (error) => lines.push(line('callback', error)));
      }),
    'exportKeyingMaterial() before the handshake': () => {
      const client = connect({ port: 5684, ...BOB });
      client.on('error', () => {});
      const lines = thrown(() => client.exportKeyingMaterial(32, 'EXPORTER-x'));
      client.destroy();
      return lines;
    },
    'a UDP socket that is connected': async () => {
      const udp = dgram.createSocket('udp4');
      await new Promise((resolve) => udp.connect(9, HOST, resolve));
      const lines = thrown(() => connect({ port: 5684, socket: udp, ...BOB }));
      udp.close();
      return lines;
    },
    'two clients of one UDP socket with the same peer': async () => {
      const socket = dgram.createSocket('udp4');
      await new Promise((resolve) => socket.bind(0, HOST, resolve));
      const clients = [1, 2].map(() => connect({ port: 5684, host: HOST, socket, ...BOB }));
      clients[0].on('error', () => {});
      const error = await new Promise((resolve) => clients[1].on('error', resolve));
      for (const client of clients) client.destroy();
      socket.close();
      return [line('client', error)];
    },
    'the UDP socket closed during the handshake': async () => {
      const socket = dgram.createSocket('udp4');
      await new Promise((resolve) => socket.bind(0, HOST, resolve));
      const client = connect({ port: 5684, host: HOST, socket, ...BOB });
      setTimeout(() => socket.close(), 20);
      const error = await new Promise((resolve) => client.on('error', resolve));
      return [line('client', error)];
    },
    'addContext() without anything of its own': () =>
      withServer((server) => thrown(() => server.addContext('a.test', {}))),
  },
};
