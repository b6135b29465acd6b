'use strict';

// Every endpoint of every test has threads for its handshakes, however few cores there are:
//
//   npm run test:variants -- threads
//
// A variant changes a default before anything uses it; what a test says itself stands. NODE_OPTIONS reaches the programs
// and worker threads that tests start, too.

const defaults = require('../../../lib/options/defaults.js');

for (const side of [defaults.server, defaults.client]) side.handshakeThreads = 2;
