'use strict';

// Every endpoint of every test does its handshakes on the event loop, even on a machine with many cores; see
// threads.js.

const defaults = require('../../../lib/options/defaults.js');

for (const side of [defaults.server, defaults.client]) side.handshakeThreads = 0;
