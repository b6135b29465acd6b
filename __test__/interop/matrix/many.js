'use strict';

// Many handshakes with one peer, each on a network that loses every tenth datagram in each direction. None of them may fail.

const assert = require('node:assert/strict');

const { echo, event, openClient, startServer } = require('../../support/endpoints.js');
const { lossyProxy } = require('../../support/lossy.js');
const { calm, checkPeer, quietPort, within } = require('./pair.js');
const { makeKeys, ourClient, ourServer, peerFiles } = require('./scenarios.js');

const LOSS = 0.1;
/** Handshakes at a time. A server of the peer's has one client at a time, so there are as many servers. */
const AT_ONCE = 10;
/** How long a handshake may take, ms: its timers double, and one in ten thousand loses the same flight four times. */
const PATIENCE = 100_000;

/**
 * @param {{ after: Function }} t ends what was started
 * @param {object} pair of index.js
 * @param {number} seed of the first network
 * @returns {Promise<string>} how many handshakes there were, and how many datagrams were lost in them
 */
async function runMany(t, { peer, role, scenario }, seed) {
  const keys = makeKeys(t, scenario);
  const files = peerFiles(scenario, role, keys);
  const patient = { ...scenario, patience: PATIENCE };
  const tally = { done: 0, lost: 0, passed: 0 };
  const server = role === 'client' ? await startServer(t, ourServer(scenario, keys), echo) : undefined;
  const workers = Array.from({ length: AT_ONCE }, (_, worker) => {
    const numbers = Array.from({ length: scenario.handshakes }, (__, number) => number);
    const own = numbers.filter((number) => number % AT_ONCE === worker);
    return role === 'client' ? theirClients(own) : ourClients(own);
  });
  await Promise.all(workers);
  assert.equal(tally.done, scenario.handshakes);
  if (server !== undefined) assert.equal(server.stats.handshakesCompleted, scenario.handshakes);
  assert(tally.lost > 0, 'nothing was lost');
  return `all of them; ${tally.lost} of ${tally.lost + tally.passed} datagrams lost, seed ${seed}`;

  async function theirClients(numbers) {
    for (const number of numbers) {
      const relay = await lossyProxy(t, server.address().port, { loss: LOSS, seed: seed + number });
      const program = peer.client(t, relay.port, scenario, files);
      await program.connected(PATIENCE);
      calm(relay);
      await program.exchange();
      program.kill();
      count(relay);
    }
  }

  async function ourClients(numbers) {
    const port = await quietPort();
    const program = peer.server(t, port, scenario, files);
    await program.listening();
    for (const number of numbers) {
      const relay = await lossyProxy(t, port, { loss: LOSS, seed: seed + number });
      const target = { address: () => ({ port: relay.port }) };
      const client = openClient(t, target, ourClient(scenario, keys));
      const failure = new Promise((_resolve, reject) => client.once('error', reject));
      await within(Promise.race([event(client, 'secureConnect'), failure]), patient, program);
      checkPeer(client, scenario, keys);
      // Its last flight is still on its way: a client of DTLS 1.3 is connected before its server is.
      await within(Promise.race([program.exchange(client), failure]), patient, program);
      calm(relay);
      const closed = event(client, 'close');
      client.end();
      await closed;
      count(relay);
    }
  }

  function count(relay) {
    tally.done += 1;
    tally.lost += relay.lost;
    tally.passed += relay.passedInHandshake;
  }
}

module.exports = { runMany };
