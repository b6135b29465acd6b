'use strict';

// A server on a UDP socket of the application's.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { test } = require('node:test');

const { createServer } = require('../..');
const { BOB, HOST, event, messages, openClient } = require('../support/endpoints.js');

const OPTIONS = { psk: { [BOB.pskIdentity]: BOB.psk } };

async function assertServes(t, server) {
  server.on('secureConnection', (socket) => socket.on('data', (data) => socket.write(data)));
  const client = openClient(t, server);
  const echoed = messages(client, 1);
  client.write('hello');
  assert.deepEqual(await echoed, ['hello']);
}

for (const compat of [undefined, 'k4']) {
  test(`listen() binds it${compat ? ` with ${compat}'s profile` : ''}, close() closes it`, async (t) => {
    const udp = dgram.createSocket('udp4');
    const server = createServer(
      compat ? { compat, psk_cb: () => Buffer.from(BOB.psk), socket: udp } : { ...OPTIONS, socket: udp },
    );
    t.after(() => server.close());
    const closed = event(udp, 'close');
    server.listen(0, HOST);
    await event(server, 'listening');
    assert.equal(server.dgramSocket, udp);
    assert.deepEqual(server.address(), udp.address());
    await assertServes(t, server);
    const ended = event(server, 'close');
    server.close();
    await Promise.all([closed, ended]);
  });
}

test('a given socket may be bound already', async (t) => {
  const udp = dgram.createSocket('udp4').bind(0, HOST);
  await event(udp, 'listening');
  const { port } = udp.address();
  const server = createServer({ ...OPTIONS, socket: udp });
  t.after(() => server.close());
  server.listen();
  await event(server, 'listening');
  assert.equal(server.address().port, port);
  await assertServes(t, server);
});

test('a given socket may be in the middle of being bound', async (t) => {
  const udp = dgram.createSocket({
    type: 'udp4',
    lookup: (host, _family, callback) => setTimeout(callback, 20, null, host, 4),
  });
  udp.bind(0, HOST);
  const server = createServer({ ...OPTIONS, socket: udp });
  t.after(() => server.close());
  server.listen();
  await event(server, 'listening');
  assert.equal(server.address().port, udp.address().port);
  await assertServes(t, server);
});

test('a given socket that is closed is an error, and then the server is closed', async () => {
  const udp = dgram.createSocket('udp4').bind(0, HOST);
  await event(udp, 'listening');
  const closed = event(udp, 'close');
  udp.close();
  await closed;
  const server = createServer({ ...OPTIONS, socket: udp });
  const failed = event(server, 'error');
  const ended = event(server, 'close');
  server.listen();
  assert.equal((await failed)[0].code, 'ERR_SOCKET_DGRAM_NOT_RUNNING');
  await ended;
});

test('anything but a UDP socket is refused at once', async (t) => {
  assert.throws(() => createServer({ ...OPTIONS, socket: 'udp4' }), { code: 'ERR_INVALID_ARG_TYPE' });
  const udp = dgram.createSocket('udp4');
  t.after(() => udp.close());
  const options = { ...OPTIONS, type: 'udp6', socket: udp };
  assert.throws(() => createServer(options), { code: 'ERR_INVALID_ARG_VALUE', message: /options\.type/ });
});
