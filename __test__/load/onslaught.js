'use strict';

// Mutated datagrams against a running server, with honest clients beside:
//
//   npm run onslaught -- [DATAGRAMS] [RATE]     default: 10,000,000 at 20,000 a second
//
// Rogue clients shake hands in every mode, and send mutated copies of their flights before and behind them; so what is mutated meets
// a handshake that waits for it. For the rest of the rate, mutated copies of what anybody has said come from strangers. All the while
// honest clients connect, talk and go. It ends when the server has received so many datagrams, and a tenth as many mutated flights have been
// sent. It fails when the server ends, when an honest client is not served, when anything is left in the server's tables once everybody has
// gone, or when its memory has grown since it first had as many connections at a time as later.

const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const dgram = require('node:dgram');
const { once } = require('node:events');
const path = require('node:path');
const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');

const certificates = require('../support/certificates.js');
const { mutate } = require('../support/mutations.js');
const { KEY, modeOf, shakeHands } = require('../support/onslaught.js');
const { HOST, Radio, openPlace } = require('../support/radio.js');

const SUPPORT = path.join(__dirname, '..', 'support');
const ROGUES = 128;
const STRANGERS = 64;

/** Between two bursts of strangers, ms. */
const TICK = 5;
/** Datagrams of which mutated copies may come. */
const STOCK = 1_024;
/** Mutated copies of one flight. */
const COPIES = [0, 0, 0, 1, 2, 4, 8, 16];

/** For a handshake, ms. */
const ROGUE_PATIENCE = 1_500;

/** When everybody has gone, ms. */
const GONE = 120_000;

/** For the server to have as many connections at a time as it will have, ms: longer than its `idleTimeout`. */
const FULL = 60_000;

const GROWTH = { heapUsed: 8 << 20, external: 8 << 20, rss: 24 << 20 };

const oneOf = (list) => list[Math.floor(Math.random() * list.length)];

/** What goes on, and what is counted. */
class Onslaught {
  constructor(port) {
    this.port = port;
    this.isPaused = false;
    this.isOver = false;
    this.counts = { sent: 0, flights: 0, rogues: 0, roguesOpen: 0 };
    this._stock = [];
    this._next = 0;
  }

  /** Something that has been said. */
  keep(datagram) {
    this._stock[this._next++ % STOCK] = datagram;
  }

  mutated(datagram = oneOf(this._stock)) {
    this.counts.sent++;
    return mutate(datagram, oneOf(this._stock));
  }

  async live(act) {
    while (!this.isOver) {
      if (this.isPaused) await sleep(100);
      else await act();
    }
  }
}

class RogueRadio extends Radio {
  constructor(onslaught, place) {
    super(onslaught.port, place);
    this._onslaught = onslaught;
    this.isShakingHands = true;
  }

  send(datagram, port, host, callback) {
    const onslaught = this._onslaught;
    const genuine = Buffer.from(datagram);
    onslaught.keep(genuine);
    const copies = Array.from({ length: oneOf(COPIES) }, () => onslaught.mutated(genuine));
    if (this.isShakingHands) onslaught.counts.flights += copies.length;
    const all = Math.random() < 0.5 ? [...copies, genuine] : [genuine, ...copies];
    for (const one of all) super.send(one, port, host, one === genuine ? callback : undefined);
  }
}

async function rogue(onslaught, number) {
  const place = await openPlace();
  const { counts } = onslaught;
  await onslaught.live(async () => {
    const radio = new RogueRadio(onslaught, place);
    const { client, isOpen } = await shakeHands({
      ...modeOf(number),
      port: onslaught.port,
      socket: radio,
      handshakeTimeout: ROGUE_PATIENCE,
    });
    radio.isShakingHands = false;
    counts.rogues++;
    if (isOpen) {
      counts.roguesOpen++;
      client.write('what a rogue says');
      await sleep(Math.random() * 50);
    }
    client.destroy();
  });
  place.udp.close();
}

/** Fills the rate, or as much of it as the server takes. */
async function strangers(onslaught, rate) {
  const sockets = Array.from({ length: STRANGERS }, () => dgram.createSocket('udp4').on('error', () => {}));
  let last = performance.now();
  await onslaught.live(async () => {
    await sleep(TICK);
    const now = performance.now();
    // What a busy machine has missed is not made up for all at once.
    const due = Math.min(now - last, 2 * TICK) * (rate() / 1_000);
    last = now;
    for (let sent = 0; sent < due; sent++) oneOf(sockets).send(onslaught.mutated(), onslaught.port, HOST);
  });
  for (const socket of sockets) socket.close();
}

/** A child process that answers each message with one. */
function start(program) {
  const child = fork(path.join(SUPPORT, program), { execArgv: ['--expose-gc'] });
  const onExit = (code, signal) => {
    console.error(`${program} has ended: ${signal ?? code}`);
    process.exit(1);
  };
  child.once('exit', onExit);
  return {
    async ask(what) {
      child.send(what);
      return (await once(child, 'message'))[0];
    },
    end() {
      child.off('exit', onExit);
      child.disconnect();
    },
  };
}

/** Everybody goes, and then the server has nobody. */
async function look(onslaught, server, honest) {
  onslaught.isPaused = true;
  await honest.ask({ isPaused: true });
  const end = Date.now() + GONE;
  for (;;) {
    const { connections, handshakes, lookups } = await server.ask({ count: true });
    if (connections + handshakes + lookups === 0) break;
    assert(Date.now() < end, `${connections} connections, ${handshakes} handshakes and ${lookups} questions are left`);
    await sleep(500);
  }
  const looked = await server.ask({ look: true });
  onslaught.isPaused = false;
  await honest.ask({ isPaused: false });
  return looked;
}

/**
 * @param {{ datagrams: number, rate: number }} load
 * @returns {Promise<object>} what has happened
 */
async function run({ datagrams, rate: wanted }) {
  const [server, honest] = [start('onslaught-server.js'), start('onslaught-honest.js')];
  const { key, cert } = certificates.available ? certificates.server : {};
  const { port } = await server.ask({ serve: { psk: KEY, key: key?.toString(), cert: cert?.toString() } });
  await honest.ask({ port });
  const onslaught = new Onslaught(port);
  const { counts } = onslaught;
  let rate = wanted;
  onslaught.keep(Buffer.from('the first of all datagrams'));
  const everybody = [
    ...Array.from({ length: ROGUES }, (_, number) => rogue(onslaught, number)),
    strangers(onslaught, () => rate),
  ];
  const began = Date.now();
  let [first, before] = [null, { sent: 0, datagramsReceived: 0 }];
  for (;;) {
    await sleep(1_000);
    const { datagramsReceived } = await server.ask({ count: true });
    const { sent, flights } = counts;
    // Honest clients have to get through: the system drops what a server does not take in time.
    const isTaken = datagramsReceived - before.datagramsReceived >= 0.95 * (sent - before.sent);
    rate = isTaken ? Math.min(wanted, rate * 1.1) : Math.max(wanted / 20, rate * 0.8);
    before = { sent, datagramsReceived };
    if (first === null && Date.now() - began >= FULL) {
      first = await look(onslaught, server, honest);
      before = { sent: counts.sent, datagramsReceived: first.datagramsReceived };
    }
    if (first !== null && datagramsReceived >= datagrams && flights >= datagrams / 10) break;
  }
  const seconds = (Date.now() - began) / 1_000;
  const last = await look(onslaught, server, honest);
  onslaught.isOver = true;
  const result = { seconds, ...counts, honest: await honest.ask({ count: true }), server: last };
  await Promise.all(everybody);
  for (const one of [server, honest]) one.end();
  console.log(result);
  assert.equal(result.honest.failed, 0, 'an honest client was not let in');
  assert.equal(result.honest.unanswered, 0, 'an honest client was not answered');
  for (const [kind, bytes] of Object.entries(GROWTH)) {
    const [one, other] = [first.memory[kind], last.memory[kind]];
    assert(other <= one + bytes, `${kind} has grown from ${one} to ${other}`);
  }
  return result;
}

if (require.main === module) {
  const [datagrams = 10_000_000, rate = 20_000] = process.argv.slice(2).map(Number);
  run({ datagrams, rate });
}

module.exports = { run };
