'use strict';

// A server process that lets saved connections go on, each for one message, and ends them without a word: what nonces.test.js starts
// under clocks of its own. It is told what to do by messages, and reports the same way.

const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');

const { createServer } = require('../../..');

let warnings = 0;
process.on('warning', () => warnings++);

/** Restores copies in turn, so often, and sends one message on each. */
async function restore({ copies, remote, times, options }) {
  const server = createServer({ ...options, sendClose: false });
  server.on('error', () => warnings++);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const report = { clock: Date.now(), restored: 0, refused: 0, warnings: 0, copy: null };
  for (let time = 0; time < times; time++) {
    if (!server.resumeSocket(remote, copies[time % copies.length])) {
      report.refused += 1;
      continue;
    }
    report.restored += 1;
    const [socket] = Object.values(server.sockets);
    socket.on('error', () => warnings++);
    await new Promise((resolve) => socket.write(`${process.pid}/${time}`, resolve));
    report.copy = socket.session;
    socket.reset();
    // A receive buffer has room for so many.
    await sleep(1);
  }
  await new Promise((resolve) => server.close(resolve));
  return { ...report, warnings };
}

process.on('message', async (task) => process.send(await restore(task)));
