'use strict';

// The pages of docs/guide, followed from top to bottom in an empty project.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const process = require('node:process');
const { test } = require('node:test');

const certificates = require('../support/certificates');
const { freePort } = require('../support/endpoints');
const { makeProject } = require('../support/npm-project');
const { Session, hasSqlite } = require('../support/session');
const { byAwsLc } = require('../support/verifier');
const { fileInDefaultVersions } = require('../support/older-version.js');

fileInDefaultVersions();

const GUIDE = path.join(__dirname, '..', '..', 'docs', 'guide');
const pages = fs.readdirSync(GUIDE).filter((file) => file !== 'README.md');
const read = (page) => fs.readFileSync(path.join(GUIDE, page), 'utf8');

/** Languages of blocks that nobody types, and that no program here reads. */
const UNTYPED = ['dockerfile', 'ini'];
const TYPED = ['js', 'sh', 'console'];

const reasons = [
  [process.platform === 'win32', 'it is typed into a POSIX shell'],
  [!certificates.available, 'openssl was not found'],
  [!byAwsLc, 'this build has no DTLS 1.3'],
];
const skip = reasons.find(([holds]) => holds)?.[1];

test('the index of the guide names all its pages', () => {
  const named = [...read('README.md').matchAll(/\]\(([\w-]+\.md)\)/g)].map(([, page]) => page);
  assert.deepEqual(named.sort(), pages.sort());
});

for (const page of pages) {
  const languages = [...read(page).matchAll(/^```(\w+)\n/gm)].map(([, language]) => language);

  test(`docs/guide/${page} has no block of code that is not tried`, () => {
    const others = languages.filter((language) => !TYPED.includes(language) && !UNTYPED.includes(language));
    assert.deepEqual(others, []);
  });

  if (!languages.includes('console')) continue;
  test(`docs/guide/${page} works as it is typed`, { skip }, async (t) => {
    if (!hasSqlite && read(page).includes("'node:sqlite'")) t.diagnostic('without SQLite, with the program for a file');
    await new Session(t, makeProject(t, []), await freePort()).follow(read(page), TYPED);
  });
}
