'use strict';

// Honest clients, who come one after another and want nothing but a handshake.

const assert = require('node:assert/strict');
const { once } = require('node:events');

const { connect } = require('../../..');

/** Who is turned away so often need not ask again. */
const ENOUGH_FAILURES = 3;

/** A handshake takes no longer than this, ms, on a machine that does nothing else. */
const AT_ONCE = 100;

/** On another: as many times as long as it takes at a server that nobody attacks. */
const SLOWDOWN = 3;

/** Times of handshakes, ms, how many flights each has repeated, and codes of those that failed. */
class Experiences {
  constructor() {
    this.times = [];
    this.repetitions = [];
    this.failures = [];
  }

  /** @param {object} options of connect() */
  async add(options) {
    const began = performance.now();
    const client = connect({ host: '127.0.0.1', ...options });
    try {
      await once(client, 'secureConnect');
      this.times.push(performance.now() - began);
      this.repetitions.push(client.connectionStats.retransmissions);
      client.on('error', () => {});
    } catch ({ code }) {
      this.failures.push(code);
    }
    client.destroy();
  }

  get median() {
    return sorted(this.times)[this.times.length >> 1] ?? Infinity;
  }

  get worst() {
    return Math.max(...this.times);
  }
}

function sorted(values) {
  return [...values].sort((one, other) => one - other);
}

/**
 * @param {object} options of connect()
 * @param {number} count how many there are
 */
async function meetHonestClients(options, count) {
  const experiences = new Experiences();
  for (let index = 0; index < count && experiences.failures.length < ENOUGH_FAILURES; index++) {
    await experiences.add(options);
  }
  return experiences;
}

/**
 * Honest clients of a server that is attacked get in at once. What else slows them down does the same to clients of another server in
 * the same process, who come in between.
 *
 * @param {object} options of connect()
 * @param {number} quietPort of the server that nobody attacks
 * @param {number} count how many there are of both
 */
async function assertLetIn(options, quietPort, count) {
  const [beside, alone] = [new Experiences(), new Experiences()];
  for (let index = 0; index < count && beside.failures.length < ENOUGH_FAILURES; index++) {
    await beside.add(options);
    await alone.add({ ...options, port: quietPort });
  }
  assert.deepEqual([beside.failures, alone.failures], [[], []]);
  const bound = Math.max(AT_ONCE, SLOWDOWN * alone.median);
  assert(beside.median < bound, `median ${beside.median} ms, ${alone.median} ms where nobody attacks`);
  assert.equal(sorted(beside.repetitions)[count >> 1], 0, 'most have not had to repeat anything');
  assert(beside.worst < 3_000 + alone.worst, `worst ${beside.worst} ms`);
}

module.exports = { assertLetIn, meetHonestClients };
