'use strict';

// The option that keeps an endpoint with DTLS 1.2, of which every measurement is that names no other version. A tree from before DTLS 1.3
// speaks nothing else, and would refuse the option.

const { getCurves } = require('./package');

const speaksNewer = getCurves().includes('X25519MLKEM768');

module.exports = speaksNewer ? { maxVersion: 'DTLSv1.2' } : {};
