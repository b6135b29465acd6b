'use strict';

// Every connection of every test hibernates as soon as nothing happens on it; see threads.js.

const defaults = require('../../../lib/options/defaults.js');

for (const side of [defaults.server, defaults.client]) side.hibernateAfter = 0;
