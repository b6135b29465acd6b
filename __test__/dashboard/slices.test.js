'use strict';

// Long work of the dashboard in slices.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { inSlices, sorted } = require('../../lib/dashboard/slices.js');

const byKey = (one, other) => one.key - other.key;

for (const length of [0, 1, 255, 256, 257, 513, 5000]) {
  test(`${length} items are sorted, and equal ones keep their order`, async () => {
    const items = Array.from({ length }, (_, place) => ({ key: (place * 7919) % 101, place }));
    const expected = items.toSorted(byKey);
    assert.deepEqual(await inSlices(sorted(items, byKey)), expected);
  });
}

test('the event loop has a turn every few milliseconds', async () => {
  const items = Array.from({ length: 50_000 }, (_, place) => ({ key: (place * 7919) % 50_021 }));
  let turns = 0;
  let isDone = false;
  const count = () => {
    turns++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  const began = performance.now();
  await inSlices(sorted(items, byKey));
  isDone = true;
  const time = performance.now() - began;
  assert(turns >= 3 && time / turns < 50, `${turns} turns in ${time} ms`);
});
