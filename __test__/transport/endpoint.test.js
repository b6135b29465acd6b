'use strict';

// Datagrams that belong to no connection, and what `debug` prints.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { describe, test } = require('node:test');

const { HOST, connectedPair, event, messages } = require('../support/endpoints.js');

describe('a datagram that is not DTLS', () => {
  test('is dropped and counted, and disturbs nobody', async (t) => {
    const { server, socket, client } = await connectedPair(t);
    const stranger = dgram.createSocket('udp4');
    t.after(() => stranger.close());
    const garbage = [Buffer.alloc(0), Buffer.from([0x16]), Buffer.from('GET / HTTP/1.1\r\n'), Buffer.alloc(9000, 0x17)];
    const onConnection = t.mock.fn();
    server.on('connection', onConnection);
    const before = server.stats;
    for (const datagram of garbage) stranger.send(datagram, server.address().port, HOST);
    // They also come from the port of the live connection: an attacker who spoofs its address must not be able to end
    // it.
    for (const datagram of garbage) client.dgramSocket.send(datagram);
    const close = Buffer.from('15fefd00000000000000630002020a', 'hex');
    client.dgramSocket.send(close);

    client.write('still here');
    assert.deepEqual(await messages(socket, 1), ['still here']);
    while (server.stats.datagramsDropped < before.datagramsDropped + 2 * garbage.length) {
      await new Promise(setImmediate);
    }
    assert.equal(onConnection.mock.callCount(), 0);
    assert.equal(server.getConnections(), 1);
  });

  test('is dropped and counted by a client too', async (t) => {
    const { server, socket, client } = await connectedPair(t);
    // It has to come from the server's address: the client's socket is connected, and takes nothing from others.
    await new Promise((resolve) => server.dgramSocket.send('boo', client.localPort, HOST, resolve));
    socket.write('still here');
    assert.deepEqual(await messages(client, 1), ['still here']);
    while (client.stats.datagramsDropped === 0) await new Promise(setImmediate);
    assert.equal(client.connected, true);
  });
});

test('debug writes to stderr, and nothing is written without', async (t) => {
  for (const debug of [0, 2]) {
    const lines = [];
    t.mock.method(process.stderr, 'write', (line) => lines.push(line));
    const { server, client } = await connectedPair(t, { serverOptions: { debug } });
    client.end();
    await event(client, 'close');
    await new Promise((resolve) => server.close(resolve));
    t.mock.restoreAll();
    if (debug === 0) assert.deepEqual(lines, []);
    else assert(lines.length > 0 && lines.every((line) => /^mbed-dtls .*\n$/.test(line)));
  }
});
