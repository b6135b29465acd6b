'use strict';

// The session in docs/cli.md, as it is typed.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const process = require('node:process');
const { test } = require('node:test');

const { temporaryDirectory } = require('../support/cli');
const { freePort } = require('../support/endpoints');
const { Session } = require('../support/session');
const { byAwsLc } = require('../support/verifier');
const { fileInDefaultVersions } = require('../support/older-version.js');

fileInDefaultVersions();

const PAGE = fs.readFileSync(path.join(__dirname, '..', '..', 'docs', 'cli.md'), 'utf8');

test('the session of docs/cli.md prints what the page says', {
  skip: process.platform === 'win32' ? 'it is typed into a POSIX shell' : !byAwsLc && 'this build has no DTLS 1.3',
}, async (t) => {
  const count = await new Session(t, temporaryDirectory(t), await freePort()).follow(PAGE, ['console']);
  assert(count.console >= 4, `${count.console} blocks were typed`);
});
