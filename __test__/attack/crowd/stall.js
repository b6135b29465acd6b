'use strict';

// A process of attackers at many addresses: so often a second, one proves an address, goes as far as a stage of the
// handshake, and is not heard of again. Told by a message; 'stop' ends it, and it says how many got there.

const process = require('node:process');

const { Address } = require('../engine/address.js');
const { DRIPS, STAGES } = require('./stages.js');

/** Between two bursts, ms. */
const PAUSE = 5;

/** Attempts that wait for an answer of the server's. */
const AT_A_TIME = 500;

/** Milliseconds without an answer after which an attempt counts as turned away. */
const PATIENCE = 250;

const WAYS = { ...STAGES, ...DRIPS };

/** Its addresses are closed by hand. */
const NO_TEST = { after() {} };

process.once('message', ({ port, target, stage, hosts, rate }) => {
  const began = performance.now();
  const counts = { attempts: 0, reached: 0 };
  let open = 0;

  const attempt = async (host) => {
    const address = await Address.open(NO_TEST, host);
    address.patience = PATIENCE;
    try {
      await WAYS[stage](address, port, target);
      counts.reached += 1;
    } catch {
      // The server did not answer.
    } finally {
      address.close();
    }
  };
  const timer = setInterval(() => {
    // What a slow machine has missed is not made up for all at once.
    const due = Math.min(((performance.now() - began) / 1_000) * rate, counts.attempts + (rate * PAUSE) / 250);
    while (counts.attempts < due && open < AT_A_TIME) {
      open += 1;
      attempt(hosts[counts.attempts++ % hosts.length]).finally(() => {
        open -= 1;
      });
    }
  }, PAUSE);
  process.once('message', () => {
    clearInterval(timer);
    process.send({ ...counts, seconds: (performance.now() - began) / 1_000 }, () => process.exit());
  });
  process.send('attacking');
});
