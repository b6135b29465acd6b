'use strict';

// Every datagram of every test goes through node:dgram, as on systems without another way; see threads.js.

const { defaults } = require('../../../lib/options/defaults.js');

defaults.nativeUdp = false;
