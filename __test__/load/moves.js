'use strict';

// Many devices that move at random between addresses, also to an address that another device has just left, where the
// server still believes it to be. Every message must reach the socket of its device, and every answer its device, and
// the tables must hold exactly the live devices.
//
//   node __test__/load/moves.js [SECONDS] [DEVICES]      (npm run soak)

const assert = require('node:assert/strict');
const { once } = require('node:events');
const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');

const { connect, createServer } = require('../..');
const { announcement } = require('../support/device.js');
const { HOST, Radio, openPlace } = require('../support/radio.js');

const APPLICATION_DATA = 23;
const KEY = 'a key that many know';
const CIPHER = 'PSK-AES128-CCM8';

/** How long a device waits for an answer, ms. */
const PATIENCE = 20_000;

/** How many handshakes are under way at a time. */
const BATCH = 50;

/** One that announces the device with each payload, once it has moved. */
class AnnouncingRadio extends Radio {
  constructor(id, port, place) {
    super(port, place);
    this.id = id;
    this.announces = false;
  }

  send(datagram, port, host, callback) {
    const isData = this.announces && datagram[0] === APPLICATION_DATA;
    super.send(isData ? announcement(datagram, this.id) : datagram, port, host, callback);
  }
}

class Device {
  constructor(number, port, place) {
    this.name = `device ${number}`;
    this.radio = new AnnouncingRadio(Buffer.from(this.name), port, place);
    this.client = connect({
      host: HOST,
      port,
      socket: this.radio,
      psk: KEY,
      pskIdentity: this.name,
      ciphers: CIPHER,
      handshakeTimeoutMin: 5_000,
    });
    this.sent = 0;
  }

  /** One message, and its answer. */
  async ask() {
    const message = `${this.name}/${this.sent++}`;
    const signal = AbortSignal.timeout(PATIENCE);
    const answered = once(this.client, 'data', { signal }).catch((error) => {
      throw new Error(`${message} was not answered`, { cause: error });
    });
    this.client.write(message);
    assert.equal((await answered)[0].toString(), `answer to ${message}`);
  }
}

async function startServer(places) {
  const server = createServer({
    psk: KEY,
    ciphers: CIPHER,
    maxHandshakes: 10_000,
    maxHandshakesPerAddress: 10_000,
    maxAddressQuestions: 10_000,
    addressQuestionsPerSecond: 100_000,
  });
  server.wrong = [];
  server.moves = 0;
  server.on('lookupKey', (id, callback) => {
    const name = Buffer.from(id, 'hex').toString();
    if (Math.random() < 0.5) callback(null, places.get(name));
    else setTimeout(() => callback(null, places.get(name)), Math.random() * 5);
  });
  server.on('secureConnection', (socket) => {
    const name = socket.pskIdentity.toString();
    const note = () => places.set(name, { address: socket.remoteAddress, port: socket.remotePort });
    note();
    socket.on('ipChanged', () => {
      server.moves++;
      note();
    });
    socket.on('data', (message) => {
      if (!message.toString().startsWith(`${name}/`)) server.wrong.push(`${message} reached ${name}`);
      socket.write(`answer to ${message}`);
    });
    socket.on('close', () => places.delete(name));
  });
  server.on('clientError', (error) => server.wrong.push(error.message));
  server.listen(0, HOST);
  await once(server, 'listening');
  return server;
}

/**
 * @param {{ devices: number, milliseconds?: number, rounds?: number, pause: number }} load either how long the devices
 *   roam, or how many messages each of them sends; `pause`: the longest that a device waits before its next one, ms
 * @returns {Promise<{ messages: number, moves: number }>}
 */
async function roam({ devices: count, milliseconds = Infinity, rounds = Infinity, pause }) {
  const table = new Map();
  const server = await startServer(table);
  const { port } = server.address();
  const places = await Promise.all(Array.from({ length: Math.ceil(count * 1.2) }, openPlace));
  const anywhere = () => {
    for (;;) {
      const place = places[Math.floor(Math.random() * places.length)];
      if (place.guest === null) return place;
    }
  };
  const devices = [];
  while (devices.length < count) {
    const batch = Array.from({ length: Math.min(BATCH, count - devices.length) }, (_, index) => {
      const number = devices.length + index;
      return new Device(number, port, places[number]);
    });
    await Promise.all(batch.map(({ client }) => once(client, 'secureConnect')));
    devices.push(...batch);
  }

  const end = Date.now() + milliseconds;
  const live = async (device) => {
    device.radio.announces = true;
    for (let round = 0; round < rounds && Date.now() < end; round++) {
      if (Math.random() < 0.67) device.radio.moveTo(anywhere());
      await device.ask();
      await sleep(Math.random() * pause);
    }
  };
  await Promise.all(devices.map(live));

  assert.deepEqual(server.wrong, []);
  checkTables(server, devices, table);
  const result = {
    messages: devices.reduce((sum, { sent }) => sum + sent, 0),
    moves: server.moves,
  };

  // Half of them leave, wherever they are.
  const leaving = devices.splice(0, Math.floor(count / 2));
  for (const { client } of leaving) client.end();
  const patience = Date.now() + PATIENCE;
  while (server.stats.connections > devices.length && Date.now() < patience) await sleep(5);
  await sleep(20);
  checkTables(server, devices, table);
  await Promise.all(devices.map((device) => device.ask()));

  for (const { client } of devices) client.destroy();
  await new Promise((resolve) => server.close(resolve));
  for (const { udp } of places) udp.close();
  return result;
}

function checkTables(server, devices, table) {
  const occupied = new Set(devices.map(({ radio }) => `${HOST}:${radio.place.port}`));
  assert.deepEqual(new Set(Object.keys(server.sockets)), occupied);
  assert.equal(server.getConnections(), devices.length);
  const { connections, handshakes, lookups } = server.stats;
  assert.deepEqual({ connections, handshakes, lookups }, { connections: devices.length, handshakes: 0, lookups: 0 });
  assert.equal(table.size, devices.length);
  for (const { name, radio } of devices) assert.equal(table.get(name).port, radio.place.port);
}

module.exports = { roam };

if (require.main === module) {
  const [seconds = 60, devices = 1_000] = process.argv.slice(2).map(Number);
  roam({ devices, milliseconds: seconds * 1_000, pause: 1_000 }).then(({ messages, moves }) => {
    console.log(`${devices} devices, ${seconds} s: ${messages} messages, ${moves} moves, none lost or misled`);
  });
}
