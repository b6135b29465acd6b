'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const certificates = require('../support/certificates.js');
const { fuzz, open } = require('./fuzz.js');

/** The same files each time; `npm run fuzz -- SECONDS pkcs12` reads others, for longer. */
const SEED = 7;
const FILES = 150;

describe('a PKCS#12 file that is spoilt', { skip: certificates.available ? false : 'openssl not found' }, () => {
  test('is read soon, or refused soon with one of two errors', () => {
    const seen = fuzz(SEED, { count: FILES });
    assert.deepEqual(Object.keys(seen).sort(), ['ERR_DTLS_INVALID_PFX', 'ERR_DTLS_WRONG_PASSPHRASE', 'read']);
  });

  test('may claim any length, and is nested as deep as it likes', () => {
    for (const head of ['3084ffffffff', '30847fffffff', '3080'.repeat(300_000), '24802480', '3083ffffff']) {
      assert.equal(open({ bytes: Buffer.from(head, 'hex'), passphrase: '' }), 'ERR_DTLS_INVALID_PFX');
    }
    // Each element as long as all that is left.
    const nested = Buffer.alloc(1_000_000);
    for (let at = 0; at + 5 <= nested.length; at += 5) nested.writeUIntBE(0x3083, at, 2);
    for (let at = 0; at + 5 <= nested.length; at += 5) nested.writeUIntBE(nested.length - at - 5, at + 2, 3);
    assert.equal(open({ bytes: nested, passphrase: '' }), 'ERR_DTLS_INVALID_PFX');
  });
});
