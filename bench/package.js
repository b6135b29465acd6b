'use strict';

// The package that is measured: this tree's, or that of the tree which BENCH_PACKAGE names (`npm run bench -- --compare DIR`).

module.exports = require(process.env.BENCH_PACKAGE ?? '..');
