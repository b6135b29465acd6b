'use strict';

// The buffer in which payloads of one endpoint wait for one native call.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { outgoing } = require('../../lib/transport/outgoing.js');

const ONE = 'one endpoint';
const OTHER = 'another endpoint';

/** What the native object is told: of each payload, its connection and its text. */
function native() {
  const batches = [];
  const sendBatch = (bytes, entries, count) => {
    let start = 0;
    const batch = Array.from({ length: count }, (_, index) => {
      const [connection, end] = [entries[2 * index], entries[2 * index + 1]];
      const text = bytes.toString('latin1', start, end);
      start = end;
      return [connection, text];
    });
    batches.push(batch);
  };
  return { batches, sendBatch };
}

test('payloads leave in one call and in their order, for the endpoint that has the buffer', () => {
  const told = native();
  assert.equal(outgoing.put(ONE, 1, Buffer.from('too early')), false);
  outgoing.open(ONE, told);
  outgoing.open(OTHER, told);
  assert.equal(outgoing.put(ONE, 1, Buffer.from('one')), true);
  assert.equal(outgoing.put(OTHER, 2, Buffer.from('two')), false);
  assert.equal(outgoing.put(ONE, 3, Buffer.from('three')), true);
  outgoing.flush(OTHER);
  outgoing.close(OTHER);
  assert.deepEqual(told.batches, []);
  outgoing.flush(ONE);
  outgoing.flush(ONE);
  assert.equal(outgoing.put(ONE, 4, Buffer.from('four')), true);
  outgoing.close(ONE);
  assert.deepEqual(told.batches, [
    [
      [1, 'one'],
      [3, 'three'],
    ],
    [[4, 'four']],
  ]);
  outgoing.open(OTHER, told);
  assert.equal(outgoing.put(ONE, 1, Buffer.from('too late')), false);
  outgoing.close(OTHER);
  assert.equal(told.batches.length, 2);
});

test('payloads wait for no more than 31 others', () => {
  const told = native();
  outgoing.open(ONE, told);
  const counts = Array.from({ length: 65 }, (_, index) => {
    assert.equal(outgoing.put(ONE, index, Buffer.from('.')), true);
    return told.batches.length;
  });
  assert.deepEqual([counts[30], counts[31], counts[62], counts[63], counts[64]], [0, 1, 1, 2, 2]);
  outgoing.close(ONE);
  assert.deepEqual(
    told.batches.map((batch) => batch.length),
    [32, 32, 1],
  );
  assert.deepEqual(
    told.batches.flat().map(([connection]) => connection),
    counts.map((_, index) => index),
  );
});

test('a payload that does not fit beside the others makes them leave first, and one that is longer than the buffer is not taken', () => {
  const told = native();
  outgoing.open(ONE, told);
  const [half, whole] = ['h'.repeat(16_384), 'w'.repeat(32_768)];
  for (const text of [half, half, '.', whole]) assert.equal(outgoing.put(ONE, 1, Buffer.from(text)), true);
  assert.equal(outgoing.put(ONE, 1, Buffer.from(`${whole}.`)), false);
  outgoing.close(ONE);
  assert.deepEqual(told.batches, [
    [
      [1, half],
      [1, half],
    ],
    [[1, '.']],
    [[1, whole]],
  ]);
});

test('the buffer is free again when the native object fails', () => {
  const fails = () => {
    throw new Error('no');
  };
  outgoing.open(ONE, { sendBatch: fails });
  outgoing.put(ONE, 1, Buffer.from('lost'));
  assert.throws(() => outgoing.close(ONE), /no/);
  const told = native();
  outgoing.open(OTHER, told);
  assert.equal(outgoing.put(OTHER, 1, Buffer.from('goes')), true);
  outgoing.close(OTHER);
  assert.deepEqual(told.batches, [[[1, 'goes']]]);
});
