'use strict';

// What the dashboard keeps of failures, whose codes an application may choose.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { Failures } = require('../../lib/dashboard/failures.js');

const SOCKET = { remoteAddress: '192.0.2.1', remotePort: 5684, claim: {} };
const failing = (failures, code, message = 'no') =>
  failures.note('handshake', Object.assign(new Error(message), { code }), SOCKET);

test('a hundred codes are counted apart, and all others together', () => {
  const failures = new Failures();
  for (let number = 0; number < 103; number++) failing(failures, `CODE_${number}`);
  failing(failures, 'CODE_7');
  const { totals, counts, noted } = failures.after(0);
  assert.equal(noted, 104);
  assert.equal(Object.keys(totals).length, 101);
  assert.deepEqual(
    [totals.CODE_0, totals.CODE_7, totals.CODE_99, totals.CODE_100, totals.other],
    [1, 2, 1, undefined, 3],
  );
  assert.deepEqual({ ...counts }, totals);
});

test('the last two hundred are kept, and those that somebody has seen are not told again', () => {
  const failures = new Failures();
  for (let number = 1; number <= 205; number++) failing(failures, 'CODE', `failure ${number}`);
  const { last, most } = failures.after(0);
  assert.deepEqual([last.length, most, last[0].number, last[0].message], [200, 200, 6, 'failure 6']);
  assert.deepEqual(
    failures.after(203).last.map(({ number }) => number),
    [204, 205],
  );
});

test('counts are taken once, totals stay', () => {
  const failures = new Failures();
  failing(failures, 'ONE');
  assert.deepEqual({ ...failures.takeCounts() }, { ONE: 1 });
  assert.deepEqual({ ...failures.takeCounts() }, {});
  failing(failures, 'ONE');
  assert.deepEqual({ ...failures.takeCounts() }, { ONE: 1 });
  assert.deepEqual(failures.after(0).totals, { ONE: 2 });
});

test('long words are cut, and what is no Error has its name or its text', () => {
  const failures = new Failures();
  failing(failures, 'c'.repeat(301), 'm'.repeat(301));
  failures.note('connection', new TypeError('typed'), SOCKET);
  failures.note('connection', 'a text', SOCKET);
  const { last } = failures.after(0);
  assert.deepEqual(
    last.map(({ stage, code, message }) => [stage, code.length, message.length]),
    [
      ['handshake', 300, 300],
      ['connection', 9, 5],
      ['connection', 5, 6],
    ],
  );
});
