'use strict';

// docs/mistakes.md says what is printed today. The mistakes that take their time are left to `npm run mistakes`.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const certificates = require('../support/certificates.js');
const { byAwsLc } = require('../support/verifier.js');
const { fileInDefaultVersions } = require('../support/older-version.js');

fileInDefaultVersions();

const PAGE = path.join(__dirname, '..', '..', 'docs', 'mistakes.md');
const SLOW = /^Peers that are absent/;

test('the table of mistakes is what they print', {
  skip: certificates.available ? !byAwsLc && 'this build has no DTLS 1.3' : 'there is no openssl',
}, async () => {
  const { COUNT, MISTAKES, row } = require('../mistakes/table.js');
  assert(COUNT >= 80);
  const lines = new Set(fs.readFileSync(PAGE, 'utf8').split('\n'));
  for (const [title, mistakes] of Object.entries(MISTAKES)) {
    assert(lines.has(`## ${title}`), `${title}: npm run mistakes`);
    for (const [mistake, make] of Object.entries(mistakes)) {
      if (SLOW.test(title)) continue;
      const now = row(mistake, await make());
      assert(lines.has(now), `npm run mistakes writes another row now:\n${now}`);
    }
  }
});

test('every error code in the table of mistakes is explained in errors.md', () => {
  const codes = fs.readFileSync(PAGE, 'utf8').match(/\bERR_(?:DTLS|TLS|INVALID|MISSING|OUT|SERVER)[A-Z_]*/g);
  const explained = fs.readFileSync(path.join(path.dirname(PAGE), 'errors.md'), 'utf8');
  assert.deepEqual(
    [...new Set(codes)].filter((code) => !explained.includes(`### ${code}\n`)),
    [],
  );
});
