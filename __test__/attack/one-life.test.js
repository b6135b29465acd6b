'use strict';

// An association lives once: restoring a saved copy beside the live connection does not let anything be heard twice.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { BOB, startServer } = require('../support/endpoints.js');
const { Address, elsewhere } = require('./engine/address.js');
const { Client, announcement } = require('./engine/client.js');

const NAME = Buffer.from('device');
const QUIET = 150;

/**
 * A server with a store, as docs/migrating.md shows one: the copy of a device's connection is the one that was made when
 * it came, and is found by the address that it had then.
 */
async function startService(t) {
  const server = await startServer(t, { psk: { bob: BOB.psk } });
  const service = {
    server,
    port: server.address().port,
    /** 'address:port' -> session */
    copies: new Map(),
    /** Where the device is, as its application knows. */
    place: null,
    heard: [],
    closed: 0,
    /** Answers 'lookupKey' at once, or whenever the test says. */
    answerMove: (callback) => callback(null, service.place),
  };
  server.on('secureConnection', (socket) => {
    socket.on('data', (data) => service.heard.push(data.toString()));
    socket.on('close', () => service.closed++);
    socket.on('error', () => {});
    socket.on('ipChanged', () => {
      service.place = { address: socket.remoteAddress, port: socket.remotePort };
    });
  });
  server.on('resumeSession', (key, _socket, callback) => callback(null, service.copies.get(key)));
  server.on('lookupKey', (_id, callback) => service.answerMove(callback));
  return service;
}

/** A device whose connection is open, and of which the application keeps a copy. */
async function openDevice(t, service) {
  const home = await Address.open(t);
  const client = await home.handshake(service.port, new Client());
  const key = `${home.host}:${home.port}`;
  while (service.server.getConnections() === 0) await sleep(1);
  service.place = { address: home.host, port: home.port };
  service.copies.set(key, service.server.sockets[key].session);
  return { home, client, key };
}

function times(heard, text) {
  return heard.filter((each) => each === text).length;
}

async function untilHeard(service, text) {
  for (let tries = 0; times(service.heard, text) === 0; tries++) {
    assert(tries < 200, `${text} was not heard; heard: ${service.heard}`);
    await sleep(10);
  }
}

/** A device that has moved, and the last record that it has sent from its new address. */
async function movedDevice(t, service) {
  const device = await openDevice(t, service);
  const away = await Address.open(t);
  away.send(announcement(device.client.data('I have moved'), NAME), service.port);
  await untilHeard(service, 'I have moved');
  const record = device.client.data('transfer 100');
  away.send(record, service.port);
  await untilHeard(service, 'transfer 100');
  return { ...device, away, record };
}

/** The device is still heard where it is, and has one connection. */
async function assertOneLife(service, { client, away }) {
  away.send(client.data('still here'), service.port);
  await untilHeard(service, 'still here');
  await sleep(QUIET);
  assert.equal(times(service.heard, 'still here'), 1);
  assert.equal(service.server.getConnections(), 1);
}

describe('what was heard from the new address of a device is not heard again when it is replayed from the old one', () => {
  test('which the store finds a copy of the connection for', async (t) => {
    const service = await startService(t);
    const device = await movedDevice(t, service);
    device.home.send(device.record, service.port);
    await sleep(QUIET);
    assert.equal(times(service.heard, 'transfer 100'), 1);
    await assertOneLife(service, device);
  });

  test('and the connection, itself restored from that copy, does not end by it', async (t) => {
    const first = await startService(t);
    const { home, client, key } = await openDevice(t, first);
    const service = await startService(t);
    service.copies.set(key, first.copies.get(key));
    service.place = first.place;
    // A record from its address restores it; then it moves.
    home.send(client.data('after the restart'), service.port);
    await untilHeard(service, 'after the restart');
    const away = await Address.open(t);
    away.send(announcement(client.data('I have moved'), NAME), service.port);
    await untilHeard(service, 'I have moved');
    const record = client.data('transfer 100');
    away.send(record, service.port);
    await untilHeard(service, 'transfer 100');

    home.send(record, service.port);
    await sleep(QUIET);
    assert.equal(times(service.heard, 'transfer 100'), 1);
    assert.equal(service.closed, 0);
    await assertOneLife(service, { client, away });
  });

  test('when the application itself restores the copy there', async (t) => {
    const service = await startService(t);
    const device = await movedDevice(t, service);
    const address = { address: device.home.host, port: device.home.port };
    service.server.resumeSocket(address, service.copies.get(device.key));
    device.home.send(device.record, service.port);
    await sleep(QUIET);
    assert.equal(times(service.heard, 'transfer 100'), 1);
    assert.equal(service.server.getConnections(), 1);
  });
});

test('who copies a device’s announcement to an address of its own while the application looks it up opens nothing', async (t) => {
  const service = await startService(t);
  const { client } = await openDevice(t, service);
  const questions = [];
  service.answerMove = (callback) => questions.push(callback);
  const [away, attacker] = [await Address.open(t), await Address.open(t, elsewhere())];
  const datagram = announcement(client.data('I have moved'), NAME);
  away.send(datagram, service.port);
  attacker.send(datagram, service.port);
  for (let tries = 0; questions.length < 1 || (questions.length < 2 && tries < 20); tries++) await sleep(10);
  const { place } = service;
  for (const callback of questions) callback(null, place);
  await untilHeard(service, 'I have moved');
  await sleep(QUIET);
  assert.equal(times(service.heard, 'I have moved'), 1);
  assert.equal(service.server.getConnections(), 1);
});

test('a copy that is restored at two addresses lives once', async (t) => {
  const first = await startService(t);
  const { home, client, key } = await openDevice(t, first);
  const service = await startService(t);
  const record = client.data('transfer 100');
  const away = await Address.open(t);
  for (const address of [home, away]) {
    service.copies.set(`${address.host}:${address.port}`, first.copies.get(key));
    address.send(record, service.port);
    await sleep(QUIET);
  }
  assert.equal(times(service.heard, 'transfer 100'), 1);
  assert.equal(service.server.getConnections(), 1);
  assert.equal(service.closed, 0);
});

test('a copy that lives moves to where a newer record of it comes from, whatever the store finds there', async (t) => {
  const first = await startService(t);
  const { home, client, key } = await openDevice(t, first);
  const service = await startService(t);
  const away = await Address.open(t);
  for (const address of [home, away]) {
    service.copies.set(`${address.host}:${address.port}`, first.copies.get(key));
    const text = `from port ${address.port}`;
    address.send(client.data(text), service.port);
    await untilHeard(service, text);
  }
  await sleep(QUIET);
  assert.equal(service.server.getConnections(), 1);
  assert.equal(service.closed, 0, 'the connection that was there has gone on');
  assert.deepEqual(Object.keys(service.server.sockets), [`${away.host}:${away.port}`]);
});
