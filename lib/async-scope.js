'use strict';

const { AsyncResource } = require('node:async_hooks');

/** What is never destroyed by hand needs no object by which the garbage collector would tell that it is gone. */
const OPTIONS = Object.freeze({ requireManualDestroy: true });

/**
 * An asynchronous context that is kept for later. It keeps no process alive, and says so to whoever looks for what does,
 * as `jest --detectOpenHandles`.
 */
class AsyncScope extends AsyncResource {
  /** @param {string} type name of the resource for async_hooks */
  constructor(type) {
    super(type, OPTIONS);
  }

  hasRef() {
    return false;
  }
}

module.exports = { AsyncScope };
