'use strict';

// Numbers for readers: what a series of times comes to, and counts.

/** @returns {{ min?: number, median?: number, max?: number }} in the unit of the times, with three decimals */
function spread(times) {
  if (times.length === 0) return {};
  const sorted = [...times].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { min: rounded(sorted[0]), median: rounded(median), max: rounded(sorted.at(-1)) };
}

function inMilliseconds({ min, median, max }) {
  return `${[min, median, max].map((time) => time.toFixed(2)).join('/')} ms`;
}

/** '1 datagram', '2 datagrams' */
function counted(number, noun) {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function rounded(number) {
  return Math.round(number * 1000) / 1000;
}

module.exports = { counted, inMilliseconds, spread };
