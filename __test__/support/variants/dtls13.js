'use strict';

// Every endpoint of every test speaks DTLS 1.3 as well as 1.2, so that two of them talk the newer version; see threads.js. A test
// that is about DTLS 1.2 says so itself, see ../older-version.js.

const defaults = require('../../../lib/options/defaults.js');

for (const side of [defaults.server, defaults.client]) side.maxVersion = 'DTLSv1.3';
