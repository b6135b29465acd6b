'use strict';

// Many clients at once, many in a row, and floods of datagrams that are not DTLS.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const dgram = require('node:dgram');
const { once } = require('node:events');
const path = require('node:path');
const { test } = require('node:test');
const { promisify } = require('node:util');

const { HOST, event, messages, openClient, startServer } = require('../support/endpoints.js');

const CIPHER = 'PSK-AES128-CCM8';
const KEY = 'a key that many know';

test('40 clients at once with the longest identities: each is asked about by all of its name', async (t) => {
  const identities = Array.from({ length: 40 }, (_, number) => String(number).padEnd(256, 'x'));
  const asked = [];
  const pskCallback = (_socket, identity) => {
    asked.push(String(identity));
    return KEY;
  };
  const server = await startServer(t, { pskCallback, maxHandshakesPerAddress: 40 });
  const clients = identities.map((pskIdentity) => openClient(t, server, { psk: KEY, pskIdentity }));
  await Promise.all(clients.map((client) => event(client, 'secureConnect')));
  assert.deepEqual([...asked].sort(), [...identities].sort());
});

test('200 clients at once: a look-up that is not answered delays nobody else', async (t) => {
  let answerSlow;
  const slowAnswer = new Promise((resolve) => {
    answerSlow = () => resolve(KEY);
  });
  const pskCallback = (_socket, identity) => (identity === 'slow' ? slowAnswer : Promise.resolve(KEY));
  // They all come from one address.
  const limits = { maxHandshakesPerAddress: 200 };
  const server = await startServer(t, { pskCallback, ciphers: CIPHER, ...limits }, (socket) => {
    socket.on('data', (message) => socket.write(message));
  });
  const talk = async (pskIdentity) => {
    const client = openClient(t, server, { psk: KEY, pskIdentity, ciphers: CIPHER });
    const echoed = messages(client, 1);
    client.write(pskIdentity);
    assert.deepEqual(await echoed, [pskIdentity]);
    client.end();
    await event(client, 'close');
    return pskIdentity;
  };
  const slow = talk('slow');
  const others = Promise.all(Array.from({ length: 199 }, (_, number) => talk(`device ${number}`)));
  // If one of the others waited for the slow one, neither would ever be done.
  assert.notEqual(await Promise.race([slow, others]), 'slow');
  answerSlow();
  assert.equal(await slow, 'slow');
});

test('5,000 connections in a row: nothing is left, and the process ends by itself', async () => {
  const script = path.join(__dirname, '..', 'load', 'sequence.js');
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, '5000']);
  const { before, after, connections, handshakes, lookups, handshakesCompleted } = JSON.parse(stdout);
  assert.deepEqual({ connections, handshakes, lookups }, { connections: 0, handshakes: 0, lookups: 0 });
  assert.equal(handshakesCompleted, 5_000);
  // There were 4,000 connections between the two measurements. Each one that stayed would cost 6 KB.
  const MEGABYTE = 1024 * 1024;
  assert(after.heap - before.heap < 2 * MEGABYTE, `heap: ${before.heap} -> ${after.heap}`);
  assert(after.rss - before.rss < 16 * MEGABYTE, `resident: ${before.rss} -> ${after.rss}`);
});

test('100,000 hellos without cookie and 20,000 garbage datagrams leave nothing, and 50 of 50 honest clients connect', async (t) => {
  const events = [];
  const server = await startServer(t, { psk: KEY, ciphers: CIPHER });
  for (const name of ['connection', 'clientError', 'error']) server.on(name, () => events.push(name));
  const hello = await recordedHello(t);

  // A first flood makes the process allocate what it needs for any flood.
  await flood(server, [hello], 10, 1_000);
  const before = process.memoryUsage.rss();
  await flood(server, [hello], 1_000, 100_000);
  await flood(server, garbage(), 20, 20_000);
  const grown = process.memoryUsage.rss() - before;

  const { connections, handshakes, handshakesStarted, helloVerifyRequestsSent, datagramsDropped } = server.stats;
  assert.deepEqual(
    { connections, handshakes, handshakesStarted },
    { connections: 0, handshakes: 0, handshakesStarted: 0 },
  );
  assert.deepEqual(events, []);
  // UDP may lose some; what arrived was answered or dropped.
  assert(helloVerifyRequestsSent > 80_000, `${helloVerifyRequestsSent} hellos were answered`);
  assert(datagramsDropped > 16_000, `${datagramsDropped} datagrams were dropped`);
  assert(grown < 48 * 1024 * 1024, `the process grew by ${grown} bytes`);

  const secure = Array.from({ length: 50 }, () => {
    const client = openClient(t, server, { psk: KEY, pskIdentity: 'honest', ciphers: CIPHER });
    return event(client, 'secureConnect');
  });
  await Promise.all(secure);
  assert.equal(server.stats.handshakesCompleted, 50);
});

/** The first datagram of a client. */
async function recordedHello(t) {
  const listener = dgram.createSocket('udp4');
  listener.bind(0, HOST);
  await once(listener, 'listening');
  const client = openClient(t, listener, { psk: KEY, pskIdentity: 'recorded', ciphers: CIPHER });
  const [hello] = await once(listener, 'message');
  client.destroy();
  listener.close();
  return hello;
}

/** Sends `count` datagrams from sockets at as many addresses of 127.0.0.0/8, no faster than the server reads. */
async function flood(server, datagrams, sockets, count) {
  const { port } = server.address();
  const start = server.stats.datagramsReceived;
  const perSocket = count / sockets;
  for (let number = 0; number < sockets; number++) {
    const socket = dgram.createSocket('udp4');
    // Some systems have one loopback address only. There, different ports have to do.
    const address = process.platform === 'linux' ? `127.1.${number >> 8}.${number & 255 || 255}` : HOST;
    socket.bind(0, address);
    await once(socket, 'listening');
    for (let sent = 0; sent < perSocket; sent++) socket.send(datagrams[sent % datagrams.length], port, HOST);
    const expected = start + (number + 1) * perSocket;
    for (let turn = 0; turn < 200 && server.stats.datagramsReceived < expected; turn++) await new Promise(setImmediate);
    socket.close();
  }
}

function garbage() {
  const kinds = [Buffer.alloc(0), Buffer.from([22]), Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(1_400, 0xff)];
  for (const type of [20, 21, 22, 23, 25, 254]) {
    for (const epoch of [0, 1]) kinds.push(Buffer.from([type, 254, 253, 0, epoch, 0, 0, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4]));
  }
  return kinds;
}
