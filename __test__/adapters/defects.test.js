'use strict';

// Defects of node-mbed-dtls and its forks that this package does not have. Elsewhere: nonces after a stale copy was
// restored, replays after a restart, and broken saved sessions are in ../questions/restore.test.js; malformed
// announcements of a move in ../questions/move.test.js; resumption by session id in ../interop/resumption.test.js.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const dgram = require('node:dgram');
const path = require('node:path');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { promisify } = require('node:util');

const { connect, createServer } = require('../..');
const {
  BOB,
  HOST,
  connectedPair,
  event,
  heardBy,
  messages,
  openClient,
  startServer,
} = require('../support/endpoints.js');
const { openDevice } = require('../support/device.js');

/** A device, and the server's socket for it. */
async function deviceWithSocket(t, server) {
  const secure = event(server, 'secureConnection');
  const device = await openDevice(t, server.address().port);
  const [socket] = await secure;
  return { device, socket };
}

describe('a device that has moved', () => {
  test('and closes does not end the connection that is at its old address now', async (t) => {
    const server = await startServer(t);
    const moved = await deviceWithSocket(t, server);
    const place = { address: moved.socket.remoteAddress, port: moved.socket.remotePort };
    server.on('lookupKey', (_id, callback) => callback(null, place));
    const oldOutside = moved.device._outside;
    await moved.device.move();
    moved.device.announce = true;
    const received = messages(moved.socket, 1);
    moved.device.client.write('moved');
    await received;

    const secure = event(server, 'secureConnection');
    oldOutside.removeAllListeners('message');
    const heir = openClient(t, server, { ...BOB, socket: oldOutside });
    const [socket] = await secure;
    assert.equal(socket.remotePort, place.port);

    const closed = event(moved.socket, 'close');
    moved.device.client.end();
    await closed;
    assert.deepEqual(Object.values(server.sockets), [socket]);
    assert.equal(server.getConnections(), 1);
    const echoed = messages(socket, 1);
    heir.write('still here');
    assert.deepEqual(await echoed, ['still here']);
    heir.end();
    await event(heir, 'close');
  });

  test('is not shut out for ever when there was no answer, or the answer failed', async (t) => {
    const server = await startServer(t);
    const { device, socket } = await deviceWithSocket(t, server);
    const place = { address: socket.remoteAddress, port: socket.remotePort };
    await device.move();
    device.announce = true;
    await heardBy(server, () => device.client.write('nobody listens'));
    const refused = event(server, 'forceDeviceRehandshake');
    server.once('lookupKey', (_id, callback) => callback(new Error('database down')));
    device.client.write('the answer fails');
    await refused;
    server.on('lookupKey', (_id, callback) => callback(null, place));
    const received = messages(socket, 1);
    device.client.write('and now');
    assert.deepEqual(await received, ['and now']);
  });

  test("hears what is written in 'data' at its new address", async (t) => {
    const server = await startServer(t);
    const { device, socket } = await deviceWithSocket(t, server);
    server.on('lookupKey', (_id, callback) => callback(null, { address: HOST, port: socket.remotePort }));
    socket.on('data', (data) => socket.write(`you said ${data}`));
    await device.move();
    device.announce = true;
    const answered = messages(device.client, 1);
    device.client.write('hello');
    assert.deepEqual(await answered, ['you said hello']);
  });
});

test('publicKey with PSK is empty, and session before the end of the handshake undefined: no crash', async (t) => {
  const server = await startServer(t);
  const seen = [];
  server.on('connection', ({ session, publicKey, publicKeyPEM }) => seen.push(session, publicKey, publicKeyPEM));
  const secure = event(server, 'secureConnection');
  const client = openClient(t, server);
  seen.push(client.session, client.publicKey);
  const [socket] = await secure;
  assert.deepEqual(seen, [undefined, Buffer.alloc(0), undefined, Buffer.alloc(0), Buffer.alloc(0)]);
  assert.deepEqual([socket.publicKey.length, socket.publicKeyPEM.length], [0, 0]);
});

test("'error' comes when there can be a listener", async () => {
  const client = connect({ host: 'no-such-host.invalid', port: 5684, psk: 'a', pskIdentity: 'b' });
  assert((await event(client, 'error'))[0] instanceof Error);
});

test('a given UDP socket is not closed', async (t) => {
  const server = await startServer(t);
  const udp = dgram.createSocket('udp4').bind(0, HOST);
  t.after(() => udp.close());
  await event(udp, 'listening');
  const client = openClient(t, server, { ...BOB, socket: udp });
  await event(client, 'secureConnect');
  client.end();
  await event(client, 'close');
  assert.equal(udp.address().address, HOST);
});

test('keys have up to 64 bytes, any of them 0', async (t) => {
  for (const psk of [Buffer.alloc(17, 1), Buffer.alloc(64, 2), Buffer.from([1, 0, 2])]) {
    const server = await startServer(t, { identityPskCallback: () => psk });
    await event(openClient(t, server, { ...BOB, psk }), 'secureConnect');
    const other = Buffer.from(psk);
    other[other.length - 1]++;
    const refused = event(server, 'clientError');
    openClient(t, server, { ...BOB, psk: other }).on('error', () => {});
    await refused;
  }
});

test('a long message is one message, and does not shift the next one', async (t) => {
  const { socket, client } = await connectedPair(t);
  const lengths = [1, 1023, 1024, 1025, 1100, 1280, 1400, 9000, 16_384, 2];
  const received = [];
  const all = new Promise((resolve) => {
    socket.on('data', (data) => received.push(data.length) === lengths.length && resolve());
  });
  for (const length of lengths) client.write(Buffer.alloc(length, length));
  await all;
  assert.deepEqual(received, lengths);
});

test('a datagram whose bytes are overwritten after it was taken loses nothing', async (t) => {
  // The fork kept a pointer into the datagram, and read records from it later.
  const answers = [];
  const pskCallback = (_socket, _identity, callback) => void answers.push(() => callback(null, BOB.psk));
  const [serverUdp, clientUdp] = [dgram.createSocket('udp4'), dgram.createSocket('udp4')];
  const server = createServer({ pskCallback, socket: serverUdp });
  server.listen(0, HOST);
  t.after(() => server.close());
  await event(server, 'listening');
  clientUdp.bind(0, HOST);
  t.after(() => clientUdp.close());
  await event(clientUdp, 'listening');
  const client = openClient(t, server, { ...BOB, socket: clientUdp });
  // This listener is the last.
  for (const udp of [serverUdp, clientUdp])
    process.nextTick(() => udp.on('message', (datagram) => datagram.fill(0xee)));

  const secure = event(server, 'secureConnection');
  while (answers.length === 0) await sleep(1);
  // The rest of the client's flight is held meanwhile.
  await sleep(50);
  assert.equal(server.stats.handshakesCompleted, 0);
  answers[0]();
  const [socket] = await secure;
  const before = server.stats.datagramsReceived;
  for (let number = 0; number < 5; number++) client.write(`message ${number}`);
  // Nothing is read until all datagrams have come and have been overwritten.
  while (server.stats.datagramsReceived < before + 5) await sleep(1);
  await sleep(1);
  assert.deepEqual(
    await messages(socket, 5),
    [0, 1, 2, 3, 4].map((number) => `message ${number}`),
  );
  const heard = messages(client, 1);
  socket.write('and back');
  assert.deepEqual(await heard, ['and back']);
});

test('server.close() closes once, and the event loop goes on', async (t) => {
  const { server } = await connectedPair(t);
  const closes = t.mock.fn();
  server.on('close', closes);
  await new Promise((resolve) => server.close(resolve));
  await sleep(5);
  assert.equal(closes.mock.callCount(), 1);
});

test("listen()'s callback is called in every form", async () => {
  const forms = [[0], [0, HOST], [{ port: 0 }], [{ port: 0, address: HOST }], []];
  for (const form of forms) {
    const server = createServer({ psk: 'secret' });
    await new Promise((resolve) => server.listen(...form, resolve));
    await new Promise((resolve) => server.close(resolve));
  }
});

test("a client's 'close' comes once, with hadError", async (t) => {
  const { client } = await connectedPair(t);
  const closes = [];
  client.on('close', (...args) => closes.push(args));
  client.end();
  await event(client, 'close');
  await sleep(5);
  assert.deepEqual(closes, [[false]]);
});

test('end() right after write() sends both', async (t) => {
  const { socket, client } = await connectedPair(t);
  const received = messages(socket, 1);
  const ended = event(socket, 'end');
  client.write('last words');
  client.end();
  assert.deepEqual(await received, ['last words']);
  await ended;
});

test('a client drops what is repeated or forged, and goes on', async (t) => {
  const server = await startServer(t);
  const { device, socket } = await deviceWithSocket(t, server);
  const answers = [];
  device.onAnswer = (datagram) => answers.push(Buffer.from(datagram));
  const heard = messages(device.client, 2);
  socket.write('one');
  while (answers.length === 0) await sleep(1);
  const forged = Buffer.from(answers[0]);
  forged[forged.length - 1] ^= 1;
  device._deliver(answers[0]);
  device._deliver(forged);
  socket.write('two');
  assert.deepEqual(await heard, ['one', 'two']);
});

test("a new handshake from a live address is told to the old socket, whose listeners hear 'close'", async (t) => {
  const server = await startServer(t);
  const udp = dgram.createSocket('udp4').bind(0, HOST);
  t.after(() => udp.close());
  await event(udp, 'listening');
  const order = [];
  server.on('connection', () => order.push('connection'));
  server.on('secureConnection', () => order.push('secureConnection'));
  const first = openClient(t, server, { ...BOB, socket: udp, sendClose: false });
  const [old] = await event(server, 'secureConnection');
  first.destroy();
  await event(first, 'close');
  const reconnected = event(old, 'reconnect').then(([socket]) => {
    order.push('reconnect seen');
    return socket;
  });
  const closed = event(old.resume(), 'close');
  const secure = event(server, 'secureConnection');
  openClient(t, server, { ...BOB, socket: udp });
  assert.equal(await reconnected, (await secure)[0]);
  assert.deepEqual(await closed, [false]);
  assert.notEqual(await reconnected, old);
  assert.deepEqual(order.slice(0, 4), ['connection', 'secureConnection', 'connection', 'secureConnection']);
});

test('a failed look-up of a move is not an unhandled rejection', async () => {
  const source = `
    const { createServer } = require(process.argv[1]);
    const { openDevice } = require(process.argv[2]);
    const undo = [];
    const server = createServer({ psk: 'secret of bob' }).listen(0, '127.0.0.1', async () => {
      server.on('lookupKey', async () => { throw new Error('database down'); });
      server.on('resumeSession', async () => { throw new Error('database down'); });
      server.on('clientError', () => console.log('clientError'));
      server.on('forceDeviceRehandshake', () => {
        console.log('refused');
        server.close();
        for (const step of undo) step();
      });
      const device = await openDevice({ after: (step) => undo.push(step) }, server.address().port);
      await device.move();
      device.announce = true;
      device.client.write('hello');
    });`;
  const device = path.join(__dirname, '..', 'support', 'device.js');
  const root = path.join(__dirname, '..', '..');
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', source, root, device], { timeout: 10_000 });
  assert.equal(stdout, 'refused\n');
});
