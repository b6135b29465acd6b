'use strict';

// A process that may open no more files.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const path = require('node:path');
const process = require('node:process');
const { test } = require('node:test');
const { promisify } = require('node:util');

const PROGRAM = path.join(__dirname, 'programs', 'descriptors.js');

/** What Node.js itself opens, and some connections. */
const DESCRIPTORS = 64;

const skip = process.platform === 'win32' && 'skipped (no ulimit here)';

test('without a descriptor connect() and listen() fail with EMFILE, and who has one goes on', { skip }, async () => {
  const limited = ['-c', `ulimit -n ${DESCRIPTORS} && exec "$@"`, 'sh', process.execPath, PROGRAM];
  const { stdout } = await promisify(execFile)('sh', limited, { timeout: 60_000 });
  const { opened, refusal, listening, answers, answer } = JSON.parse(stdout);
  assert(opened > 0 && opened < DESCRIPTORS, `${opened} clients`);
  assert.deepEqual([refusal, listening], ['EMFILE', 'EMFILE']);
  assert.deepEqual(answers, Array(opened).fill('hello'));
  assert.equal(answer, 'hello');
});
