'use strict';

// The way back from other threads: the addon rings one bell for all endpoints of this environment when steps of their
// handshakes are done.

const { AsyncResource } = require('node:async_hooks');
const process = require('node:process');

const native = require('./native');

/** Of this environment; there is none as long as every endpoint keeps to its event loop. */
let bell = null;
let last = 0;

/** Endpoints that the bell may ring for, by number, each with the asynchronous context that it was made in. */
const listeners = new Map();
const collected = new FinalizationRegistry((number) => listeners.delete(number));

/**
 * @param {object} endpoint with handleJobs(); whether it stays alive is its owner's business
 * @param {number | undefined} threads as the option says; without, as many as there are cores
 * @returns {[bell: object | undefined, number: number, threads: number]} for the native object's constructor
 */
function listen(endpoint, threads = native.Bell.defaultThreads()) {
  if (threads === 0) return [undefined, 0, 0];
  bell ??= new native.Bell(onRing);
  last += 1;
  listeners.set(last, {
    endpoint: new WeakRef(endpoint),
    resource: new AsyncResource('DTLSHANDSHAKE', { requireManualDestroy: true }),
  });
  collected.register(endpoint, last);
  return [bell, last, threads];
}

function onRing() {
  let number = bell.next();
  try {
    for (; number !== 0; number = bell.next()) {
      const listener = listeners.get(number);
      const endpoint = listener?.endpoint.deref();
      if (endpoint !== undefined) listener.resource.runInAsyncScope(endpoint.handleJobs, endpoint);
    }
  } finally {
    // A listener has thrown, and Node takes the exception; those behind it have rung, too.
    if (number !== 0) process.nextTick(onRing);
  }
}

module.exports = { listen };
