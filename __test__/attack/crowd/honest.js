'use strict';

// Honest clients, who come one after another and want nothing but a handshake.

const { once } = require('node:events');

const { connect } = require('../../..');

/** Who is turned away so often need not ask again. */
const ENOUGH_FAILURES = 3;

/**
 * @param {object} options of connect()
 * @param {number} count how many there are
 * @returns {Promise<{ times: number[], median: number, worst: number, failures: string[] }>} durations of handshakes, ms
 */
async function meetHonestClients(options, count) {
  const times = [];
  const failures = [];
  for (let index = 0; index < count && failures.length < ENOUGH_FAILURES; index++) {
    const began = performance.now();
    const client = connect({ host: '127.0.0.1', ...options });
    try {
      await once(client, 'secureConnect');
      times.push(performance.now() - began);
      client.on('error', () => {});
    } catch ({ code }) {
      failures.push(code);
    }
    client.destroy();
  }
  times.sort((one, other) => one - other);
  return { times, median: times[times.length >> 1] ?? Infinity, worst: times.at(-1) ?? Infinity, failures };
}

module.exports = { meetHonestClients };
