'use strict';

// What the page of the dashboard says, in words and numbers.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const format = import('../../lib/dashboard/page/format.mjs');

test('durations have their two largest units', async () => {
  const { duration } = await format;
  const said = [-5, 999, 59_000, 60_000, 61_500, 600_000, 601_000, 3_600_000, 90_061_000].map(duration);
  assert.deepEqual(said, ['0 s', '0 s', '59 s', '1 min', '1 min 1 s', '10 min', '10 min', '1 h 0 min', '1 d 1 h']);
});

test('numbers are rounded to what can be read', async () => {
  const { amount, bytes, count } = await format;
  assert.deepEqual([0, 0.26, 17.34, 99.96, 1240.4].map(amount), ['0', '0.3', '17.3', '100', '1,240']);
  assert.deepEqual([0, 999, 1000, 999_499, 999_500, 5.25e9].map(bytes), [
    '0 B',
    '999 B',
    '1 kB',
    '999 kB',
    '1 MB',
    '5.3 GB',
  ]);
  assert.equal(count(10_000), '10,000');
});

test('what cannot be seen in a name, or reorders it, is shown by its number', async () => {
  const { visible } = await format;
  assert.equal(
    visible('sensor\u202e\0\n\u200b1 \u00fc \u{1f50c}'),
    'sensor\\u202e\\u0000\\u000a\\u200b1 \u00fc \u{1f50c}',
  );
});

test('counters have names in words', async () => {
  const { inWords } = await format;
  const names = ['handshakesFailed', 'drops.noConnection', 'errors.ERR_DTLS_WRONG_PSK'];
  assert.deepEqual(names.map(inWords), ['Handshakes failed', 'Drops no connection', 'Errors ERR_DTLS_WRONG_PSK']);
});
