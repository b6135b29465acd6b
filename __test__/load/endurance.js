'use strict';

// Clients that connect, talk, move, vanish, restart and come back, while their server hands over to a successor, is exported and
// imported, and is killed:
//
//   npm run endurance -- [MINUTES] [CLIENTS]     default: 30 min, 2000 clients
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

const { connect } = require('../..');
const { Nonces } = require('../support/nonces.js');
const { HOST, Radio, openPlace } = require('../support/radio.js');

const PROGRAM = path.join(__dirname, '..', 'support', 'endurance-server.js');
const CIPHER = 'PSK-AES128-GCM-SHA256';
const ID_LENGTH = 8;

/** How often something happens to the server, ms; in short runs more often. */
const EVERY = 60_000;
const EVENTS_AT_LEAST = 6;

/** Between two actions of a client, ms at most. */
const PAUSE = 2_000;

/** How long a client waits for an answer, ms, and how often it asks before it begins anew. */
const PATIENCE = 2_000;
const TRIES = 4;

/** How many handshakes are under way at a time in the beginning. */
const BATCH = 50;

/** Until the server has forgotten clients that have vanished, ms: its idle timeout and some. */
const FORGOTTEN = 22_000;

/** Memory that may have grown: by this factor, and so many bytes. */
const GROWTH_FACTOR = 1.25;
const GROWTH_BYTES = 16 << 20;

/** A client's UDP socket that can fall silent, and sees which nonces pass. */
class WatchedRadio extends Radio {
  constructor(port, place) {
    super(port, place);
    this.isSilent = false;
    this._sent = new Nonces(ID_LENGTH);
    this._heard = new Nonces(0);
  }

  /**
   * @param {object} stats of the client. What it has dropped came from a connection that the server had with a client at this address
   *   before, under other keys
   */
  repeatedNonces({ recordsDropped }) {
    return this._sent.repeated + Math.max(0, this._heard.repeated - recordsDropped);
  }

  handle(datagram) {
    if (this.isSilent) return;
    this._heard.note(datagram);
    super.handle(datagram);
  }

  send(datagram, port, host, callback) {
    if (this.isSilent) return void process.nextTick(callback, null);
    this._sent.note(datagram);
    super.send(datagram, port, host, callback);
  }
}

/** The server, which is one process after the other. */
class Service {
  constructor(directory) {
    this._directory = directory;
    this._key = randomBytes(32).toString('hex');
    this.port = 0;
    this.done = { takeovers: 0, imports: 0, kills: 0 };
    /** Messages that have reached another client's socket, at servers that have ended. */
    this.misled = 0;
  }

  get key() {
    return this._key;
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
    const file = path.join(this._directory, 'export');
    const ended = once(former, 'exit');
    former.send({ export: file });
    await ended;
    await this.start(file);
    fs.rmSync(file);
    this.done.imports++;
  }

  async kill() {
    const former = await this._close();
    const ended = once(former, 'exit');
    former.kill('SIGKILL');
    await ended;
    this.done.kills++;
    await this.start();
  }

  end() {
    this._child.disconnect();
  }
}

class Device {
  constructor(number, service, place) {
    this.name = `device ${number}`;
    this.hasId = number % 2 === 0;
    this.client = null;
    this._service = service;
    this._place = place;
    this._radio = null;
    this._number = 0;
    /** Numbers of messages, and who waits for the answer to one. */
    this._unanswered = new Set();
    this._waiting = new Map();
    this.counts = { handshakes: 0, failed: 0, lost: 0, messages: 0, moves: 0, vanished: 0, left: 0, repeatedNonces: 0 };
    this.misled = [];
  }

  /** @returns {Promise<boolean>} whether it has a connection now */
  async connect() {
    const radio = new WatchedRadio(this._service.port, this._place);
    const client = connect({
      host: HOST,
      port: this._service.port,
      socket: radio,
      psk: this._service.key,
      pskIdentity: this.name,
      ciphers: CIPHER,
      ...(this.hasId && { connectionId: 0 }),
      handshakeTimeout: 15_000,
    });
    this._killsSeen = this._service.done.kills;
    this._radio = radio;
    const isOpen = await new Promise((resolve) => {
      client.once('secureConnect', () => resolve(true));
      client.once('close', () => resolve(false));
      client.on('error', () => {});
    });
    if (!isOpen) {
      this.counts.failed++;
      this._forget();
      return false;
    }
    this.counts.handshakes++;
    client.on('data', (message) => this._onAnswer(message.toString()));
    client.once('close', () => {
      if (this.client === client) this._forget();
    });
    this.client = client;
    return true;
  }

  /** Of the connection that it has now. */
  get _repeatedNonces() {
    return this.client === null ? 0 : this._radio.repeatedNonces(this.client.stats);
  }

  _forget() {
    this.counts.repeatedNonces += this._repeatedNonces;
    this._radio = null;
    this.client = null;
    for (const resolve of this._waiting.values()) resolve(false);
    this._waiting.clear();
    this._unanswered.clear();
  }

  _onAnswer(text) {
    const [, name, number] = /^answer to (.*)\/(\d+)$/.exec(text) ?? [];
    if (name !== this.name) this.misled.push(`${text} reached ${this.name}`);
    if (!this._unanswered.delete(Number(number))) this.misled.push(`${text} came twice`);
    this._waiting.get(Number(number))?.(true);
    this._waiting.delete(Number(number));
  }

  /** One message and its answer, as often as it takes; without one, the connection is given up. */
  async ask() {
    for (let tries = 0; tries < TRIES && this.client !== null; tries++) {
      const number = ++this._number;
      this._unanswered.add(number);
      const answered = new Promise((resolve) => {
        this._waiting.set(number, resolve);
      });
      const overdue = setTimeout(() => this._waiting.get(number)?.(false), PATIENCE);
      this.client.write(`${this.name}/${number}`);
      const isAnswered = await answered;
      clearTimeout(overdue);
      this._waiting.delete(number);
      if (isAnswered) {
        this.counts.messages++;
        return true;
      }
    }
    // Whoever was killed has forgotten its clients.
    if (this._killsSeen === this._service.done.kills) this.counts.lost++;
    this._fallSilent();
    return false;
  }

  move(place) {
    this._place = place;
    this._radio.moveTo(place);
    this.counts.moves++;
  }

  /** Loses its power. */
  vanish() {
    this.counts.vanished++;
    this._fallSilent();
  }

  _fallSilent() {
    const { client } = this;
    if (client === null) return;
    this._radio.isSilent = true;
    this._forget();
    client.destroy();
  }

  /** Says goodbye. */
  async leave() {
    this.counts.left++;
    const { client } = this;
    const closed = once(client, 'close');
    client.end();
    await Promise.race([closed, sleep(PATIENCE)]);
    client.destroy();
  }

  /** Does something at random, again and again. */
  async live(anywhere, isOver) {
    while (!isOver()) {
      const lot = Math.random();
      if (this.client === null) await this.connect();
      else if (lot < 0.02) this.vanish();
      else if (lot < 0.03) await this.leave();
      else {
        if (lot < 0.2 && this.hasId) this.move(anywhere());
        await this.ask();
      }
      await sleep(Math.random() * PAUSE);
    }
  }

  /** Until it has an answer. */
  async settle(patience) {
    for (const end = Date.now() + patience; Date.now() < end; ) {
      if (this.client === null && !(await this.connect())) continue;
      if (await this.ask()) return true;
    }
    return false;
  }
}

/** The memory of this process and the server's, with as many connections each time. */
async function look(service) {
  global.gc();
  const { heapUsed, external, rss } = process.memoryUsage();
  const descriptors = fs.readdirSync('/proc/self/fd').length;
  return { clients: { memory: { heapUsed, external, rss }, descriptors }, server: await service.look() };
}

function assertNoGrowth(first, last) {
  for (const side of ['clients', 'server']) {
    for (const kind of ['heapUsed', 'external', 'rss']) {
      const [before, after] = [first, last].map((one) => one[side].memory[kind]);
      assert(after <= before * GROWTH_FACTOR + GROWTH_BYTES, `${kind} of ${side} has grown from ${before} to ${after}`);
    }
    const [before, after] = [first, last].map((one) => one[side].descriptors);
    assert(after <= before + 4, `${side} had ${before} descriptors, and has ${after}`);
  }
}

/**
 * @param {{ minutes: number, clients: number }} load
 * @returns {Promise<object>} what has happened
 */
async function endure({ minutes, clients: count }) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-'));
  const service = new Service(directory);
  await service.start();
  const places = await Promise.all(Array.from({ length: Math.ceil(count * 1.2) }, openPlace));
  const anywhere = () => {
    for (;;) {
      const place = places[Math.floor(Math.random() * places.length)];
      if (place.guest === null) return place;
    }
  };
  const devices = [];
  while (devices.length < count) {
    const size = Math.min(BATCH, count - devices.length);
    const batch = Array.from({ length: size }, (_, index) => {
      const number = devices.length + index;
      return new Device(number, service, places[number]);
    });
    await Promise.all(batch.map((device) => device.connect()));
    devices.push(...batch);
  }
  await settle(devices);
  const first = await look(service);

  const end = Date.now() + minutes * 60_000;
  const lives = devices.map((device) => device.live(anywhere, () => Date.now() >= end));
  const every = Math.min(EVERY, (minutes * 60_000) / EVENTS_AT_LEAST);
  const events = ['takeOver', 'exportAndImport', 'takeOver', 'exportAndImport', 'kill'];
  for (let at = 0; Date.now() + every < end; at++) {
    await sleep(every);
    await service[events[at % events.length]]();
  }
  await Promise.all(lives);

  for (const forgotten = Date.now() + FORGOTTEN; Date.now() < forgotten; ) {
    await settle(devices);
    await sleep(PAUSE);
  }
  const last = await look(service);
  for (const device of devices) device._fallSilent();
  const sum = (name) => devices.reduce((total, { counts }) => total + counts[name], 0);
  const result = { clients: count, minutes, ...service.done };
  for (const name of Object.keys(devices[0].counts)) result[name] = sum(name);
  console.log(result);
  console.log(JSON.stringify({ first, last }));
  for (const { udp } of places) udp.close();
  service.end();
  fs.rmSync(directory, { recursive: true });

  assert.deepEqual(
    devices.flatMap(({ misled }) => misled),
    [],
  );
  assert.equal(service.misled + last.server.misled, 0, 'a message has reached the socket of another client');
  assert.equal(result.repeatedNonces, 0);
  assert.equal(result.lost, 0, 'a connection was lost');
  const { connections, handshakes, questions } = last.server;
  assert.deepEqual({ connections, handshakes, questions }, { connections: count, handshakes: 0, questions: 0 });
  assertNoGrowth(first, last);
  return result;
}

async function settle(devices) {
  const settled = await Promise.all(devices.map((device) => device.settle(60_000)));
  assert(settled.every(Boolean), 'a client is without an answer');
}

if (require.main === module) {
  const [minutes = 30, clients = 2_000] = process.argv.slice(2).map(Number);
  endure({ minutes, clients });
}

module.exports = { endure };
