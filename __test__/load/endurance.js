'use strict';

// Clients that connect, talk, move, vanish, restart and come back, while their server hands over to a successor, is exported and
// imported, and is killed:
//
//   npm run endurance -- [MINUTES] [CLIENTS] [NEWER]     default: 30 min, 2000 clients, 0 of 100 of them of DTLS 1.3
//
// Half of the clients have connection IDs, and move. It fails when a message reaches another client's socket, when an answer reaches
// another client or comes twice, when a nonce repeats on the wire, when a connection is lost although its server was not killed, when
// a client is without an answer in the end, or when memory, descriptors or tables have grown.

const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');

const { CIPHER, Device } = require('../support/endurance-device.js');
const { openPlace } = require('../support/radio.js');
const { Wire } = require('../support/wire.js');

const PROGRAM = path.join(__dirname, '..', 'support', 'endurance-server.js');
const ID_LENGTH = 8;

/** How often something happens to the server, ms; in short runs more often. */
const EVERY = 60_000;
const EVENTS_AT_LEAST = 7;

/**
 * Shares of the time: first clients alone come and go, then things happen to the server as well, and then one process serves that
 * must not grow.
 */
const BEGINNING = 1 / 6;
const RESTLESS = 1 / 2;
const UNDISTURBED = 1 / 3;

/** How many handshakes are under way at a time in the beginning. */
const BATCH = 50;

/** Until the server has forgotten clients that have vanished, ms: its idle timeout and some. Whoever is there talks meanwhile. */
const FORGOTTEN = 22_000;

/** How often this process looks at the clock, and how late it may be before that is told, ms. */
const TICK = 200;
const LATE = 1_000;

/** Memory that may have grown: by this factor, and so many bytes. */
const GROWTH = {
  heapUsed: { factor: 1.1, bytes: 8 << 20 },
  external: { factor: 1.1, bytes: 8 << 20 },
  rss: { factor: 1.25, bytes: 16 << 20 },
};

/** The server, which is one process after the other. */
class Service {
  constructor(directory) {
    this._directory = directory;
    this._key = randomBytes(32).toString('hex');
    this.port = 0;
    this.done = { takeovers: 0, imports: 0, kills: 0 };
    this.disturbances = [];
    /** Messages that have reached another client's socket, at servers that have ended. */
    this.misled = 0;
  }

  get key() {
    return this._key;
  }

  /** How often it has forgotten its clients: when it was killed, and those of DTLS 1.3 when it was exported without them. */
  oftenForgotten(isNewer) {
    return this.done.kills + (isNewer ? this.done.imports : 0);
  }

  async start(...file) {
    const args = [String(this.port), this._key, this._directory, ...file];
    const child = fork(PROGRAM, args, { execArgv: ['--expose-gc'] });
    const [{ port }] = await once(child, 'message');
    this.port = port;
    this._child = child;
  }

  async look() {
    this._child.send({ look: true });
    const [looked] = await once(this._child, 'message');
    return looked;
  }

  /** What it has counted before it ends. */
  async _close() {
    this.misled += (await this.look()).misled;
    return this._child;
  }

  async takeOver() {
    const former = await this._close();
    const ended = once(former, 'exit');
    await this.start();
    await ended;
    this.done.takeovers++;
  }

  async exportAndImport() {
    const former = await this._close();
    this.done.imports++;
    const file = path.join(this._directory, 'export');
    const ended = once(former, 'exit');
    former.send({ export: file });
    await ended;
    await this.start(file);
    fs.rmSync(file);
  }

  async kill() {
    const former = await this._close();
    this.done.kills++;
    const ended = once(former, 'exit');
    former.kill('SIGKILL');
    await ended;
    await this.start();
  }

  end() {
    this._child.disconnect();
  }
}

/** The memory of this process and the server's, with as many connections each time. */
async function look(service) {
  global.gc();
  const { heapUsed, external, rss } = process.memoryUsage();
  const descriptors = fs.readdirSync('/proc/self/fd').length;
  return { clients: { memory: { heapUsed, external, rss }, descriptors }, server: await service.look() };
}

/** @param {'clients' | 'server'} side */
function assertNoGrowth(side, first, last) {
  for (const [kind, { factor, bytes }] of Object.entries(GROWTH)) {
    const [before, after] = [first, last].map((one) => one[side].memory[kind]);
    assert(after <= before * factor + bytes, `${kind} of ${side} has grown from ${before} to ${after}`);
  }
  const [before, after] = [first, last].map((one) => one[side].descriptors);
  assert(after <= before + 4, `${side} had ${before} descriptors, and has ${after}`);
}

/** The tables of a server with so many connections at rest. */
function assertTables({ server: { connections, handshakes, questions } }, count) {
  assert.deepEqual({ connections, handshakes, questions }, { connections: count, handshakes: 0, questions: 0 });
}

/**
 * @param {{ minutes: number, clients: number, newer: number }} load newer: how many clients of a hundred speak DTLS 1.3
 * @returns {Promise<object>} what has happened
 */
async function endure({ minutes, clients: count, newer }) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-'));
  const service = new Service(directory);
  await service.start();
  const wire = new Wire(CIPHER, ID_LENGTH, service.port);
  const places = await Promise.all(Array.from({ length: Math.ceil(count * 1.2) }, openPlace));
  for (const place of places) wire.watch(place);
  const anywhere = () => {
    for (;;) {
      const place = places[Math.floor(Math.random() * places.length)];
      if (place.guest === null) return place;
    }
  };
  const watch = watchForStalls();
  const devices = await connectAll({ count, newer }, service, wire, places);
  const looks = {};
  const time = minutes * 60_000;
  const live = async (share, meanwhile = () => {}) => {
    const end = Date.now() + time * share;
    await Promise.all([...devices.map((device) => device.live(anywhere, () => Date.now() >= end)), meanwhile(end)]);
  };
  await live(BEGINNING);
  looks.first = await rest(devices, service);
  const every = Math.min(EVERY, (time * RESTLESS) / EVENTS_AT_LEAST);
  await live(RESTLESS, (end) => disturb(service, every, end));
  looks.undisturbed = await rest(devices, service);
  await live(UNDISTURBED);
  looks.last = await rest(devices, service);
  for (const device of devices) device.fallSilent();

  const result = { clients: count, minutes, ...service.done };
  for (const name of Object.keys(devices[0].counts)) {
    result[name] = devices.reduce((total, { counts }) => total + counts[name], 0);
  }
  result.records = wire.counts;
  result.unread = Object.fromEntries(wire.unread);
  console.log(result);
  watch.end();
  console.log(JSON.stringify(looks));
  console.log(
    JSON.stringify({ lost: lossesBySecond(devices), stalls: watch.stalls, disturbances: service.disturbances }),
  );
  for (const { udp } of places) udp.close();
  service.end();
  fs.rmSync(directory, { recursive: true });

  assert.deepEqual(
    devices.flatMap(({ misled }) => misled),
    [],
  );
  assert.equal(service.misled + looks.last.server.misled, 0, 'a message has reached the socket of another client');
  // Each message has an answer, and each handshake a record of either side.
  assert(wire.counts.new >= 2 * (result.messages + result.handshakes), 'records were not seen');
  assert.equal(wire.counts.repeated, 0, 'a nonce has come twice');
  assert.equal(wire.counts.unread, 0, 'nobody knows what some records were');
  assert.equal(result.lost, 0, 'a connection was lost');
  for (const one of Object.values(looks)) assertTables(one, count);
  assertNoGrowth('clients', looks.first, looks.last);
  assertNoGrowth('server', looks.first, looks.last);
  // The same process as before.
  assertNoGrowth('server', looks.undisturbed, looks.last);
  return result;
}

async function connectAll({ count, newer }, service, wire, places) {
  const devices = [];
  while (devices.length < count) {
    const size = Math.min(BATCH, count - devices.length);
    const batch = Array.from({ length: size }, (_, index) => {
      const number = devices.length + index;
      // Pairs, because every other one has a connection ID.
      const isNewer = (number >> 1) % 100 < newer;
      return new Device(number, isNewer, service, wire, places[number]);
    });
    await Promise.all(batch.map((device) => device.connect()));
    devices.push(...batch);
  }
  return devices;
}

/**
 * Notes when this process could not run, because it or the whole machine had something else to do: connections are lost where that takes
 * longer than the patience of clients and servers.
 *
 * @returns {{ stalls: { at: string, ms: number }[], end: () => void }}
 */
function watchForStalls() {
  const stalls = [];
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    const ms = Math.round(now - last - TICK);
    if (ms > LATE) stalls.push({ at: new Date().toISOString(), ms });
    last = now;
  }, TICK);
  return { stalls, end: () => clearInterval(timer) };
}

/** How many connections were lost in which second. */
function lossesBySecond(devices) {
  const bySecond = {};
  for (const at of devices.flatMap(({ losses }) => losses)) {
    const second = new Date(at).toISOString().slice(0, 19);
    bySecond[second] = (bySecond[second] ?? 0) + 1;
  }
  return bySecond;
}

/** What happens to the server again and again. */
async function disturb(service, every, end) {
  const events = ['takeOver', 'exportAndImport', 'takeOver', 'exportAndImport', 'kill'];
  for (let at = 0; Date.now() + every < end; at++) {
    await sleep(every);
    const what = events[at % events.length];
    const begin = Date.now();
    await service[what]();
    service.disturbances.push({ what, at: new Date(begin).toISOString(), ms: Date.now() - begin });
  }
}

/** Every client has an answer, and the server has forgotten those that have vanished. */
async function rest(devices, service) {
  for (const end = Date.now() + FORGOTTEN; Date.now() < end; ) {
    const settled = await Promise.all(devices.map((device) => device.settle(60_000)));
    const silent = devices.filter((_, index) => !settled[index]).map((device) => device.describe());
    assert.deepEqual(silent, [], 'a client is without an answer');
  }
  return await look(service);
}

const [minutes = 30, clients = 2_000, newer = 0] = process.argv.slice(2).map(Number);
endure({ minutes, clients, newer });
