'use strict';

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { subscribe, unsubscribe } = require('node:diagnostics_channel');
const { test } = require('node:test');

const { openDevice } = require('../support/device.js');
const { BOB, HOST, connectedPair, event, messages, openClient, startServer } = require('../support/endpoints.js');
const { SAVED, inOlderVersion } = require('../support/older-version.js');

/** Collects the messages of these channels until the test ends. */
function watch(t, ...names) {
  const seen = [];
  for (const name of names) {
    const note = (message) => seen.push([name, message]);
    subscribe(`mbed-dtls:${name}`, note);
    t.after(() => unsubscribe(`mbed-dtls:${name}`, note));
  }
  return seen;
}

const HANDSHAKES = ['handshake:start', 'handshake:end', 'handshake:error', 'connection:closed'];

test('a handshake starts and ends on both sides, and the connection is closed', async (t) => {
  const seen = watch(t, ...HANDSHAKES);
  const { socket, client } = await connectedPair(t);
  client.end();
  await Promise.all([event(socket, 'close'), event(client, 'close')]);
  for (const side of [socket, client]) {
    const own = seen.filter(([, message]) => message.socket === side);
    assert.deepEqual(
      own.map(([name]) => name),
      ['handshake:start', 'handshake:end', 'connection:closed'],
    );
    const [, [, end], [, closed]] = own;
    assert.equal(end.duration, side.handshakeTime);
    assert.ok(end.duration > 0 && end.duration < 60_000, String(end.duration));
    assert.equal(end.cipher, side.getCipher().standardName);
    assert.equal(end.resumed, false);
    assert.equal(closed.hadError, false);
  }
});

test('a handshake that fails has its error', async (t) => {
  const seen = watch(t, ...HANDSHAKES);
  const server = await startServer(t);
  const client = openClient(t, server, { psk: 'another key', pskIdentity: 'bob' });
  const [[error], [own]] = await Promise.all([
    event(server, 'clientError'),
    event(client, 'error'),
    event(client, 'close'),
  ]);
  const errors = seen.filter(([name]) => name === 'handshake:error').map(([, message]) => message);
  assert.deepEqual(new Set(errors.map((message) => message.error)), new Set([error, own]));
  assert.equal(errors.find((message) => message.socket === client).error, own);
});

test('a handshake that never begins has its error', async (t) => {
  const seen = watch(t, ...HANDSHAKES);
  const lookup = (_host, _family, callback) => callback(new Error('no such host'));
  const client = openClient(t, { address: () => ({ port: 1 }) }, { ...BOB, host: 'nowhere.test', lookup });
  client.on('error', () => {});
  await event(client, 'close');
  assert.deepEqual(
    seen.map(([name]) => name),
    ['handshake:error', 'connection:closed'],
  );
});

test('what is dropped is told with its reason, as long as somebody has subscribed', async (t) => {
  const server = await startServer(t);
  const stranger = dgram.createSocket('udp4');
  t.after(() => stranger.close());
  const send = () => new Promise((resolve) => stranger.send('no record', server.address().port, HOST, resolve));
  const count = async (wanted) => {
    while (server.stats.drops.noRecord < wanted) await new Promise((resolve) => setTimeout(resolve, 2));
  };
  await send();
  await count(1);
  const seen = [];
  const note = (message) => seen.push(message);
  subscribe('mbed-dtls:dropped', note);
  await send();
  await count(2);
  unsubscribe('mbed-dtls:dropped', note);
  await send();
  await count(3);
  assert.deepEqual(seen, [{ server, address: HOST, port: stranger.address().port, reason: 'noRecord', count: 1 }]);
});

test('questions to the application are told with the time that they took', async (t) => {
  const seen = watch(t, 'question');
  const pskCallback = async (_socket, identity) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (identity === 'bob') return BOB.psk;
    throw new Error('the database is down');
  };
  const server = await startServer(t, { pskCallback });
  await event(openClient(t, server), 'secureConnect');
  const failed = event(server, 'clientError');
  openClient(t, server, { psk: 'x', pskIdentity: 'eve' }).on('error', () => {});
  await failed;
  const [[, bob], [, eve]] = seen;
  assert.equal(seen.length, 2);
  assert.deepEqual([bob.about, bob.outcome, bob.error], ['psk', 'answered', undefined]);
  assert.ok(bob.duration >= 15 && bob.duration < 10_000);
  assert.equal(bob.socket.pskIdentity.toString(), 'bob');
  assert.equal(eve.error.message, 'the database is down');
});

test('a connection that goes on from its saved session is told', async (t) => {
  inOlderVersion(t, SAVED);
  const seen = watch(t, 'connection:resumed');
  const { server, socket, client } = await connectedPair(t);
  const session = JSON.parse(JSON.stringify(socket.session));
  const { localPort } = client;
  socket.reset();
  await event(socket, 'close');
  assert.equal(server.resumeSocket({ address: HOST, port: localPort }, session), true);
  const [[name, message]] = seen;
  assert.deepEqual([name, message.from], ['connection:resumed', 'connection']);
  assert.equal(message.socket, server.sockets[`${HOST}:${localPort}`]);
});

test('a peer that moves is told with its old address', async (t) => {
  const seen = watch(t, 'connection:moved');
  const server = await startServer(t);
  const places = new Map();
  server.on('lookupKey', (id, callback) => callback(null, places.get(id)));
  const secured = event(server, 'secureConnection');
  const id = Buffer.from('device 1');
  const device = await openDevice(t, server.address().port, { id });
  const [socket] = await secured;
  const old = device.address;
  places.set(id.toString('hex'), old);
  await device.move();
  device.announce = true;
  const received = messages(socket, 1);
  device.client.write('from elsewhere');
  await received;
  const told = { socket, old: { ...old, family: 'IPv4' }, deviceId: id.toString('hex') };
  assert.deepEqual(seen, [['connection:moved', told]]);
});

test('without subscribers nothing is made', async (t) => {
  const { server, client } = await connectedPair(t);
  assert.equal(server._endpoint._watchesDrops, false);
  assert.equal(client._endpoint._watchesDrops, false);
});
