'use strict';

// What a scenario expects of the outputs, by the script's own rules (check_test_failure).

const { isSaid } = require('./ours.js');

/** What both programs print when they come as far as the handshake. */
const REACHED = 'Performing the SSL/TLS handshake';

/** Flags of the script, by the side whose output they look into. */
const SIDES = { '-s': 'server', '-S': 'server', '-U': 'server', '-c': 'client', '-C': 'client', '-u': 'client' };

/** The checks that apply: those of their output, and those of ours about which ours says something. */
function checksOf({ checks, ours, theirs }) {
  const applies = ({ flag, pattern }) =>
    SIDES[flag] === theirs.role || (SIDES[flag] === ours.role && isSaid(pattern) && /^-[sScC]$/.test(flag));
  return checks.filter(applies);
}

/**
 * What does not hold, if anything.
 *
 * @param {object} situation of run.js
 * @param {{ succeeded: boolean, isLate: boolean, outputs: { client: string, server: string } }} outcome
 * @returns {{ message: string, isInconclusive?: boolean } | undefined} inconclusive: the script would try again
 */
function failureOf(situation, { succeeded, isLate, outputs }) {
  if (isLate) return { message: 'the client did not end in time', isInconclusive: true };
  const { theirs, succeeds } = situation;
  if (!outputs[theirs.role].includes(REACHED)) return { message: `their ${theirs.role} did not reach the handshake` };
  if (succeeded !== succeeds) return { message: `the client ${succeeded ? 'succeeded' : 'failed'}` };
  for (const { flag, pattern } of checksOf(situation)) {
    const side = SIDES[flag];
    if (holds(flag, pattern, outputs[side])) continue;
    const must = { s: 'must be', S: 'must not be' }[flag === flag.toLowerCase() ? 's' : 'S'];
    const message = /[uU]/.test(flag)
      ? `lines behind '${pattern}' must differ in the output of the ${side}`
      : `'${pattern}' ${must} in the output of the ${side}`;
    return { message, isInconclusive: pattern === 'resend' };
  }
  return undefined;
}

function holds(flag, pattern, output) {
  const lines = output.split('\n');
  const expression = basic(pattern);
  if (flag === '-u' || flag === '-U') {
    const behind = lines.filter((line, index) => expression.test(lines[index - 1] ?? '') && !expression.test(line));
    return new Set(behind).size === behind.length;
  }
  return lines.some((line) => expression.test(line)) === (flag === '-s' || flag === '-c');
}

/** A basic regular expression as grep reads it. */
function basic(pattern) {
  return new RegExp(pattern.replace(/\\([(){}|+?])|[(){}|+?]/g, (found, special) => special ?? `\\${found}`));
}

module.exports = { checksOf, failureOf };
