'use strict';

// Listeners that throw, and listeners that call back into the socket or the server.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const path = require('node:path');
const process = require('node:process');
const { describe, test } = require('node:test');
const { promisify } = require('node:util');

const {
  BOB,
  HOST,
  closeOfConnection,
  connectedPair,
  event,
  messages,
  openClient,
  startServer,
  uncaught,
} = require('../support/endpoints.js');

describe('a listener that throws', () => {
  const failure = new Error('bug in the application');
  const fail = () => {
    throw failure;
  };

  for (const name of ['connection', 'secureConnection']) {
    test(`on '${name}' disturbs nobody`, async (t) => {
      const server = await startServer(t, { psk: BOB.psk }, (socket) => socket.pipe(socket));
      server.once(name, fail);
      const thrown = await uncaught(() => openClient(t, server).write('hello'));
      assert.equal(thrown, failure);
      const client = openClient(t, server);
      client.write('hello');
      assert.deepEqual(await messages(client, 1), ['hello']);
    });
  }

  test("on 'clientError' leaves no socket behind", async (t) => {
    const server = await startServer(t);
    server.once('clientError', fail);
    const connection = event(server, 'connection');
    const closed = closeOfConnection(server);
    const client = openClient(t, server, { ...BOB, psk: 'wrong' });
    client.on('error', () => {});
    assert.equal(await uncaught(() => connection), failure);
    assert.deepEqual(await closed, [true]);
    assert.deepEqual(Object.keys(server.sockets), []);
  });

  test("on 'secureConnect' of a client does not keep what was written from leaving", async (t) => {
    const server = await startServer(t);
    const client = openClient(t, server);
    client.write('hello');
    client.once('secureConnect', fail);
    const announced = event(server, 'secureConnection');
    assert.equal(await uncaught(() => announced), failure);
    assert.deepEqual(await messages((await announced)[0], 1), ['hello']);
  });

  test("on 'data' loses that message only", async (t) => {
    const { socket, client } = await connectedPair(t);
    socket.once('data', fail);
    assert.equal(await uncaught(() => client.write('one')), failure);
    const received = messages(socket, 2);
    client.write('two');
    client.write('three');
    assert.deepEqual(await received, ['two', 'three']);
  });

  test('asynchronously is an unhandled rejection, as with any emitter', async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        '-e',
        `const { connect, createServer } = require(process.argv[1]);
        const said = [];
        process.on('unhandledRejection', (error) => said.push(error.message) === 2 && process.exit(console.log(said.join())));
        const server = createServer({ psk: 'secret' }).listen(0, '127.0.0.1', () => {
          connect({ host: '127.0.0.1', port: server.address().port, psk: 'secret', pskIdentity: 'bob' });
        });
        for (const name of ['connection', 'secureConnection']) server.on(name, async () => { throw new Error(name); });`,
        path.join(__dirname, '..', '..'),
      ],
      { timeout: 20_000 },
    );
    assert.equal(stdout, 'connection,secureConnection\n');
  });

  for (const name of ['closing', 'close']) {
    test(`on '${name}' leaves the server in order`, async (t) => {
      const { server, socket, client } = await connectedPair(t);
      const closed = event(socket, 'close');
      socket.resume().once(name, fail);
      assert.equal(await uncaught(() => client.end()), failure);
      assert.deepEqual(await closed, [false]);
      assert.deepEqual(Object.keys(server.sockets), []);
      await event(openClient(t, server), 'secureConnect');
    });
  }
});

describe('listeners may call back', () => {
  test('to write, end and destroy in every event', async (t) => {
    for (const act of ['write', 'end', 'destroy']) {
      for (const name of ['connection', 'secureConnection']) {
        const server = await startServer(t);
        server.on(name, (socket) => {
          socket.resume();
          if (act === 'write') socket.write('hello');
          else socket[act]();
        });
        const client = openClient(t, server);
        client.on('error', () => {});
        if (act === 'write') assert.deepEqual(await messages(client, 1), ['hello']);
        else await event(client.resume(), 'close');
        await new Promise((resolve) => server.close(resolve));
      }
    }
  });

  test('to close the server in every event', async (t) => {
    for (const name of ['listening', 'connection', 'secureConnection', 'clientError']) {
      const server = await startServer(t, { psk: { bob: BOB.psk } });
      server.once(name, () => server.close());
      if (name === 'listening') {
        await new Promise((resolve) => server.close(resolve));
        server.listen(0, HOST);
      } else {
        const key = name === 'clientError' ? 'wrong' : BOB.psk;
        openClient(t, server, { ...BOB, psk: key }).on('error', () => {});
      }
      await event(server, 'close');
    }
  });

  test('and the next event waits until the listener has returned', async (t) => {
    const server = await startServer(t);
    let [depth, deepest] = [0, 0];
    server.on('connection', (socket) => {
      depth++;
      deepest = Math.max(deepest, depth);
      // Goes into the native object, where the events of the other clients wait.
      socket.destroy();
      depth--;
    });
    const clients = Array.from({ length: 20 }, () => openClient(t, server));
    await Promise.all(
      clients.map((client) =>
        event(
          client.on('error', () => {}),
          'close',
        ),
      ),
    );
    assert.equal(deepest, 1);
  });

  test("to write to another connection in 'data'", async (t) => {
    const server = await startServer(t);
    const sockets = [];
    server.on('secureConnection', (socket) => {
      sockets.push(socket);
      socket.on('data', (message) => {
        for (const other of sockets) other.write(message);
      });
    });
    const clients = [openClient(t, server), openClient(t, server), openClient(t, server)];
    await Promise.all(clients.map((client) => event(client, 'secureConnect')));
    while (sockets.length < clients.length) await event(server, 'secureConnection');
    const received = clients.map((client) => messages(client, 1));
    clients[0].write('to all');
    for (const each of received) assert.deepEqual(await each, ['to all']);
  });
});
