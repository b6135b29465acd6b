'use strict';

// Every error code that the sources name has its heading in docs/errors.md, and every heading its code in the sources.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const ROOT = path.join(__dirname, '..', '..');
const CODE =
  /['"]((?:ERR_(?:DTLS|FEATURE|INVALID|MISSING|OUT|SERVER|SOCKET|TLS)|ECONNREFUSED|E(?:HOST|NET)UNREACH|CERT|CRL|DEPTH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|SELF_SIGNED|UNABLE_TO|UNSPECIFIED)[A-Z_]*)['"]/g;

function codesInSources() {
  const files = ['lib', 'src'].flatMap((directory) =>
    fs.readdirSync(path.join(ROOT, directory), { recursive: true }).map((file) => path.join(ROOT, directory, file)),
  );
  const sources = files.filter((file) => /\.(js|rs)$/.test(file)).map((file) => fs.readFileSync(file, 'utf8'));
  return new Set(sources.flatMap((text) => [...text.matchAll(CODE)].map(([, code]) => code)));
}

function headings() {
  const text = fs.readFileSync(path.join(ROOT, 'docs', 'errors.md'), 'utf8');
  return new Set([...text.matchAll(/^### (\w+)$/gm)].map(([, code]) => code));
}

test('every error code is documented', () => {
  const documented = headings();
  assert.deepEqual(
    [...codesInSources()].filter((code) => !documented.has(code)),
    [],
  );
});

test('every documented error code exists', () => {
  const existing = codesInSources();
  assert.deepEqual(
    [...headings()].filter((code) => !existing.has(code)),
    [],
  );
});
