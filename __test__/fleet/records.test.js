'use strict';

// What the store of a fleet has: nobody without the key reads, changes, moves or cuts it.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { describe, it } = require('node:test');

const { Records } = require('../../lib/fleet/records');

const KEY = randomBytes(32);
/** Where the number of a record ends: behind version, salt and proof. */
const NUMBER_END = 39;

describe('records of a fleet', () => {
  it('are opened by any node that has the key, under their name', () => {
    const [one, other] = [new Records(KEY), new Records(KEY)];
    for (const text of ['', 'secret', 'x'.repeat(100_000)]) {
      const pieces = [Buffer.from(text), Buffer.from(' and more')];
      const sealed = one.seal('id:01', pieces);
      assert.ok(
        pieces.every((piece) => piece.every((byte) => byte === 0)),
        'the plaintext is wiped',
      );
      assert.ok(!sealed.includes('and more'));
      for (const records of [one, other]) assert.equal(String(records.open('id:01', sealed)), `${text} and more`);
    }
  });

  it('are not opened under another name', () => {
    const records = new Records(KEY);
    const sealed = records.seal('id:01', [Buffer.from('secret')]);
    assert.throws(() => records.open('id:02', sealed), { code: 'ERR_DTLS_EXPORT_DAMAGED' });
  });

  it('are refused when any of their bits has changed, and when they are cut or longer', () => {
    const records = new Records(KEY);
    const sealed = records.seal('id:01', [Buffer.from('secret')]);
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3] ^= 1 << (bit & 7);
      assert.throws(() => records.open('id:01', changed), { code: /^ERR_DTLS_EXPORT_(DAMAGED|WRONG_KEY)$/ }, `${bit}`);
    }
    for (let length = 0; length < sealed.length; length++) {
      assert.throws(() => records.open('id:01', sealed.subarray(0, length)), { code: 'ERR_DTLS_EXPORT_DAMAGED' });
    }
    assert.throws(() => records.open('id:01', Buffer.concat([sealed, Buffer.of(0)])), {
      code: 'ERR_DTLS_EXPORT_DAMAGED',
    });
  });

  it('of another key say so', () => {
    const sealed = new Records(randomBytes(32)).seal('id:01', [Buffer.from('secret')]);
    assert.throws(() => new Records(KEY).open('id:01', sealed), { code: 'ERR_DTLS_EXPORT_WRONG_KEY' });
  });

  it('never have a number twice under one salt, and each node has a salt of its own', () => {
    const nonces = new Set();
    for (let node = 0; node < 3; node++) {
      const records = new Records(KEY);
      for (let count = 0; count < 1000; count++) {
        const sealed = records.seal('id:01', [Buffer.from('same')]);
        nonces.add(sealed.toString('latin1', 1, NUMBER_END));
      }
    }
    assert.equal(nonces.size, 3000);
  });

  it('of a hundred nodes are opened, though not so many keys are kept', () => {
    const records = new Records(KEY);
    const sealed = Array.from({ length: 100 }, (_, node) => new Records(KEY).seal('id:01', [Buffer.from(`${node}`)]));
    for (let round = 0; round < 2; round++) {
      for (const [node, bytes] of sealed.entries()) assert.equal(String(records.open('id:01', bytes)), `${node}`);
    }
  });
});
