'use strict';

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { describe, test } = require('node:test');

const { connect } = require('../..');
const {
  BOB,
  HOST,
  event,
  eventsUntilClose,
  freePort,
  messages,
  openClient,
  startServer,
} = require('../support/endpoints.js');

const EVENTS = ['message', 'error', 'close'];

/** A UDP socket that is closed after the test, unless the test has closed it. */
async function openUdp(t, { type = 'udp4', bind = true } = {}) {
  const udp = dgram.createSocket(type);
  t.after(() => {
    try {
      udp.close();
    } catch {
      // The test has closed it.
    }
  });
  if (bind) {
    udp.bind(0);
    await event(udp, 'listening');
  }
  return udp;
}

const echo = (socket) => socket.on('data', (message) => socket.write(message));
const listeners = (udp) => EVENTS.map((name) => udp.listenerCount(name));

test('bind() says in the tick of connect() where a client sends from', async (t) => {
  const server = await startServer(t);
  const port = await freePort();
  const client = openClient(t, server);
  const bound = new Promise((resolve) => {
    assert.equal(client.bind(port, HOST, resolve), client);
  });
  await Promise.all([bound, event(client, 'secureConnect')]);
  assert.equal(client.localPort, port);
  const onGiven = openClient(t, server, { ...BOB, socket: await openUdp(t) });
  for (const one of [client, onGiven]) assert.throws(() => one.bind(0), { code: 'ERR_SOCKET_ALREADY_BOUND' });
});

describe('a given UDP socket', () => {
  test('carries the connection, and stays open after it', async (t) => {
    const server = await startServer(t, { psk: BOB.psk }, echo);
    const udp = await openUdp(t);
    const client = openClient(t, server, { ...BOB, socket: udp });
    assert.equal(client.dgramSocket, udp);
    client.write('hello');
    assert.deepEqual(await messages(client, 1), ['hello']);
    assert.equal(client.localPort, udp.address().port);
    client.end();
    await event(client, 'close');
    assert.equal(typeof udp.address().port, 'number');
  });

  test('may be unbound', async (t) => {
    const server = await startServer(t);
    const client = openClient(t, server, { ...BOB, socket: await openUdp(t, { bind: false }) });
    await event(client, 'secureConnect');
  });

  test('may be dual-stack', async (t) => {
    const server = await startServer(t);
    const client = openClient(t, server, { ...BOB, socket: await openUdp(t, { type: 'udp6' }) });
    await event(client, 'secureConnect');
    assert.equal(client.remoteAddress, HOST);
    assert.equal(client.remoteFamily, 'IPv4');
  });

  test('keeps its other traffic and its listeners', async (t) => {
    const server = await startServer(t);
    const udp = await openUdp(t);
    const stranger = await openUdp(t);
    const before = listeners(udp);
    const client = openClient(t, server, { ...BOB, socket: udp });
    await event(client, 'secureConnect');

    const received = new Promise((resolve) => {
      udp.on('message', (message, { port }) => port === stranger.address().port && resolve(message.toString()));
    });
    stranger.send('not for a client', udp.address().port, HOST);
    assert.equal(await received, 'not for a client');
    assert.equal(client.stats.datagramsDropped, 0);

    udp.removeAllListeners('message');
    client.end();
    await event(client, 'close');
    assert.deepEqual(listeners(udp), before);
  });

  test('is shared by many clients of many servers, with one listener', async (t) => {
    const udp = await openUdp(t);
    const before = listeners(udp);
    const servers = await Promise.all(
      Array.from({ length: 20 }, () => startServer(t, { psk: BOB.psk }, (socket) => echo(socket))),
    );
    const clients = servers.map((server) => openClient(t, server, { ...BOB, socket: udp }));
    await Promise.all(clients.map((client) => event(client, 'secureConnect')));
    assert.deepEqual(
      listeners(udp),
      before.map((count) => count + 1),
    );

    const echoes = clients.map((client) => messages(client, 1));
    for (const client of clients) client.write(`to ${client.remotePort}`);
    for (const [index, client] of clients.entries()) {
      assert.deepEqual(await echoes[index], [`to ${client.remotePort}`]);
    }
    const closed = clients.map((client) => event(client, 'close'));
    for (const client of clients) client.end();
    await Promise.all(closed);
    assert.deepEqual(listeners(udp), before);
  });

  test('has one client per peer at a time', async (t) => {
    const server = await startServer(t);
    const udp = await openUdp(t);
    const first = openClient(t, server, { ...BOB, socket: udp });
    await event(first, 'secureConnect');

    const second = openClient(t, server, { ...BOB, socket: udp });
    const [error] = await event(second, 'error');
    assert.equal(error.code, 'ERR_DTLS_ADDRESS_IN_USE');
    assert.equal(error.port, server.address().port);
    assert.equal(first.connected, true);

    first.end();
    await event(first, 'close');
    await event(openClient(t, server, { ...BOB, socket: udp }), 'secureConnect');
  });

  test('whose failure is the failure of all its clients', async (t) => {
    const udp = await openUdp(t);
    const servers = [await startServer(t), await startServer(t)];
    const clients = servers.map((server) => openClient(t, server, { ...BOB, socket: udp }));
    await Promise.all(clients.map((client) => event(client, 'secureConnect')));
    const errors = clients.map((client) => event(client, 'error'));
    const failure = new Error('cable cut');
    udp.emit('error', failure);
    for (const error of errors) assert.deepEqual(await error, [failure, failure.message]);
    assert.deepEqual(listeners(udp), [0, 0, 0]);
  });

  test('that is closed ends an open connection', async (t) => {
    const server = await startServer(t);
    const udp = await openUdp(t);
    const client = openClient(t, server, { ...BOB, socket: udp });
    await event(client, 'secureConnect');
    const seen = eventsUntilClose(client.resume(), 'end', 'error');
    udp.close();
    assert.deepEqual(await seen, ['end', 'close false']);
  });

  test('that is closed in the middle of a handshake is an error', async (t) => {
    const server = await startServer(t, { pskCallback: (_socket, _identity, _callback) => {} });
    const udp = await openUdp(t);
    const client = openClient(t, server, { ...BOB, socket: udp });
    await event(server, 'connection');
    udp.close();
    const [error] = await event(client, 'error');
    assert.equal(error.code, 'ERR_DTLS_SOCKET_CLOSED');
  });

  test('that is closed already is an error', async (t) => {
    const server = await startServer(t);
    const udp = await openUdp(t);
    udp.close();
    const client = openClient(t, server, { ...BOB, socket: udp });
    const [error] = await event(client, 'error');
    assert.match(error.code, /^ERR_(DTLS_SOCKET_CLOSED|SOCKET_DGRAM_NOT_RUNNING)$/);
  });
});

describe('a UDP socket of our own', () => {
  test('is bound to localAddress and localPort', async (t) => {
    const server = await startServer(t);
    const free = await openUdp(t);
    const { port } = free.address();
    free.close();
    await event(free, 'close');
    const client = openClient(t, server, { ...BOB, localAddress: '127.0.0.2', localPort: port });
    const [socket] = await event(server, 'secureConnection');
    assert.equal(socket.remoteAddress, '127.0.0.2');
    assert.equal(socket.remotePort, port);
    assert.equal(client.localAddress, '127.0.0.2');
  });

  test('that cannot be bound is an error', async (t) => {
    const server = await startServer(t);
    const { port } = (await openUdp(t)).address();
    const client = openClient(t, server, { ...BOB, localPort: port });
    const seen = eventsUntilClose(client, 'error');
    const [error] = await event(client, 'error');
    assert.equal(error.code, 'EADDRINUSE');
    assert.deepEqual(await seen, ['error', 'close true']);
  });

  test('is of the family of the host', async (t) => {
    const server = await startServer(t);
    await new Promise((resolve) => server.close(resolve));
    server.listen(0, '::1');
    await event(server, 'listening');
    const client = openClient(t, server, { ...BOB, host: '0:0:0:0:0:0:0:1' });
    await event(client, 'secureConnect');
    assert.equal(client.remoteAddress, '::1');
    assert.equal(client.remoteFamily, 'IPv6');
  });

  test('that cannot send the first flight is an error', async (t) => {
    // The system forbids a socket to broadcast unless it has asked for it.
    const client = connect({ ...BOB, host: '255.255.255.255', port: 5684 });
    t.after(() => client.destroy());
    const [error] = await event(client, 'error');
    assert.match(error.code, /^(EACCES|ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL)$/);
  });
});

describe('a host', () => {
  test('is resolved once, by the given function', async (t) => {
    const server = await startServer(t, { psk: BOB.psk }, echo);
    const lookup = t.mock.fn((_host, _family, callback) => callback(null, HOST, 4));
    const client = openClient(t, server, { ...BOB, host: 'somewhere.test', lookup });
    client.write('one');
    await messages(client, 1);
    client.write('two');
    await messages(client, 1);
    assert.equal(lookup.mock.callCount(), 1);
    assert.deepEqual(lookup.mock.calls[0].arguments.slice(0, 2), ['somewhere.test', 0]);
    assert.equal(client.remoteAddress, HOST);
  });

  test('that does not resolve is an error', async (t) => {
    const failure = Object.assign(new Error('no such host'), { code: 'ENOTFOUND' });
    const client = connect({ ...BOB, port: 5684, lookup: (_host, _family, callback) => callback(failure) });
    const seen = eventsUntilClose(client, 'error');
    const written = new Promise((resolve) => {
      client.write('hello', resolve);
    });
    assert.deepEqual(await event(client, 'error'), [failure, failure.message]);
    assert.equal(await written, failure);
    assert.deepEqual(await seen, ['error', 'close true']);
    assert.equal(t.signal.aborted, false);
  });

  test('that resolves to something invalid, or twice, does no harm', async (t) => {
    for (const found of ['nonsense', undefined, [], [null], [{ address: 'nonsense' }], [{}, { address: HOST }]]) {
      const nonsense = connect({ ...BOB, port: 5684, lookup: (_host, _family, callback) => callback(null, found) });
      assert.equal((await event(nonsense, 'error'))[0].code, 'ERR_INVALID_IP_ADDRESS');
    }

    const server = await startServer(t);
    const lookup = (_host, _family, callback) => {
      callback(null, HOST, 4);
      callback(new Error('after all not'));
    };
    await event(openClient(t, server, { ...BOB, host: 'twice.test', lookup }), 'secureConnect');
  });

  test('is localhost by default', async (t) => {
    const server = await startServer(t);
    const { port } = server.address();
    await event(openClient(t, server, { ...BOB, host: undefined, family: 4, port }), 'secureConnect');
  });

  test('and a port can be separate arguments', async (t) => {
    const server = await startServer(t);
    const [client] = await new Promise((resolve) => {
      connect(server.address().port, HOST, BOB, (...args) => resolve(args));
    });
    assert.equal(client.connected, true);
    client.destroy();
  });
});
