'use strict';

// Processes of attackers, as tests and measurements start them.
//
//   const attackers = await startAttackers('stall.js', { port, stage, hosts, rate })
//   ...
//   const { reached } = await attackers.stop()

const { fork } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');

/**
 * @param {'stall.js' | 'flood.js'} script
 * @param {object} task see there
 */
async function startAttackers(script, task) {
  const child = fork(path.join(__dirname, script));
  child.send(task);
  await once(child, 'message');
  return {
    pid: child.pid,
    /** Ends the attack; answers what it counted. */
    async stop() {
      child.send('stop');
      const [counts] = await once(child, 'message');
      return counts;
    },
    kill: () => child.kill('SIGKILL'),
  };
}

/** So many IPv4 addresses of the loopback network, none of which is an honest client's. */
function addresses(count) {
  return Array.from({ length: count }, (_, index) => `127.0.${66 + (index >> 8)}.${(index & 255) + 1}`);
}

/** So many IPv6 prefixes of 64 bits, with so many addresses in each; they must be made this machine's first. */
function prefixAddresses(prefixes, each) {
  const all = [];
  for (let index = 0; index < each; index++) {
    for (let prefix = 1; prefix <= prefixes; prefix++) all.push(`fd00:0:0:${prefix}::${(index + 1).toString(16)}`);
  }
  return all;
}

module.exports = { addresses, prefixAddresses, startAttackers };
