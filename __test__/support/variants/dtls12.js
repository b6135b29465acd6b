'use strict';

// Every endpoint of every test speaks DTLS 1.2 alone, unless a test is about DTLS 1.3 and says so; see threads.js.

const defaults = require('../../../lib/options/defaults.js');

for (const side of [defaults.server, defaults.client]) side.maxVersion = 'DTLSv1.2';
