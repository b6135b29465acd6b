'use strict';

// Which library judges chains of certificates in this build.

const { versions } = require('../..');

/** False where Mbed TLS does, which is not as exact in naming what is wrong. */
module.exports = { byAwsLc: versions['aws-lc'] !== undefined };
