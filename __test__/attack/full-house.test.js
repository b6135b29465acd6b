'use strict';

// A full house is not a closed one: beside attackers who prove many addresses and then stop in the middle of their
// handshakes, honest clients get in. Here in short; `node bench/full-house.mjs` measures it at full size.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { BOB, event, openClient, startServer } = require('../support/endpoints.js');
const { addresses, startAttackers } = require('./crowd/attackers.js');
const { assertLetIn, meetHonestClients } = require('./crowd/honest.js');
const { NEVER_FOUND, STAGES } = require('./crowd/stages.js');
const { Address, HAS_LOOPBACK_NETWORK } = require('./engine/address.js');
const { Client } = require('./engine/client.js');

const MAX_HANDSHAKES = 50;
const ATTEMPTS_PER_SECOND = 300;

const skip = HAS_LOOPBACK_NETWORK ? false : 'attackers need addresses of their own';

/** The application finds keys in so many ms. */
const STORE_DELAY = 10;

/** A server whose application answers after a while, and about one identity never. */
function startService(t, options) {
  const pskCallback = (_socket, identity, callback) => {
    if (identity !== NEVER_FOUND) setTimeout(callback, STORE_DELAY, null, BOB.psk);
  };
  return startServer(t, { pskCallback, maxHandshakes: MAX_HANDSHAKES, ...options });
}

/** How long more attackers come than there is room for, before the honest do, ms. */
const PRESSURE = 500;

async function untilFull(server) {
  for (let tries = 0; server.stats.handshakes < MAX_HANDSHAKES * 0.9; tries++) {
    assert(tries < 500, `${server.stats.handshakes} handshakes are open`);
    await sleep(10);
  }
}

for (const stage of Object.keys(STAGES)) {
  test(`attackers with 16 addresses who stop after ${stage} keep no honest client out`, { skip }, async (t) => {
    const server = await startService(t);
    const quiet = await startService(t);
    const { port } = server.address();
    const task = { port, stage, hosts: addresses(16), rate: ATTEMPTS_PER_SECOND };
    const attackers = await startAttackers('stall.js', task);
    t.after(attackers.kill);
    // The counters do not count half of a hello as a handshake.
    if (stage !== 'half a hello') await untilFull(server);
    await sleep(PRESSURE);
    await assertLetIn({ port, ...BOB, handshakeTimeout: 3_000 }, quiet.address().port, 15);
    const { attempts } = await attackers.stop();
    assert(attempts > MAX_HANDSHAKES, `${attempts} attempts`);
  });
}

describe('a full house', { skip }, () => {
  test('displaces no connection that is open', async (t) => {
    const server = await startService(t, { maxConnections: MAX_HANDSHAKES + 1 });
    const { port } = server.address();
    const address = await Address.open(t);
    const client = await address.handshake(port, new Client());
    const [socket] = Object.values(server.sockets);
    const task = { port, stage: "the server's flight", hosts: addresses(16), rate: ATTEMPTS_PER_SECOND };
    const attackers = await startAttackers('stall.js', task);
    t.after(attackers.kill);
    await untilFull(server);
    await sleep(PRESSURE);
    const heard = event(socket, 'data');
    address.send(client.data('still here'), port);
    assert.equal(String((await heard)[0]), 'still here');
  });

  test('has room for a client from an address that the attackers share, as behind a NAT', async (t) => {
    const server = await startService(t);
    const { port } = server.address();
    const hosts = ['127.0.0.1', ...addresses(3)];
    const task = { port, stage: "the server's flight", hosts, rate: ATTEMPTS_PER_SECOND };
    const attackers = await startAttackers('stall.js', task);
    t.after(attackers.kill);
    await untilFull(server);
    await sleep(PRESSURE);
    const { failures } = await meetHonestClients({ port, ...BOB, handshakeTimeout: 5_000 }, 3);
    assert.deepEqual(failures, []);
  });

  test('is as open as before when the attackers have gone', async (t) => {
    const server = await startService(t, { handshakeTimeout: 1_000 });
    const { port } = server.address();
    const task = { port, stage: 'ClientKeyExchange', hosts: addresses(16), rate: ATTEMPTS_PER_SECOND };
    const attackers = await startAttackers('stall.js', task);
    t.after(attackers.kill);
    await untilFull(server);
    await attackers.stop();
    await sleep(1_500);
    assert.equal(server.stats.handshakes, 0);
    await event(openClient(t, server), 'secureConnect');
  });
});
