'use strict';

// What a process has used until now, as Linux tells whoever asks.

const fs = require('node:fs');

/** Microseconds that all threads of a process have run. */
function cpuOf(pid) {
  const times = fs
    .readdirSync(`/proc/${pid}/task`)
    .map((thread) => fs.readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]);
  return times.reduce((sum, time) => sum + Number(time), 0) / 1000;
}

/** Kilobytes of a process that are in memory. */
function memoryOf(pid) {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'latin1'))[1]);
}

module.exports = { cpuOf, memoryOf };
