'use strict';

// listen() and close() of a server.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { describe, test } = require('node:test');

const { createServer } = require('../..');
const {
  BOB,
  HOST,
  connectedPair,
  event,
  eventsUntilClose,
  isFree,
  openClient,
  startServer,
} = require('../support/endpoints.js');

test('getConnections() has a callback with one argument in the next tick, and refuses what is none', async (t) => {
  const { server } = await connectedPair(t);
  for (const wrong of [null, 1, 'callback', {}]) {
    assert.throws(() => server.getConnections(wrong), { code: 'ERR_INVALID_ARG_TYPE' });
  }
  let told;
  assert.equal(
    server.getConnections((...args) => {
      told = args;
    }),
    1,
  );
  assert.equal(told, undefined);
  await new Promise(process.nextTick);
  assert.deepEqual(told, [1]);
});

describe('close() of a server', () => {
  test('sends close_notify to every peer first', async (t) => {
    const { server, client } = await connectedPair(t);
    const others = [openClient(t, server), openClient(t, server)];
    await Promise.all(others.map((other) => event(other, 'secureConnect')));
    while (server.getConnections() < 3) await new Promise(setImmediate);
    assert.equal(Object.keys(server.sockets).length, 3);
    const fates = [client, ...others].map((side) => eventsUntilClose(side, 'end', 'error'));

    const onClose = t.mock.fn();
    server.on('close', onClose);
    await new Promise((resolve) => server.close(resolve));
    for (const fate of fates) assert.deepEqual(await fate, ['end', 'close false']);
    assert.equal(onClose.mock.callCount(), 1);
    assert.equal(server.listening, false);
    assert.equal(server.address(), null);
    assert.equal(server.getConnections(), 0);
  });

  test("comes after its sockets' 'close', even of those that do not read", async (t) => {
    const { server, socket, client } = await connectedPair(t);
    socket.pause();
    client.write('unread');
    while (socket.readableLength === 0) await new Promise(setImmediate);
    const order = [];
    socket.on('close', () => order.push('socket'));
    server.on('close', () => order.push('server'));
    await new Promise((resolve) => server.close(resolve));
    assert.deepEqual(order, ['socket', 'server']);
  });

  test('does not wait for ever for a system that takes no datagrams', async (t) => {
    const { server } = await connectedPair(t);
    t.mock.method(server.dgramSocket, 'getSendQueueCount', () => 1);
    await new Promise((resolve) => server.close(resolve));
    assert.equal(server.listening, false);
  });

  test('gives up handshakes under way', async (t) => {
    const server = await startServer(t, { pskCallback: (_socket, _identity, _callback) => {} });
    const client = openClient(t, server);
    client.on('error', () => {});
    const [socket] = await event(server, 'connection');
    const closed = event(socket, 'close');
    await new Promise((resolve) => server.close(resolve));
    assert.deepEqual(await closed, [false]);
  });

  test('that is called a second time waits for the first', async (t) => {
    const server = await startServer(t);
    const first = new Promise((resolve) => server.close(resolve));
    const second = new Promise((resolve) => server.close(resolve));
    assert.equal(await first, undefined);
    assert.equal(await second, undefined);
  });

  test('of one that does not listen is an error to its callback', async () => {
    const server = createServer({ psk: 'secret' });
    const error = await new Promise((resolve) => server.close(resolve));
    assert.equal(error.code, 'ERR_SERVER_NOT_RUNNING');
  });

  test('right after listen() means that it never listened', async (t) => {
    const server = createServer({ psk: 'secret' });
    const onListening = t.mock.fn();
    server.listen(0, onListening);
    await new Promise((resolve) => server.close(resolve));
    assert.equal(onListening.mock.callCount(), 0);
  });

  test('lets it listen again', async (t) => {
    const server = await startServer(t, { psk: BOB.psk });
    const { port } = server.address();
    await new Promise((resolve) => server.close(resolve));
    server.listen(port, HOST);
    await event(server, 'listening');
    await event(openClient(t, server), 'secureConnect');
  });

  test('frees the port, although a process was started meanwhile', async (t) => {
    const server = await startServer(t);
    const { port } = server.address();
    const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], { stdio: 'ignore' });
    t.after(() => child.kill());
    await event(child, 'spawn');
    await new Promise((resolve) => server.close(resolve));
    server.listen(port, HOST);
    await event(server, 'listening');
  });

  test('happens by itself when its UDP socket is closed', async (t) => {
    const { server, socket } = await connectedPair(t);
    const closed = Promise.all([event(socket, 'close'), event(server, 'close')]);
    server.dgramSocket.close();
    assert.deepEqual(await closed, [[false], []]);
    assert.equal(server.listening, false);
  });
});

describe('listen()', () => {
  const options = { psk: BOB.psk };

  test('calls back in every form', async (t) => {
    for (const args of [[], [0], [0, HOST], [{ port: 0, host: HOST }], [{ address: HOST }]]) {
      const server = createServer(options);
      t.after(() => server.close());
      await new Promise((resolve) => {
        assert.equal(server.listen(...args, resolve), server);
      });
      assert.equal(server.listening, true);
      assert.equal(server.dgramSocket.address().port, server.address().port);
    }
  });

  test('throws when it is called twice', async (t) => {
    const server = await startServer(t);
    assert.throws(() => server.listen(0), { code: 'ERR_SERVER_ALREADY_LISTEN' });
  });

  test("on a port in use is 'error', then 'close', and can be tried again", async (t) => {
    const { port } = (await startServer(t)).address();
    const server = createServer(options);
    t.after(() => server.close());
    const closed = event(server, 'close');
    server.listen(port, HOST);
    const [error] = await event(server, 'error');
    assert.equal(error.code, 'EADDRINUSE');
    await closed;
    server.listen(0, HOST);
    await event(server, 'listening');
  });

  test("on a name that does not resolve is 'error', then 'close'", async () => {
    const server = createServer(options);
    const closed = event(server, 'close');
    server.listen(0, 'no-such-host.invalid');
    const [error] = await event(server, 'error');
    assert.match(error.code, /ENOTFOUND|EAI_AGAIN/);
    await closed;
  });

  test('chooses the address family by the address', async (t) => {
    for (const [host, family] of [
      ['127.0.0.1', 'IPv4'],
      ['::1', 'IPv6'],
      [undefined, 'IPv6'],
    ]) {
      const server = createServer(options);
      t.after(() => server.close());
      server.listen(0, host);
      await event(server, 'listening');
      assert.equal(server.address().family, family);
    }
  });

  test("on '::' leaves IPv4 to others when ipv6Only says so, and not otherwise", async (t) => {
    for (const [serverOptions, listenOptions, isFreed] of [
      [{ ipv6Only: true }, {}, true],
      [{}, { ipv6Only: true }, true],
      [{ ipv6Only: true }, { ipv6Only: false }, false],
      [{}, {}, false],
    ]) {
      const server = createServer({ ...options, ...serverOptions });
      t.after(() => server.close());
      server.listen({ port: 0, host: '::', ...listenOptions });
      await event(server, 'listening');
      assert.equal(await isFree(server.address().port), isFreed, JSON.stringify([serverOptions, listenOptions]));
    }
  });

  test("on '::' is reached over IPv6 and IPv4", async (t) => {
    const server = createServer(options, (socket) => socket.end(`${socket.remoteFamily} ${socket.remoteAddress}`));
    t.after(() => server.close());
    server.listen(0, '::');
    await event(server, 'listening');
    for (const [host, seenAs] of [
      ['::1', 'IPv6 ::1'],
      ['127.0.0.1', 'IPv4 127.0.0.1'],
    ]) {
      const client = openClient(t, server, { ...BOB, host });
      const [message] = await event(client, 'data');
      assert.equal(message.toString(), seenAs);
    }
  });
});
