'use strict';

// The ends of connections and of the process that they are in.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const dgram = require('node:dgram');
const path = require('node:path');
const { describe, test } = require('node:test');
const { promisify } = require('node:util');
const { Worker } = require('node:worker_threads');

const { connect } = require('../..');
const {
  BOB,
  HOST,
  connectedPair,
  event,
  eventsUntilClose,
  openClient,
  startServer,
} = require('../support/endpoints.js');

describe('end()', () => {
  test('of a client ends both sides without an error', async (t) => {
    const { socket, client } = await connectedPair(t);
    const sides = [client, socket].map((side) => eventsUntilClose(side, 'end', 'error'));
    client.end();
    assert.equal(client.connected, false);
    assert.deepEqual(await Promise.all(sides), [
      ['end', 'close false'],
      ['end', 'close false'],
    ]);
  });

  test('of a server ends both sides without an error', async (t) => {
    const { server, socket, client } = await connectedPair(t);
    const sides = [client, socket].map((side) => eventsUntilClose(side, 'end', 'error'));
    socket.end();
    assert.deepEqual(await Promise.all(sides), [
      ['end', 'close false'],
      ['end', 'close false'],
    ]);
    assert.equal(server.getConnections(), 0);
  });

  test('of both at once is not an error either', async (t) => {
    const { socket, client } = await connectedPair(t);
    const sides = [client, socket].map((side) => eventsUntilClose(side, 'error'));
    client.end();
    socket.end();
    assert.deepEqual(await Promise.all(sides), [['close false'], ['close false']]);
  });

  test('sends what was written before', async (t) => {
    const { socket, client } = await connectedPair(t);
    client.write('one');
    client.end('two');
    const received = [];
    for await (const message of socket) received.push(message.toString());
    assert.deepEqual(received, ['one', 'two']);
  });

  test('closes a client that has never read', async (t) => {
    const { socket, client } = await connectedPair(t);
    socket.write('unread');
    while (client.readableLength === 0) await new Promise(setImmediate);
    client.end();
    assert.deepEqual(await event(client, 'close'), [false]);
  });

  test('is discarded together with late writes when the peer has closed first', async (t) => {
    const { socket, client } = await connectedPair(t);
    const seen = eventsUntilClose(socket, 'error');
    socket.pause();
    client.end('unread');
    while (socket.connected) await new Promise(setImmediate);
    await new Promise((resolve, reject) => {
      socket.write('too late', (error) => (error ? reject(error) : resolve()));
    });
    socket.resume();
    assert.deepEqual(await seen, ['close false']);
  });
});

describe('destroy()', () => {
  test('ends the peer too, without an error', async (t) => {
    const { socket, client } = await connectedPair(t);
    const peer = eventsUntilClose(socket, 'end', 'error');
    const seen = eventsUntilClose(client, 'end', 'error');
    client.destroy();
    socket.resume();
    assert.deepEqual(await seen, ['close false']);
    assert.deepEqual(await peer, ['end', 'close false']);
  });

  for (const side of ['client', 'socket']) {
    test(`of a ${side} with an error is 'error', then 'close' with hadError, once each`, async (t) => {
      const stream = (await connectedPair(t))[side];
      const failure = new Error('enough');
      const seen = eventsUntilClose(stream, 'error');
      const error = event(stream, 'error');
      stream.destroy(failure);
      stream.destroy(new Error('again'));
      assert.deepEqual(await error, [failure, failure.message]);
      assert.deepEqual(await seen, ['error', 'close true']);
      const onClose = t.mock.fn();
      stream.on('close', onClose);
      await new Promise(setImmediate);
      assert.equal(onClose.mock.callCount(), 0);
    });
  }

  test('before the handshake has begun leaves nothing open', async (t) => {
    const server = await startServer(t);
    const client = openClient(t, server);
    client.destroy();
    assert.deepEqual(await event(client, 'close'), [false]);
    assert.equal(client.dgramSocket, null);
  });

  test('in the middle of the handshake ends it, on either side', async (t) => {
    const server = await startServer(t, { pskCallback: (_socket, _identity, _callback) => {} });
    const clients = [openClient(t, server), openClient(t, server)];
    const [socket] = await event(server, 'connection');
    for (const client of clients) client.on('error', () => {});
    socket.destroy();
    assert.deepEqual(await event(socket, 'close'), [false]);
    for (const client of clients) client.destroy();
    await Promise.all(clients.map((client) => event(client, 'close')));
  });

  test('fails a write that waits for the handshake', async (t) => {
    const server = await startServer(t);
    const client = openClient(t, server);
    const written = new Promise((resolve) => {
      client.write('never', resolve);
    });
    client.destroy();
    assert.equal((await written).code, 'ERR_DTLS_CLOSED_DURING_HANDSHAKE');
  });
});

test("'closing' comes once, before 'close', whoever ends the connection", async (t) => {
  for (const act of [
    (socket) => socket.end(),
    (socket) => socket.destroy(),
    (_socket, peer) => peer.end(),
    (_socket, peer) => peer.destroy(),
    (socket, peer) => {
      peer.end();
      socket.end();
      socket.destroy();
    },
  ]) {
    const { socket, client } = await connectedPair(t);
    const seen = eventsUntilClose(socket.resume(), 'closing');
    act(socket, client.resume());
    assert.deepEqual(await seen, ['closing', 'close false'], String(act));
  }
});

test('sendClose: false sends no close_notify', async (t) => {
  const { server, socket, client } = await connectedPair(t, { clientOptions: { sendClose: false } });
  const onEnd = t.mock.fn();
  socket.on('end', onEnd).resume();
  client.end();
  assert.deepEqual(await event(client, 'close'), [false]);
  // What the client has sent before has come by then.
  await event(openClient(t, server), 'secureConnect');
  assert.equal(onEnd.mock.callCount(), 0);
  assert.equal(socket.connected, true);
});

test('a connection that is quiet for idleTimeout is closed on both sides', async (t) => {
  const { socket, client } = await connectedPair(t, { serverOptions: { idleTimeout: 100 } });
  const sides = [client, socket].map((side) => eventsUntilClose(side.resume(), 'end', 'error'));
  assert.deepEqual(await Promise.all(sides), [
    ['end', 'close false'],
    ['end', 'close false'],
  ]);
});

test('a server that never answers is an error after handshakeTimeout', async (t) => {
  const mute = dgram.createSocket('udp4').bind(0, HOST);
  t.after(() => mute.close());
  await event(mute, 'listening');
  const client = openClient(t, mute, { ...BOB, handshakeTimeoutMin: 50, handshakeTimeout: 200 });
  const datagrams = t.mock.fn();
  mute.on('message', datagrams);
  const seen = eventsUntilClose(client, 'error');
  const [error] = await event(client, 'error');
  assert.equal(error.code, 'ERR_DTLS_NO_ANSWER');
  assert.equal(error.port, mute.address().port);
  assert.deepEqual(await seen, ['error', 'close true']);
  // The first flight leaves at 0, 50 and 150 ms.
  assert.equal(datagrams.mock.callCount(), 3);
});

test('a new handshake from the address of a live connection ends the old one quietly', async (t) => {
  const server = await startServer(t);
  const udp = dgram.createSocket('udp4').bind(0, HOST);
  t.after(() => udp.close());
  await event(udp, 'listening');

  const first = openClient(t, server, { ...BOB, socket: udp, sendClose: false });
  const [old] = await event(server, 'secureConnection');
  const seen = eventsUntilClose(old.resume(), 'end', 'error');
  first.destroy();
  await event(first, 'close');

  const second = openClient(t, server, { ...BOB, socket: udp });
  const [socket] = await event(server, 'secureConnection');
  assert.deepEqual(await seen, ['end', 'close false']);
  assert.equal(server.getConnections(), 1);
  assert.equal(server.sockets[`${HOST}:${second.localPort}`], socket);
});

describe('a process ends by itself', () => {
  const index = path.join(__dirname, '..', '..');
  const run = (source) => promisify(execFile)(process.execPath, ['-e', source, index], { timeout: 10_000 });
  const prelude = `
    const { connect, createServer } = require(process.argv[1]);
    const client = { host: '127.0.0.1', psk: 'secret', pskIdentity: 'bob' };
    const server = createServer({ psk: 'secret' }).listen(0, '127.0.0.1');
  `;

  test('when server and client are closed', async () => {
    await run(`${prelude}
      server.on('listening', () => {
        const socket = connect({ ...client, port: server.address().port }, () => socket.end());
        socket.on('close', () => server.close());
      });
    `);
  });

  test('when they are unreferenced', async () => {
    const { stdout } = await run(`${prelude}
      server.on('listening', () => {
        const socket = connect({ ...client, port: server.address().port }, () => {
          console.log('secure');
          socket.unref();
          server.unref();
        });
      });
    `);
    assert.equal(stdout, 'secure\n');
  });

  test('when a peer has closed and its last message is not read', async () => {
    await run(`${prelude}
      server.on('secureConnection', (socket) => socket.end('unread'));
      server.on('listening', () => {
        const socket = connect({ ...client, port: server.address().port }).pause();
        // Before that, the server would be gone in the middle of a handshake.
        socket.on('secureConnect', () => setTimeout(() => server.close(), 100));
      });
    `);
  });

  test('in the middle of a handshake and of a look-up', async () => {
    await run(`
      const { connect, createServer } = require(process.argv[1]);
      const server = createServer({ pskCallback: (socket, identity, callback) => process.exit(0) });
      server.listen(0, '127.0.0.1', () => {
        connect({ host: '127.0.0.1', psk: 'secret', pskIdentity: 'bob', port: server.address().port });
      });
    `);
  });
});

test('server and client work in a worker thread, and end with it', async () => {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { connect, createServer } = require(workerData);
    const server = createServer({ psk: 'secret' }, (socket) => socket.on('data', (data) => socket.write(data)));
    server.listen(0, '127.0.0.1', () => {
      const client = { host: '127.0.0.1', port: server.address().port, psk: 'secret', pskIdentity: 'bob' };
      connect(client).on('data', (data) => parentPort.postMessage(data.toString())).write('hello');
    });
  `;
  const worker = new Worker(source, { eval: true, workerData: path.join(__dirname, '..', '..') });
  assert.deepEqual(await event(worker, 'message'), ['hello']);
  assert.equal(await worker.terminate(), 1);
});

test('a client can be closed at every point of its life', async (t) => {
  const server = await startServer(t);
  for (const name of ['secureConnect', 'data', 'end']) {
    const client = connect({ ...BOB, host: HOST, port: server.address().port });
    server.once('secureConnection', (socket) => socket.end('hello'));
    client.resume();
    client.on(name, () => client.destroy());
    // In DTLS 1.3 a client is there before its server, which is to greet this one, and not the next.
    const served = event(server, 'secureConnection');
    assert.deepEqual(await event(client, 'close'), [false]);
    await served;
  }
});

test("'closing' comes when the peer closes, although nobody reads what came before", async (t) => {
  const { socket, client } = await connectedPair(t);
  socket.pause();
  client.write('unread');
  while (socket.readableLength === 0) await new Promise(setImmediate);
  const closing = event(socket, 'closing');
  client.destroy();
  await closing;
  assert.equal(socket.destroyed, false);
  const seen = eventsUntilClose(socket, 'data', 'end', 'closing');
  socket.resume();
  assert.deepEqual(await seen, ['data', 'end', 'close false']);
});

test("'closing' comes before 'close' of a client that has not begun", async () => {
  const client = connect({ ...BOB, host: 'peer.test', port: 5684, lookup: () => {} });
  const seen = eventsUntilClose(client, 'closing');
  client.destroy();
  assert.deepEqual(await seen, ['closing', 'close false']);
});
