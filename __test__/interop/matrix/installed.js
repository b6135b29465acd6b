'use strict';

// What `npm run setup -- --interop` has put into the project's own directory.

const path = require('node:path');

const ROOT = path.join(__dirname, '..', '..', '..', 'target', 'interop');

/** A path in that directory. */
function installed(...names) {
  return path.join(ROOT, ...names);
}

module.exports = { installed };
