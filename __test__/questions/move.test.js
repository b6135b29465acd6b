'use strict';

// Devices whose address changes, announced by datagrams of content type 254.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { BOB, HOST, event, heardBy, messages, openClient, startServer } = require('../support/endpoints.js');
const { roam } = require('../load/moves.js');
const { Device, announcement, openDevice } = require('../support/device.js');

/** A server that finds devices in a table from id to address, which has the last address of each. */
async function startRoamingServer(t, lookUp) {
  const places = new Map();
  const asked = [];
  const server = await startServer(t, { psk: BOB.psk, ciphers: 'PSK-AES128-CCM8' });
  server.on('lookupKey', (id, callback) => {
    asked.push(id);
    if (lookUp === undefined) callback(null, places.get(id));
    else lookUp(id, callback, places);
  });
  return { server, places, asked };
}

async function openKnownDevice(t, { server, places }, name) {
  const id = Buffer.from(name);
  const announced = event(server, 'secureConnection');
  const device = await openDevice(t, server.address().port, { id });
  const [socket] = await announced;
  const hex = id.toString('hex');
  places.set(hex, { address: socket.remoteAddress, port: socket.remotePort });
  socket.on('ipChanged', () => places.set(hex, { address: socket.remoteAddress, port: socket.remotePort }));
  return { device, socket };
}

async function exchange(device, socket, text) {
  const received = messages(socket, 1);
  device.client.write(text);
  assert.deepEqual(await received, [text]);
}

describe('a device that has moved', () => {
  for (const [when, lookUp] of Object.entries({
    'at once': undefined,
    later: (id, callback, places) => setTimeout(() => callback(null, places.get(id)), 20),
    'by an async listener': (id, callback, places) => sleep(5).then(() => callback(null, places.get(id))),
  })) {
    test(`keeps its connection when lookupKey answers ${when}`, async (t) => {
      const world = await startRoamingServer(t, lookUp);
      const { device, socket } = await openKnownDevice(t, world, 'device 1');
      const old = device.address;
      await device.move();
      device.announce = true;

      const order = [];
      socket.on('ipChanged', (...args) => order.push(['ipChanged', ...args]));
      socket.on('data', (data) => {
        order.push(['data', data.toString()]);
        socket.write(`answer to ${data}`);
      });
      const answered = messages(device.client, 1);
      device.client.write('from elsewhere');
      assert.deepEqual(await answered, ['answer to from elsewhere']);

      const hex = Buffer.from('device 1').toString('hex');
      assert.deepEqual(order, [
        ['ipChanged', { ...old, family: 'IPv4', deviceId: hex }],
        ['data', 'from elsewhere'],
      ]);
      assert.deepEqual(world.asked, [hex]);
      assert.equal(socket.remotePort, device.address.port);
      assert.deepEqual(Object.keys(world.server.sockets), [`${HOST}:${device.address.port}`]);
      assert.equal(world.server.sockets[`${HOST}:${device.address.port}`], socket);
      assert.equal(world.server.getConnections(), 1);
      assert.equal(world.server.stats.connections, 1);
      assert.equal(world.server.stats.lookups, 0);

      // At its new address it need not announce itself again.
      device.announce = false;
      await exchange(device, socket, 'plain');
    });
  }

  test('leads to no question while it is still at its old address', async (t) => {
    const world = await startRoamingServer(t);
    const { device, socket } = await openKnownDevice(t, world, 'device');
    socket.on('ipChanged', () => assert.fail('it has not moved'));
    device.announce = true;
    await exchange(device, socket, 'still here');
    assert.deepEqual(world.asked, []);
  });

  test("is heard from its new address only when 'lookupKey' has a listener", async (t) => {
    const server = await startServer(t);
    const announced = event(server, 'secureConnection');
    const device = await openDevice(t, server.address().port);
    const [socket] = await announced;
    socket.on('data', () => assert.fail('nobody said where it was'));
    await device.move();
    device.announce = true;
    await heardBy(server, () => device.client.write('hello?'));
    assert.equal(server.stats.lookups, 0);
    assert.equal(server.stats.moves, 0);
  });

  test('can come back, and move to the old address of another device', async (t) => {
    const world = await startRoamingServer(t);
    const one = await openKnownDevice(t, world, 'one');
    const two = await openKnownDevice(t, world, 'two');
    for (const { device } of [one, two]) device.announce = true;
    await two.device.move();
    await exchange(two.device, two.socket, 'away');
    // This is the address, with its port, that the second device had.
    one.device.takeOver(two.device._discarded.at(-1));
    await exchange(one.device, one.socket, 'in its place');
    await exchange(two.device, two.socket, 'still away');
    assert.equal(world.server.getConnections(), 2);
    assert.deepEqual(Object.keys(world.server.sockets).length, 2);
  });

  test('can swap addresses with another device', async (t) => {
    const world = await startRoamingServer(t);
    const one = await openKnownDevice(t, world, 'one');
    const two = await openKnownDevice(t, world, 'two');
    Device.swap(one.device, two.device);
    for (const { device, socket } of [one, two]) {
      device.announce = true;
      await exchange(device, socket, `from ${device.id}`);
      device.announce = false;
      await exchange(device, socket, `again from ${device.id}`);
    }
    for (const { device, socket } of [one, two]) {
      assert.equal(world.server.sockets[`${HOST}:${device.address.port}`], socket);
      const received = messages(device.client, 1);
      socket.write(`to ${device.id}`);
      assert.deepEqual(await received, [`to ${device.id}`]);
    }
    assert.equal(world.server.getConnections(), 2);
    assert.equal(world.server.stats.connections, 2);
  });

  test('is heard from its old address without an announcement, and so takes back a move that was not its own', async (t) => {
    const world = await startRoamingServer(t);
    const { device, socket } = await openKnownDevice(t, world, 'device');
    const home = device._outside;
    const homePort = device.address.port;
    // The device's first record is sent by somebody else.
    await device.move();
    device.announce = true;
    await exchange(device, socket, 'stolen');
    const thiefPort = device.address.port;
    assert.equal(socket.remotePort, thiefPort);

    const changes = [];
    socket.on('ipChanged', (old) => changes.push(old));
    device.announce = false;
    device.takeOver(home);
    await exchange(device, socket, 'I am here');
    assert.equal(socket.remotePort, homePort);
    assert.deepEqual(changes, [{ address: HOST, family: 'IPv4', port: thiefPort, deviceId: undefined }]);
    assert.equal(world.asked.length, 1);
    const received = messages(device.client, 1);
    socket.write('for the device');
    assert.deepEqual(await received, ['for the device']);
  });

  test('leaves nothing behind when it closes', async (t) => {
    const world = await startRoamingServer(t);
    const { device, socket } = await openKnownDevice(t, world, 'device');
    await device.move();
    device.announce = true;
    await exchange(device, socket, 'from elsewhere');
    const closed = event(socket, 'close');
    device.client.end();
    await closed;
    assert.deepEqual(Object.keys(world.server.sockets), []);
    assert.equal(world.server.getConnections(), 0);
    assert.equal(world.server.stats.connections, 0);
  });
});

describe('a move is refused without effect', () => {
  const failure = new Error('database down');
  const wrong = {
    'an error': (_id, callback) => callback(failure),
    nothing: (_id, callback) => callback(),
    null: (_id, callback) => callback(null, null),
    'an address that is none': (_id, callback) => callback(null, { address: 'elsewhere', port: 5 }),
    'a port that is none': (_id, callback) => callback(null, { address: HOST, port: 65_536 }),
    'a number': (_id, callback) => callback(null, 5),
    'an address without connection': (_id, callback) => callback(null, { address: HOST, port: 9 }),
    'something that throws when it is looked at': (_id, callback) =>
      callback(null, {
        get address() {
          throw failure;
        },
      }),
    'an exception': () => {
      throw failure;
    },
    'a promise that is rejected': () => Promise.reject(failure),
  };
  for (const [title, lookUp] of Object.entries(wrong)) {
    test(`when lookupKey answers with ${title}`, async (t) => {
      const world = await startRoamingServer(t);
      const { device, socket } = await openKnownDevice(t, world, 'device');
      world.server.removeAllListeners('lookupKey').on('lookupKey', lookUp);
      socket.on('ipChanged', () => assert.fail('it moved'));
      const refusal = event(world.server, 'forceDeviceRehandshake');
      const home = device._outside;
      await device.move();
      device.announce = true;
      device.client.write('lost');
      const [remote, id] = await refusal;
      assert.deepEqual(remote, { ...device.address, family: 'IPv4' });
      assert.equal(id, Buffer.from('device').toString('hex'));
      assert.equal(world.server.stats.lookups, 0);

      device.announce = false;
      device.takeOver(home);
      await exchange(device, socket, 'home again');
    });
  }

  test('when the record is forged', async (t) => {
    const world = await startRoamingServer(t);
    const { device, socket } = await openKnownDevice(t, world, 'device');
    await exchange(device, socket, 'hello');
    const thief = await openDevice(t, world.server.address().port);
    const forged = Buffer.from(device.sent[0]);
    forged[forged.length - 1] ^= 1;
    const refusals = [event(world.server, 'forceDeviceRehandshake')];
    thief.sendRaw(announcement(forged, device.id));
    await Promise.all(refusals);
    // A true copy does not move it either, because the record is a replay.
    const second = event(world.server, 'forceDeviceRehandshake');
    thief.sendRaw(announcement(device.sent[0], device.id));
    await second;
    assert.equal(socket.remotePort, device.address.port);
    await exchange(device, socket, 'still mine');
  });

  test('when the answer comes twice, or after the server has closed', async (t) => {
    const callbacks = [];
    const world = await startRoamingServer(t, (id, callback, places) => {
      callbacks.push(callback);
      callback(null, places.get(id));
      callback(null, { address: HOST, port: 1 });
      callback(failure);
    });
    const { device, socket } = await openKnownDevice(t, world, 'device');
    await device.move();
    device.announce = true;
    await exchange(device, socket, 'moved once');
    world.server.removeAllListeners('lookupKey').on('lookupKey', (_id, callback) => callbacks.push(callback));
    await device.move();
    device.client.write('never answered');
    while (callbacks.length < 2) await sleep(1);
    await new Promise((resolve) => world.server.close(resolve));
    callbacks[1](null, device.address);
    await new Promise(setImmediate);
    const { moves, lookups, connections } = world.server.stats;
    assert.deepEqual({ moves, lookups, connections }, { moves: 1, lookups: 0, connections: 0 });
  });
});

test('100 devices that move at random are all found, and no other connection is (npm run soak: 1,000 for a minute)', async () => {
  const { messages: count, moves } = await roam({ devices: 100, rounds: 15, pause: 50 });
  assert(count >= 1_500, `${count} messages`);
  assert(moves > 500, `${moves} moves`);
});

test('malformed announcements lead to no question and end no connection', async (t) => {
  const world = await startRoamingServer(t);
  const { device, socket } = await openKnownDevice(t, world, 'device');
  const thief = await openDevice(t, world.server.address().port);
  await exchange(device, socket, 'hello');
  const whole = announcement(device.sent[0], device.id);
  const malformed = Array.from({ length: whole.length }, (_, length) => whole.subarray(0, length));
  malformed.push(Buffer.of(254), Buffer.of(254, 0), Buffer.of(254, 255), Buffer.alloc(300, 254), Buffer.of(254, 112));
  for (const length of [0, 1, 5, 7, 255]) malformed.push(Buffer.concat([whole.subarray(0, -1), Buffer.of(length)]));
  for (const datagram of malformed) thief.sendRaw(datagram);
  await exchange(device, socket, 'still here');
  await exchange(
    thief,
    Object.values(world.server.sockets).find((other) => other !== socket),
    'me too',
  );
  assert.deepEqual(world.asked, []);
  assert.equal(world.server.stats.lookups, 0);
});

test('unanswered questions are bounded and end by themselves', async (t) => {
  const server = await startServer(t, { psk: BOB.psk, maxAddressQuestions: 10, handshakeTimeout: 200 });
  let asked = 0;
  server.on('lookupKey', () => asked++);
  const announced = event(server, 'secureConnection');
  const device = await openDevice(t, server.address().port);
  const [socket] = await announced;
  await exchange(device, socket, 'hello');
  const strangers = await Promise.all(Array.from({ length: 20 }, () => new Device(0)._openOutside()));
  t.after(() => {
    for (const stranger of strangers) stranger.close();
  });
  for (const stranger of strangers) stranger.send(announcement(device.sent[0], device.id), server.address().port, HOST);
  while (asked < 10) await sleep(1);
  assert.equal(server.stats.lookups, 10);
  while (server.stats.lookups > 0) await sleep(10);
  // The others have waited as long as the first were open.
  assert(asked <= 20, `${asked} questions`);
  await event(openClient(t, server), 'secureConnect');
});
