'use strict';

// Workers of a cluster share one UDP socket, as on systems that do not give each peer to one of several; see threads.js.

const { defaults } = require('../../../lib/options/defaults.js');

defaults.systemDeals = false;
