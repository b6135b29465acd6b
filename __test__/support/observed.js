'use strict';

// What something did, as a value to compare: what it has thrown, and what it has warned of.

const assert = require('node:assert/strict');
const process = require('node:process');

/** Until what waits for the next ticks and rounds of the event loop has happened. */
async function later(rounds = 1) {
  for (let count = 0; count < rounds; count++) await new Promise(setImmediate);
}

/** @returns {[unknown, unknown]} code and message of what was thrown; the whole of what is no error stands for a message */
function thrown(act) {
  try {
    act();
  } catch (error) {
    return [error?.code, error?.message ?? error];
  }
  return assert.fail('nothing was thrown');
}

/** The warnings of this process until the next round of the event loop; `kept`: what of each. */
async function warned(act, kept = ({ code, message }) => [code, message]) {
  const warnings = [];
  const listen = (warning) => warnings.push(kept(warning));
  process.on('warning', listen);
  await act();
  await later();
  process.off('warning', listen);
  return warnings;
}

module.exports = { later, thrown, warned };
