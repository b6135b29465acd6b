'use strict';

// The way back from other threads: the addon rings one bell for all endpoints of this environment when steps of their
// handshakes are done.

const { AsyncResource } = require('node:async_hooks');
const process = require('node:process');

const native = require('../native');

/** Of this environment; there is none as long as every endpoint keeps to its event loop. */
let bell = null;
let last = 0;
let defaultThreads;

/** Endpoints with steps on other threads, by number, each with the asynchronous context that it handed them over in. */
const expecting = new Map();

/**
 * @param {number | undefined} threads as the option says; without, as many as there are cores
 * @returns {[bell: object | undefined, number: number, threads: number]} for the native object's constructor; the number
 *   is the endpoint's from now on
 */
function listen(threads) {
  defaultThreads ??= native.Bell.defaultThreads();
  const limit = threads ?? defaultThreads;
  if (limit === 0) return [undefined, 0, 0];
  bell ??= new native.Bell(onRing);
  last += 1;
  return [bell, last, limit];
}

/** An endpoint has handed steps over: the bell will ring for it. It stays alive until then. */
function expect(number, endpoint) {
  if (expecting.has(number)) return;
  const resource = new AsyncResource('DTLSHANDSHAKE', { requireManualDestroy: true });
  expecting.set(number, { endpoint, resource });
}

function onRing() {
  let number = bell.next();
  try {
    for (; number !== 0; number = bell.next()) answer(number);
  } finally {
    // A listener has thrown, and Node takes the exception; those behind it have rung, too.
    if (number !== 0) process.nextTick(onRing);
  }
}

function answer(number) {
  const expected = expecting.get(number);
  if (expected === undefined) return;
  const { endpoint, resource } = expected;
  try {
    resource.runInAsyncScope(endpoint.handleJobs, endpoint);
  } finally {
    if (!endpoint.hasJobs) expecting.delete(number);
  }
}

module.exports = { expect, listen };
