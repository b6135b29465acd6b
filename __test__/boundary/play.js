'use strict';

// A program that calls whatever there is to call, in random order and with random values, while connections are open. What it
// calls may throw; it may not crash, and the last client has to be served.
//
//   node --expose-gc --force-node-api-uncaught-exceptions-policy play.js KIND SEED MILLISECONDS
//
// KIND: `public` for the module's own functions and methods, `native` for those of the native classes below them, and
// `workers` for the former in threads that end in the middle of it. It prints what it has done, as JSON.

const dgram = require('node:dgram');
const process = require('node:process');
const { Worker, isMainThread, workerData } = require('node:worker_threads');

const mbedDtls = require('../..');
const native = require('../../lib/native.js');
const { Dice, hostileValue } = require('./dice.js');

const HOST = '127.0.0.1';
const BOB = { psk: 'secret of bob', pskIdentity: 'bob' };
const SERVER = { psk: { bob: BOB.psk }, connectionId: 8, sessions: undefined };

/** What is left out: it would end the program, wait for ever, or leave this machine. */
const LEFT_OUT = new Set(['constructor', 'unref', 'listen', 'bind', 'bindUdp', 'once']);
/** What ends a connection is called now and then only, or there would be none. */
const ENDINGS = new Set([
  'destroy',
  'end',
  'reset',
  'close',
  'exportConnection',
  'exportConnections',
  'setTimeout',
  'abort',
  'takeOut',
]);
const ENDINGS_ARE_ONE_IN = 40;
/** How deep calls may be nested by getters and listeners. */
const DEPTH = 3;
const CLIENTS = 4;

class Play {
  constructor(seed) {
    this.dice = new Dice(seed);
    this.counts = { calls: 0, thrown: 0, listenersThrown: 0, connections: 0 };
    this.depth = 0;
    /** Calls until the thread ends; none but a worker counts them. */
    this.left = Infinity;
    this.clients = [];
    this.sockets = [];
    this.server = null;
  }

  async open() {
    const { dice } = this;
    const options = { psk: SERVER.psk };
    if (dice.roll(2) === 0) options.connectionId = 8;
    this.server = mbedDtls.createServer(options);
    this.server.on('secureConnection', (socket) => {
      this.counts.connections += 1;
      this.sockets.push(socket);
      socket.on('data', (message) => socket.write(message));
      this.disturb(socket);
    });
    // Whoever listens to errors has said so; whoever does not gets them as uncaught ones, which the program counts.
    this.server.on('error', () => {});
    this.disturb(this.server);
    this.server.listen(0, HOST);
    await new Promise((resolve) => this.server.once('listening', resolve));
  }

  connect() {
    const address = this.server.address();
    if (address === null) return;
    const client = mbedDtls.connect({ host: HOST, port: address.port, handshakeTimeout: 1000, ...BOB });
    client.on('error', () => {});
    client.on('data', () => {});
    this.disturb(client);
    client.write('hello');
    this.clients.push(client);
    if (this.clients.length > CLIENTS) this.clients.shift().destroy();
  }

  /** Some listeners throw, and some call something else. */
  disturb(emitter) {
    for (const name of [
      'data',
      'close',
      'end',
      'error',
      'secureConnect',
      'clientError',
      'lookup',
      'timeout',
      'session',
    ]) {
      if (this.dice.roll(4) !== 0) continue;
      emitter.on(name, () => {
        if (this.dice.roll(3) === 0) {
          this.counts.listenersThrown += 1;
          throw new Error('a listener that throws');
        }
        this.act();
      });
    }
  }

  targets() {
    return [this.server, ...this.clients, ...this.sockets.slice(-CLIENTS), mbedDtls];
  }

  act() {
    if (this.depth >= DEPTH) return;
    this.left -= 1;
    // In a thread, whatever is under way: a getter, a listener, a native call.
    if (this.left === 0) process.exit();
    this.depth += 1;
    try {
      const target = this.dice.pick(this.targets());
      // A server that is closed serves nobody any more; that is left to the end.
      const names = methodsOf(target).filter((name) => !(target === this.server && /^(close|_?destroy|_)/.test(name)));
      this.call(target, this.dice.pick(names));
    } finally {
      this.depth -= 1;
    }
  }

  call(target, name) {
    if (ENDINGS.has(name) && this.dice.roll(ENDINGS_ARE_ONE_IN) !== 0) return;
    const values = Array.from({ length: this.dice.roll(5) }, () => hostileValue(this.dice, () => this.act()));
    this.counts.calls += 1;
    try {
      const result = target[name](...values);
      // What it makes is let go of again.
      if (result instanceof Promise) result.catch(() => {});
      else if (typeof result?.destroy === 'function' && !this.targets().includes(result)) discard(result);
      else if (result instanceof mbedDtls.DtlsServer && result !== this.server) discard(result);
    } catch {
      this.counts.thrown += 1;
    }
  }

  async run(milliseconds, act) {
    const end = Date.now() + milliseconds;
    while (Date.now() < end) {
      for (let round = 0; round < 5; round++) act();
      if (this.dice.roll(4) === 0) this.connect();
      if (this.dice.roll(8) === 0) globalThis.gc?.();
      await new Promise((resolve) => setTimeout(resolve, this.dice.roll(3)));
    }
  }

  /** Whether a client that does nothing special gets an answer of a server that does nothing special, in this process. */
  async end() {
    for (const each of [...this.clients, ...this.sockets]) discard(each);
    discard(this.server);
    const server = mbedDtls.createServer({ psk: SERVER.psk }, (socket) =>
      socket.on('data', (data) => socket.write(data)),
    );
    server.listen(0, HOST);
    await new Promise((resolve) => server.once('listening', resolve));
    const client = mbedDtls.connect({ host: HOST, port: server.address().port, ...BOB });
    client.write('still there?');
    const [answer] = await new Promise((resolve, reject) => {
      client.once('data', (...answer) => resolve(answer));
      client.once('error', reject);
    });
    this.counts.served = answer.toString() === 'still there?';
    client.destroy();
    server.close();
  }
}

function discard(thing) {
  try {
    thing.on?.('error', () => {});
    if (typeof thing.destroy === 'function') thing.destroy();
    else thing.close?.();
  } catch {
    // It has been made useless already.
  }
}

/** The names of all methods that a target has of ours. */
function methodsOf(target) {
  if (target === mbedDtls) {
    return [
      'createServer',
      'connect',
      'importConnection',
      'createSecureContext',
      'openMetrics',
      'getCiphers',
      'getCurves',
    ];
  }
  const names = new Set();
  for (let at = Object.getPrototypeOf(target); at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    if (at.constructor?.name === 'Duplex' || at.constructor?.name === 'EventEmitter') break;
    for (const name of Object.getOwnPropertyNames(at)) {
      const { value } = Object.getOwnPropertyDescriptor(at, name);
      if (typeof value === 'function' && !LEFT_OUT.has(name) && !name.startsWith('_')) names.add(name);
    }
  }
  return [
    ...names,
    ...(typeof target.write === 'function' ? ['write', 'end', 'pause', 'resume', 'cork', 'uncork'] : []),
  ];
}

/** Calls the native objects below an open server and its clients, as no JavaScript of ours does. */
function actNatively(play) {
  const endpoints = [play.server, ...play.clients].map((each) => each._endpoint?.native).filter(Boolean);
  const target = play.dice.pick([...endpoints, new native.Waker(), native, native.Frequent]);
  if (target === native) {
    const name = play.dice.pick(['DtlsServer', 'DtlsClient', 'ServerContext']);
    try {
      play.counts.calls += 1;
      new native[name](...Array.from({ length: 6 }, () => hostileValue(play.dice, () => play.act())));
    } catch {
      play.counts.thrown += 1;
    }
    return;
  }
  if (target === native.Frequent) {
    // What arrives is the affair of an object, below.
    const functions = Object.getOwnPropertyNames(target).filter((name) => typeof target[name] === 'function');
    play.call(target, play.dice.pick(functions.filter((name) => name !== 'receive')));
    return;
  }
  const names = new Set();
  for (let at = Object.getPrototypeOf(target); at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) if (!LEFT_OUT.has(name)) names.add(name);
  }
  const name = play.dice.pick([...names]);
  // Datagrams come from a socket of ours, so that answers to them go nowhere else.
  if (/^(receive|inject)$/.test(name)) {
    try {
      play.counts.calls += 1;
      target[name](
        hostileValue(play.dice, () => {}),
        play.dice.pick([HOST, '', '::', 'x', null]),
        play.sink,
        true,
      );
    } catch {
      play.counts.thrown += 1;
    }
  } else if (!/^(connect|sendParcel|injectParcel|restore|takeIn|releaseUdp)$/.test(name) || play.dice.roll(20) === 0) {
    play.call(target, name);
  }
}

async function openSink() {
  const sink = dgram.createSocket('udp4');
  sink.bind(0, HOST);
  await new Promise((resolve) => sink.once('listening', resolve));
  sink.unref();
  return sink.address().port;
}

async function playWith(kind, seed, milliseconds, calls = Infinity) {
  const play = new Play(seed);
  play.left = calls;
  play.sink = await openSink();
  process.on('uncaughtException', (error) => {
    play.counts.uncaught = (play.counts.uncaught ?? 0) + 1;
    play.last = error;
  });
  process.on('unhandledRejection', () => {
    play.counts.rejected = (play.counts.rejected ?? 0) + 1;
  });
  await play.open();
  play.connect();
  await play.run(milliseconds, kind === 'native' ? () => actNatively(play) : () => play.act());
  await play.end();
  return play.counts;
}

/** Threads that play, and end in the middle of it. */
async function playInWorkers(seed, milliseconds) {
  const dice = new Dice(seed);
  const end = Date.now() + milliseconds;
  let ended = 0;
  while (Date.now() < end) {
    const worker = new Worker(__filename, { workerData: { seed: dice.roll(2 ** 31), calls: 1 + dice.roll(400) } });
    worker.on('error', () => {});
    await new Promise((resolve) => worker.once('exit', resolve));
    ended += 1;
  }
  return { ...(await playWith('public', seed, 100)), ended };
}

async function main() {
  if (!isMainThread) {
    return playWith('public', workerData.seed, 60_000, workerData.calls);
  }
  const [kind, seed, milliseconds] = process.argv.slice(2);
  const counts =
    kind === 'workers'
      ? await playInWorkers(Number(seed), Number(milliseconds))
      : await playWith(kind, Number(seed), Number(milliseconds));
  process.stdout.write(`${JSON.stringify(counts)}\n`, () => process.exit(counts.served ? 0 : 1));
}

main();
