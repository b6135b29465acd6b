'use strict';

// A clock that is wrong, for a program that a test starts.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const process = require('node:process');

/**
 * @param {object} t
 * @param {number} shift seconds
 * @returns {object | null} the environment of a program whose clock is ahead; null when there can be none, which takes cc and Linux
 */
function clockAhead(t, shift) {
  if (process.platform !== 'linux') return null;
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-'));
  t.after(() => fs.rmSync(directory, { recursive: true }));
  const library = path.join(directory, 'clock.so');
  const { status } = spawnSync('cc', [
    '-shared',
    '-fPIC',
    '-o',
    library,
    path.join(__dirname, 'shifted-clock.c'),
    '-ldl',
  ]);
  return status === 0 ? { LD_PRELOAD: library, CLOCK_SHIFT: String(shift) } : null;
}

module.exports = { clockAhead };
