'use strict';

// The quick pairs of the matrix: `npm run interop` runs all of them.

const { describe, test } = require('node:test');

const { pairs } = require('./matrix/index.js');
const { run } = require('./matrix/run.js');

/** Loses a part of every flight, but not so often that a peer gives up, whose timers usually double. */
const SEED = 3;

describe('the matrix', { concurrency: 4 }, () => {
  for (const pair of pairs().filter(({ quick, scenario }) => quick && !scenario.theirs)) {
    test(pair.title, { skip: pair.missing && `skipped (${pair.missing})` }, (t) => run(t, pair, SEED));
  }
});
