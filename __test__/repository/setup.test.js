'use strict';

// Programs that the tests need, and that `npm run setup` installs. Without one of them whole files would be skipped, and a run that
// has tested little would look like one that has tested everything.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const certificates = require('../support/certificates.js');

test('openssl is there, which makes the certificates of the tests', () => {
  assert(certificates.available, 'run `npm run setup`');
});
