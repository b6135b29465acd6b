'use strict';

// Long work on the event loop, in slices: a server with a million connections goes on serving while somebody looks at
// them. The work is a generator, which yields wherever it may be interrupted.

/** Time that the work takes in one turn of the event loop, ms. */
const SLICE = 2;

/** How many items are sorted, or merged, without an interruption. */
const RUN = 256;

/** Takes the steps to their end, and resolves to what the generator returns. */
async function inSlices(steps) {
  for (;;) {
    const end = performance.now() + SLICE;
    while (performance.now() < end) {
      const { done, value } = steps.next();
      if (done) return value;
    }
    await new Promise(setImmediate);
  }
}

/**
 * Sorts by merging ever longer runs, and returns another array. Equal items keep their order. What is compared may change
 * meanwhile; the order is then that of some moment on the way.
 */
function* sorted(items, compare) {
  let from = [];
  for (let start = 0; start < items.length; start += RUN) {
    from.push(...items.slice(start, start + RUN).sort(compare));
    yield;
  }
  let to = new Array(items.length);
  for (let width = RUN; width < items.length; width *= 2) {
    for (let start = 0; start < items.length; start += 2 * width) yield* merge(from, to, start, width, compare);
    [from, to] = [to, from];
  }
  return from;
}

/** Merges the run at `start` with the next one. */
function* merge(from, to, start, width, compare) {
  const middle = Math.min(start + width, from.length);
  const end = Math.min(middle + width, from.length);
  let [left, right] = [start, middle];
  for (let at = start; at < end; at++) {
    const takesLeft = left < middle && (right === end || compare(from[left], from[right]) <= 0);
    to[at] = takesLeft ? from[left++] : from[right++];
    if (at % RUN === 0) yield;
  }
}

module.exports = { inSlices, sorted };
