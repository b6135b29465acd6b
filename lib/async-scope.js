'use strict';

const { AsyncResource } = require('node:async_hooks');

/**
 * An asynchronous context that is kept for later. It keeps no process alive, and says so to whoever looks for what does,
 * as `jest --detectOpenHandles`.
 */
class AsyncScope extends AsyncResource {
  /** @param {string} type name of the resource for async_hooks */
  constructor(type) {
    super(type, { requireManualDestroy: true });
  }

  hasRef() {
    return false;
  }
}

module.exports = { AsyncScope };
