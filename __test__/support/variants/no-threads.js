'use strict';

// Every endpoint of every test does its handshakes on the event loop, however many cores there are; see threads.js.

const defaults = require('../../../lib/options/defaults.js');

for (const side of [defaults.server, defaults.client]) side.handshakeThreads = 0;
