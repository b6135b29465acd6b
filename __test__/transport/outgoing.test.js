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
  outgoing.open(ONE);
  outgoing.open(OTHER);
  assert.equal(outgoing.put(ONE, 1, Buffer.from('one')), true);
  assert.equal(outgoing.put(OTHER, 2, Buffer.from('two')), false);
  assert.equal(outgoing.put(ONE, 3, Buffer.from('three')), true);
  outgoing.flush(OTHER, told);
  outgoing.close(OTHER, told);
  assert.deepEqual(told.batches, []);
  outgoing.flush(ONE, told);
  outgoing.flush(ONE, told);
  assert.equal(outgoing.put(ONE, 4, Buffer.from('four')), true);
  outgoing.close(ONE, told);
  assert.deepEqual(told.batches, [
    [
      [1, 'one'],
      [3, 'three'],
    ],
    [[4, 'four']],
  ]);
  outgoing.open(OTHER);
  assert.equal(outgoing.put(ONE, 1, Buffer.from('too late')), false);
  outgoing.close(OTHER, told);
  assert.equal(told.batches.length, 2);
});

test('there is room for 64 payloads', () => {
  const told = native();
  outgoing.open(ONE);
  let count = 0;
  while (outgoing.put(ONE, count, Buffer.from('.'))) count++;
  assert.equal(count, 64);
  outgoing.close(ONE, told);
  assert.equal(told.batches[0].length, 64);
});

test('the buffer is free again when the native object fails', () => {
  outgoing.open(ONE);
  outgoing.put(ONE, 1, Buffer.from('lost'));
  const fails = () => {
    throw new Error('no');
  };
  assert.throws(() => outgoing.close(ONE, { sendBatch: fails }), /no/);
  const told = native();
  outgoing.open(OTHER);
  assert.equal(outgoing.put(OTHER, 1, Buffer.from('goes')), true);
  outgoing.close(OTHER, told);
  assert.deepEqual(told.batches, [[[1, 'goes']]]);
});
