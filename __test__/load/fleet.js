'use strict';

// A fleet of two nodes with a Redis, one of them killed with SIGKILL again and again:
//
//   npm run fleet -- [SECONDS] [DEVICES] [MS] [VERSION]     default: 60 s, 2000 devices, 2000 ms, 1.3; or 1.2
//
// Each device sends a message every so many milliseconds, and another one if none has come back within half a second, as a device over UDP
// has to. It fails when a device is without an answer in the end, when a message is answered twice, or when a nonce repeats on
// the wire.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const dgram = require('node:dgram');
const { EventEmitter, once } = require('node:events');
const path = require('node:path');
const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');

const { connect } = require('../..');
const { NEWER, OLDER } = require('../support/fleet.js');
const { lacking, startRedis } = require('../support/redis.js');
const { noncesOf } = require('../support/sent-nonces.js');

const HOST = '127.0.0.1';
const SCRIPT = path.join(__dirname, '..', 'support', 'fleet-node.js');

const KILL_EVERY = 5000;
const RESTART_AFTER = 1000;
const REPEAT_AFTER = 500;
const HANDSHAKES_AT_ONCE = 32;

/** UDP port that devices believe to talk to. */
const SERVICE_PORT = 5684;

const [seconds = 60, devices = 2000, askEvery = 2000] = process.argv.slice(2, 5).map(Number);
const version = process.argv[5] === '1.2' ? OLDER : NEWER;

class Node {
  constructor(redisPort, key) {
    this._args = [SCRIPT, String(redisPort), key];
    this.port = 0;
    this.isAlive = false;
  }

  async start() {
    this.child = spawn(process.execPath, [...this._args, String(this.port)], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(this.child.stdout, 'data');
    this.port = Number(/port (\d+)/.exec(line)[1]);
    this.isAlive = true;
  }

  kill() {
    this.isAlive = false;
    this.child.kill('SIGKILL');
  }
}

/** What a load balancer does for one device: a UDP socket whose datagrams go to a node that lives. */
class Route extends EventEmitter {
  constructor(nodes, index) {
    super();
    this._nodes = nodes;
    this._index = index;
    this._nonces = null;
    this.type = 'udp4';
    this._udp = dgram.createSocket('udp4');
    this._udp.on('message', (datagram) => {
      this._nonces?.note(datagram);
      this.emit('message', datagram, { address: HOST, port: SERVICE_PORT, family: 'IPv4', size: datagram.length });
    });
  }

  async open() {
    this._udp.bind(0, HOST);
    await once(this._udp, 'listening');
  }

  /** @param {Buffer[]} lines of the key log: what comes from now on is read with it */
  read(lines) {
    this._nonces = noncesOf(version.maxVersion, Buffer.concat(lines));
  }

  get nonces() {
    return this._nonces;
  }

  address() {
    return this._udp.address();
  }

  send(datagram, _port, _address, callback) {
    const preferred = this._nodes[this._index % this._nodes.length];
    const node = preferred.isAlive ? preferred : this._nodes.find(({ isAlive }) => isAlive);
    this._udp.send(datagram, (node ?? preferred).port, HOST, callback);
  }

  close() {
    this._udp.close();
  }
}

class Device {
  constructor(nodes, index) {
    this.route = new Route(nodes, index);
    this.answers = 0;
    this.doubles = 0;
    /** Milliseconds of messages that another node has answered than the one before. */
    this.takeovers = [];
    this._sent = new Map();
    this._number = 0;
    this._node = null;
  }

  async start() {
    await this.route.open();
    const who = { psk: 'secret of bob', pskIdentity: 'bob' };
    this._client = connect({ host: HOST, port: SERVICE_PORT, socket: this.route, ...who, ...version });
    const lines = [];
    this._client.on('keylog', (line) => lines.push(line));
    await once(this._client, 'secureConnect');
    this.route.read(lines);
    this._client.on('data', (message) => this._onAnswer(String(message)));
    this._client.on('error', (error) => assert.fail(error));
    setTimeout(() => this._ask(), Math.random() * askEvery);
  }

  get isWaiting() {
    return this._repeat !== undefined;
  }

  _ask() {
    if (this._isStopped && !this.isWaiting) return;
    this._sent.set(++this._number, performance.now());
    this._client.write(String(this._number));
    this._repeat = setTimeout(() => this._ask(), REPEAT_AFTER);
  }

  _onAnswer(text) {
    const [node, number] = text.split(' ').map(Number);
    const sent = this._sent.get(number);
    if (sent === undefined) {
      this.doubles++;
      return;
    }
    this._sent.delete(number);
    this.answers++;
    if (this._node !== null && node !== this._node) this.takeovers.push(performance.now() - sent);
    this._node = node;
    if (this._repeat === undefined) return;
    clearTimeout(this._repeat);
    this._repeat = undefined;
    if (!this._isStopped) setTimeout(() => this._ask(), askEvery);
  }

  stop() {
    this._isStopped = true;
  }

  close() {
    clearTimeout(this._repeat);
    this._client.destroy();
    this.route.close();
  }
}

async function main() {
  if (lacking) {
    console.log(`fleet: ${lacking}; npm run setup -- --interop installs it`);
    process.exitCode = 1;
    return;
  }
  const ends = [];
  const redis = await startRedis({ after: (end) => ends.push(end) });
  const key = randomBytes(32).toString('hex');
  const nodes = [new Node(redis.port, key), new Node(redis.port, key)];
  process.on('exit', () => {
    for (const node of nodes) node.kill();
  });
  await Promise.all(nodes.map((node) => node.start()));

  const all = Array.from({ length: devices }, (_, index) => new Device(nodes, index));
  for (let at = 0; at < all.length; at += HANDSHAKES_AT_ONCE) {
    await Promise.all(all.slice(at, at + HANDSHAKES_AT_ONCE).map((device) => device.start()));
  }
  console.log(`${devices} devices are connected`);

  const end = performance.now() + seconds * 1000;
  let kills = 0;
  while (performance.now() < end) {
    await sleep(KILL_EVERY - RESTART_AFTER);
    const victim = nodes[kills++ % nodes.length];
    victim.kill();
    await sleep(RESTART_AFTER);
    await victim.start();
  }
  for (const device of all) device.stop();
  for (let count = 0; count < 100 && all.some((device) => device.isWaiting); count++) await sleep(100);

  const takeovers = all.flatMap((device) => device.takeovers).sort((one, other) => one - other);
  const sum = (property) => all.reduce((total, device) => total + property(device), 0);
  const at = (part) => takeovers[Math.floor(takeovers.length * part)]?.toFixed(1);
  const result = {
    kills,
    answers: sum(({ answers }) => answers),
    takeovers: takeovers.length,
    medianMs: at(0.5),
    p90Ms: at(0.9),
    p99Ms: at(0.99),
    unanswered: sum(({ isWaiting }) => (isWaiting ? 1 : 0)),
    answeredTwice: sum(({ doubles }) => doubles),
    nonces: sum(({ route }) => route.nonces.count),
    repeatedNonces: sum(({ route }) => route.nonces.repeated),
  };
  console.log(result);
  for (const device of all) device.close();
  for (const close of ends) close();
  for (const node of nodes) node.kill();
  assert.deepEqual([result.unanswered, result.answeredTwice, result.repeatedNonces], [0, 0, 0]);
  assert.ok(result.nonces >= result.answers, 'a nonce was read of each answer');
  assert.ok(takeovers.length >= devices / 2, 'the nodes have taken connections over');
}

main();
