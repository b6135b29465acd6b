'use strict';

// Every endpoint of every test has threads for its handshakes, even on a machine with few cores:
//
//   npm run test:variants -- threads
//
// A variant changes a default before anything uses it; an option that a test sets still counts. NODE_OPTIONS reaches
// the programs and worker threads that tests start too.

const defaults = require('../../../lib/options/defaults.js');

for (const side of [defaults.server, defaults.client]) side.handshakeThreads = 2;
