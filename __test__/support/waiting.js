'use strict';

// What a test can only wait for: time, and what other threads of this process do.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');

/** Waits until it is so, for some seconds. */
async function comesTrue(isSo) {
  for (const end = performance.now() + 10_000; !isSo() && performance.now() < end; ) await sleep(1);
  assert(isSo(), String(isSo));
}

/** Waits so many milliseconds, while nothing else happens in this thread. */
function pause(milliseconds) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** How many threads of this process have this name, where the system tells. */
function threadsOf(name) {
  const names = fs.readdirSync('/proc/self/task').map((task) => {
    try {
      return fs.readFileSync(`/proc/self/task/${task}/comm`, 'latin1').trim();
    } catch {
      // It has ended meanwhile.
      return undefined;
    }
  });
  return names.filter((one) => one === name).length;
}

module.exports = { comesTrue, pause, threadsOf };
