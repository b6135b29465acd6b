'use strict';

// How much a passphrase is worked with.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { Passphrase, Unsupported } = require('../../lib/pkcs12/pbe.js');

test('a passphrase is hashed five million times at most, whatever asks for it', () => {
  const passphrase = new Passphrase('secret');
  assert.equal(passphrase._spend(1_000_000, 3), 1_000_000);
  assert.equal(passphrase._spend(2_000_000, 1), 2_000_000);
  assert.throws(() => passphrase._spend(1, 1), Unsupported);
  assert.throws(() => new Passphrase('secret')._spend(5_000_001, 1), Unsupported);
  for (const count of [0, -1]) assert.throws(() => new Passphrase('secret')._spend(count, 1), SyntaxError);
});

test('an empty passphrase is written in two ways, and another one in one', () => {
  const empty = new Passphrase('');
  assert.equal(empty.isEmpty, true);
  assert.deepEqual([empty.takeOther(), empty.takeOther()], [true, false]);
  const other = new Passphrase('secret');
  assert.equal(other.isEmpty, false);
  assert.equal(other.takeOther(), false);
});
