'use strict';

// Californium's simulator of a NAT in place of ours (nat.js), if `npm run setup -- --interop` has installed it.

const { installed } = require('../interop/matrix/installed.js');
const { HOST, freePort } = require('./endpoints.js');
const { Program } = require('./program.js');

const MAIN = 'org.eclipse.californium.util.nat.Nat';

/**
 * @param {{ after: Function }} test at whose end it is closed
 * @param {number} serverPort
 * @param {{ loss?: number }} [weather] the share of datagrams that get lost, 0 to 1
 * @returns {Promise<{ port: number, rebind: () => Promise<void> }>} as those of nat.js
 */
async function startCfNat(test, serverPort, { loss = 0 } = {}) {
  const port = await freePort();
  const classpath = installed('cf-nat', 'lib', '*');
  const places = [`${HOST}:${port}`, `${HOST}:${serverPort}`];
  const program = new Program('java', ['-cp', classpath, MAIN, ...places, `-d${Math.round(loss * 100)}`]);
  test.after(() => program.kill());
  // An empty line asks how many clients it has.
  program.say('');
  await program.printed('0 NAT entries');
  const rebind = async () => {
    program.say('reassign');
  };
  return { port, rebind };
}

module.exports = { startCfNat };
