'use strict';

// Imported connections are served at once, and announced in turns. The many are copies of one: with other addresses, and with
// another number in the middle of the server's random, which names an association.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const dgram = require('node:dgram');
const { describe, test } = require('node:test');
const { buffer } = require('node:stream/consumers');

const { createServer } = require('../..');
const { openAtOnce, sealAtOnce } = require('../../lib/exports/travel.js');
const { BOB, HOST, connectedPair, event, messages } = require('../support/endpoints.js');
const { SAVED, fileInOlderVersion } = require('../support/older-version.js');

fileInOlderVersion(SAVED);

const KEY = randomBytes(32);
const OPTIONS = { psk: { bob: BOB.psk } };

/** More than two turns. */
const MANY = 600;

/** Bytes before the port of a traveller with an IPv4 address: a length, a family, the address. */
const BEFORE_PORT = 7;

/** Where a number stands in the randoms of client and server. */
const ASSOCIATION = 52;

/** A client, the port of its server, which has closed, and its exported connection; `use` may look at it before. */
async function exportedConnection(t, use = () => {}) {
  const { server, socket, client } = await connectedPair(t);
  const { port } = server.address();
  use(socket);
  const closed = event(server, 'close');
  const bytes = await buffer(server.exportConnections({ key: KEY }));
  await closed;
  return { client, port, bytes };
}

/** As many copies of one exported connection, of which the last is unchanged. */
function copies(bytes, random, count) {
  const [{ travellers, peers }] = openAtOnce(bytes, KEY).batches;
  const plaintext = [Buffer.alloc(8)];
  plaintext[0].writeDoubleBE(Date.now());
  const randoms = travellers.indexOf(random);
  assert.notEqual(randoms, -1);
  const at = randoms + ASSOCIATION;
  for (let number = count - 1; number >= 0; number--) {
    const copy = Buffer.from(travellers);
    copy.writeUInt16BE((travellers.readUInt16BE(BEFORE_PORT) + number) % 0x1_0000 || 1, BEFORE_PORT);
    copy.writeUInt32BE((copy.readUInt32BE(at) + number) >>> 0, at);
    for (const piece of [copy, peers._bytes]) {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(piece.length);
      plaintext.push(length, Buffer.from(piece));
    }
  }
  return sealAtOnce(Buffer.from(KEY), plaintext);
}

async function manyConnections(t) {
  let random;
  const one = await exportedConnection(t, ({ session }) => {
    random = session.randbytes;
  });
  return { ...one, bytes: copies(one.bytes, random, MANY) };
}

function listen(t, server, port) {
  server.listen(port, HOST);
  t.after(() => new Promise((resolve) => server.close(resolve)));
  return event(server, 'listening');
}

describe('Imported connections', () => {
  test('are announced in turns, and counted from the beginning', async (t) => {
    const { port, bytes } = await manyConnections(t);
    const server = createServer(OPTIONS);
    const announced = [];
    server.on('secureConnection', () => announced.push(server.listening));
    assert.deepEqual(await server.importConnections(bytes, { key: KEY }), { imported: MANY, refused: 0 });
    assert.deepEqual([server.getConnections(), announced.length], [MANY, 0]);
    await listen(t, server, port);
    assert.deepEqual([server.getConnections(), announced.length], [MANY, 256]);
    for (let round = 0; round < 10 && announced.length < MANY; round++) await new Promise(setImmediate);
    assert.deepEqual([server.getConnections(), announced.length], [MANY, MANY]);
  });

  test('are announced to whoever looks at the sockets', async (t) => {
    const { port, bytes } = await manyConnections(t);
    const server = createServer(OPTIONS);
    await server.importConnections(bytes, { key: KEY });
    await listen(t, server, port);
    const looks = [];
    server.on('secureConnection', () => looks.push(Object.keys(server.sockets).length));
    assert.equal(Object.values(server.sockets).filter((socket) => socket.connected).length, MANY);
    assert.deepEqual([looks.length, looks[0], looks.at(-1)], [MANY, 1, MANY]);
  });

  test('are announced before their first message', async (t) => {
    const { client, port, bytes } = await manyConnections(t);
    const server = createServer(OPTIONS);
    await server.importConnections(bytes, { key: KEY });
    await listen(t, server, port);
    // Nobody listens, so none has a socket. It is the last of all.
    const received = new Promise((resolve) => {
      server.dgramSocket.prependOnceListener('message', () => {
        server.once('secureConnection', (socket) => resolve(messages(socket, 1)));
      });
    });
    client.write('first');
    assert.deepEqual(await received, ['first']);
    assert.equal(server.getConnections(), MANY);
  });

  test('get what comes between two turns', async (t) => {
    const { client, port, bytes } = await manyConnections(t);
    const udp = dgram.createSocket('udp4').bind(port, HOST);
    await event(udp, 'listening');
    client.write('between');
    const [datagram, remote] = await event(udp, 'message');
    await new Promise((resolve) => udp.close(resolve));
    const server = createServer(OPTIONS);
    let announced = 0;
    const received = new Promise((resolve) => {
      server.on('secureConnection', (socket) => {
        announced++;
        socket.once('data', (message) => resolve([message.toString(), socket.remotePort]));
      });
    });
    await listen(t, server, port);
    await server.importConnections(bytes, { key: KEY });
    assert.equal(announced, 256);
    server.inject(datagram, remote);
    assert.deepEqual(await received, ['between', client.localPort]);
  });

  test('are announced before their end', async (t) => {
    const { client, port, bytes } = await exportedConnection(t);
    const server = createServer(OPTIONS);
    await server.importConnections(bytes, { key: KEY });
    await listen(t, server, port);
    const events = [];
    const closed = new Promise((resolve) => {
      server.dgramSocket.prependOnceListener('message', () => {
        server.once('secureConnection', (socket) => {
          events.push('secureConnection');
          socket.resume().once('close', () => resolve([...events, 'close']));
        });
      });
    });
    client.end();
    assert.deepEqual(await closed, ['secureConnection', 'close']);
    assert.equal(server.getConnections(), 0);
  });

  test('go on elsewhere, announced or not', async (t) => {
    const { client, port, bytes } = await manyConnections(t);
    const first = createServer(OPTIONS);
    await first.importConnections(bytes, { key: KEY });
    await listen(t, first, port);
    const stream = first.exportConnections({ key: KEY });
    const closed = event(first, 'close');
    const again = await buffer(stream);
    await closed;
    assert.equal(stream.connections, MANY);
    const second = createServer(OPTIONS, (socket) => socket.on('data', (message) => socket.write(message)));
    assert.deepEqual(await second.importConnections(again, { key: KEY }), { imported: MANY, refused: 0 });
    await listen(t, second, port);
    const answer = messages(client, 1);
    client.write('twice');
    assert.deepEqual(await answer, ['twice']);
  });

  test('are told goodbye when the server closes, announced or not', async (t) => {
    const { client, port, bytes } = await exportedConnection(t);
    client.resume();
    const server = createServer(OPTIONS);
    await server.importConnections(bytes, { key: KEY });
    server.listen(port, HOST);
    await event(server, 'listening');
    const ended = event(client, 'end');
    await new Promise((resolve) => server.close(resolve));
    await ended;
    assert.equal(server.getConnections(), 0);
  });
});
