'use strict';

// Every endpoint of every test speaks DTLS 1.3 as well as 1.2, so that two of them talk the newer version; see threads.js. A test
// where the version matters is named in ../older-version.js, with the reason, and has its own default.

const path = require('node:path');
const { isMainThread } = require('node:worker_threads');

const defaults = require('../../../lib/options/defaults.js');
const { needsOlderVersion } = require('../older-version.js');

/** What programs and threads that a test starts are told of its version. */
const VARIABLE = 'MAX_VERSION_OF_TEST';

function speak(version) {
  for (const side of [defaults.server, defaults.client]) side.maxVersion = version;
  process.env[VARIABLE] = version;
}

speak(process.env[VARIABLE] ?? 'DTLSv1.3');

const [, program] = process.argv;
if (isMainThread && program?.endsWith('.test.js')) {
  const { beforeEach } = require('node:test');
  const file = path.relative(path.join(__dirname, '..', '..'), program);
  speak(needsOlderVersion(file) ? 'DTLSv1.2' : 'DTLSv1.3');
  beforeEach((t) => speak(needsOlderVersion(file, t.fullName) ? 'DTLSv1.2' : 'DTLSv1.3'));
}
