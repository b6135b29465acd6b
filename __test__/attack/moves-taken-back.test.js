'use strict';

// A move can be taken back: who sends a device's record before the device does has the connection for no longer than until
// the device speaks again.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { BOB, event, startServer } = require('../support/endpoints.js');
const { Address, elsewhere } = require('./engine/address.js');
const { Client, announcement } = require('./engine/client.js');

const NAME = Buffer.from('device');
const QUIET = 150;

/** Connections that one address may have before one of them has to go. */
const CONNECTIONS_PER_ADDRESS = 16;

const placeOf = ({ host, port }) => ({ address: host, port });

/** A server that knows where each device is, by name. */
async function startService(t, psk = { bob: BOB.psk }) {
  const server = await startServer(t, { psk });
  const places = new Map();
  server.on('lookupKey', (id, callback) => callback(null, places.get(id)));
  return { server, port: server.address().port, places };
}

/** A device with an open connection whose socket, on the server's side, echoes what it hears. */
async function openDevice(t, { server, port, places }, { name = NAME, ...options } = {}) {
  const secured = event(server, 'secureConnection');
  const home = await Address.open(t);
  const client = await home.handshake(port, new Client(options));
  const [socket] = await secured;
  const id = name.toString('hex');
  places.set(id, placeOf(home));
  const device = { home, client, socket, name, moves: [], heard: [], closed: false };
  socket.on('ipChanged', (old) => {
    device.moves.push({ from: old.port, to: socket.remotePort });
    places.set(id, { address: socket.remoteAddress, port: socket.remotePort });
  });
  socket.on('data', (data) => {
    device.heard.push(data.toString());
    socket.write(`echo ${data}`);
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    device.closed = true;
  });
  return device;
}

/** The device's next record, which the attacker has seen and sends first, with the device's name behind it. */
async function steal(t, service, device, host = 1) {
  const thief = await Address.open(t, elsewhere(host));
  const record = device.client.data('seen on its way');
  thief.send(announcement(record, device.name), service.port);
  for (let tries = 0; device.heard.length === 0 && tries < 50; tries++) await sleep(10);
  device.home.send(record, service.port);
  await sleep(QUIET);
  return thief;
}

async function assertAnswered(service, device, text) {
  device.home.send(device.client.data(text), service.port);
  await device.home.listen(device.client, () => device.client.received.includes(`echo ${text}`), 'answer');
}

describe('who sends a record of a device first, as from an address to which it has moved', () => {
  test('loses the connection with the next record that the device sends from where it is', async (t) => {
    const service = await startService(t);
    const device = await openDevice(t, service);
    const thief = await steal(t, service, device);
    await assertAnswered(service, device, 'I am here');
    assert.equal(device.socket.remotePort, device.home.port);
    // What is sent from now on reaches the device, and nobody else.
    await thief.rest(0);
    device.socket.write('for the device');
    await device.home.listen(device.client, () => device.client.received.includes('for the device'), 'message');
    assert.deepEqual(await thief.rest(QUIET), []);
    assert.equal(service.server.getConnections(), 1);
  });

  test('is named in the events of both moves', async (t) => {
    const service = await startService(t);
    const device = await openDevice(t, service);
    const thief = await steal(t, service, device);
    await assertAnswered(service, device, 'I am here');
    const [home, away] = [device.home.port, thief.port];
    assert.deepEqual(device.moves, [
      { from: home, to: away },
      { from: away, to: home },
    ]);
  });

  test('cannot take it again and again: each time the device comes back', async (t) => {
    const service = await startService(t);
    const device = await openDevice(t, service);
    for (let round = 0; round < 5; round++) {
      device.heard.length = 0;
      await steal(t, service, device, 1 + round);
      await assertAnswered(service, device, `I am here, round ${round}`);
    }
    assert.equal(service.server.getConnections(), 1);
    assert.equal(device.closed, false);
  });

  test('cannot bring it back by an old record from the old address', async (t) => {
    const service = await startService(t);
    const device = await openDevice(t, service);
    const old = device.client.data('old');
    device.home.send(old, service.port);
    await device.home.listen(device.client, () => device.client.received.includes('echo old'), 'echo');
    // A true move, this time.
    const away = await Address.open(t);
    away.send(announcement(device.client.data('I have moved'), device.name), service.port);
    await away.listen(device.client, () => device.client.received.includes('echo I have moved'), 'echo');
    device.home.send(old, service.port);
    await sleep(QUIET);
    assert.equal(device.socket.remotePort, away.port);
    assert.deepEqual(device.heard, ['old', 'I have moved']);
  });
});

test(`${CONNECTIONS_PER_ADDRESS + 2} insiders who move to the address of a silent device do not push it out`, async (t) => {
  const count = CONNECTIONS_PER_ADDRESS + 2;
  const insiders = Array.from({ length: count }, (_, index) => `insider ${index}`);
  const psk = Object.fromEntries(['bob', ...insiders].map((identity) => [identity, BOB.psk]));
  const service = await startService(t, psk);
  const device = await openDevice(t, service);
  for (const identity of insiders) {
    const insider = await openDevice(t, service, { name: Buffer.from(identity), identity });
    // The device's address, which an insider forges.
    device.home.send(announcement(insider.client.data('I have moved'), insider.name), service.port);
    await sleep(5);
  }
  await sleep(QUIET);
  await device.home.rest(0);
  assert.equal(device.closed, false);
  await assertAnswered(service, device, 'I was silent');
});
