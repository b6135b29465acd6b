'use strict';

// Whatever JavaScript calls, with whatever values, in whatever order: the process goes on, and the next client is served.
// `npm run fuzz -- SECONDS boundary` does it for longer.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const path = require('node:path');
const process = require('node:process');
const { describe, test } = require('node:test');

const PLAY = path.join(__dirname, 'play.js');
const FLAGS = ['--expose-gc', '--force-node-api-uncaught-exceptions-policy=true'];
const SEED = '1';
const MILLISECONDS = '700';

/** What a play has done, once it has ended as it should. */
function play(kind) {
  return new Promise((resolve) => {
    const args = [...FLAGS, PLAY, kind, SEED, MILLISECONDS];
    execFile(process.execPath, args, { timeout: 60_000 }, (error, stdout, stderr) => {
      assert.equal(error, null, `${stdout}\n${stderr}`);
      // Rust catches its panics, and says them on the way.
      assert.doesNotMatch(stderr, /panicked at/);
      resolve(JSON.parse(stdout));
    });
  });
}

describe('Random calls with hostile values', () => {
  test('of everything that the module exports leave it able to serve', async () => {
    const { calls, thrown, served } = await play('public');
    assert.ok(served && calls > 20 && thrown > 0);
  });

  test('of the native classes leave the process alive', async () => {
    const { calls, thrown, served } = await play('native');
    assert.ok(served && calls > 20 && thrown > 0);
  });
});
