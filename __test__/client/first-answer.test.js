'use strict';

// What a client hears first from its server.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { test } = require('node:test');

const { BOB, HOST, echo, event, messages, openClient, startServer } = require('../support/endpoints.js');

// In DTLS 1.3 all that follows the ServerHello is encrypted, and the network may bring it first (RFC 9147 section 4).
test('encrypted records that overtake the answers of a server leave the client a connection that sends', async (t) => {
  const server = await startServer(t, { psk: { bob: BOB.psk } }, echo);
  const encrypted = Buffer.alloc(35, 0x2f);
  const client = openClient(t, await overtaken(t, server.address().port, encrypted));
  await event(client, 'secureConnect');
  const answer = messages(client, 1);
  client.write('hello');
  assert.deepEqual(await answer, ['hello']);
});

/** Passes datagrams on, with another one before each of the server's, and without a pause between them. */
async function overtaken(t, serverPort, before) {
  const [front, back] = [dgram.createSocket('udp4'), dgram.createSocket('udp4')];
  let client = null;
  front.on('message', (datagram, remote) => {
    client = remote;
    back.send(datagram, serverPort, HOST);
  });
  back.on('message', (datagram) => {
    for (const one of [before, datagram]) front.send(one, client.port, client.address);
  });
  for (const socket of [front, back]) {
    socket.bind(0, HOST);
    t.after(() => socket.close());
  }
  await Promise.all([event(front, 'listening'), event(back, 'listening')]);
  return { address: () => front.address() };
}
