'use strict';

// How other threads report back: the addon has one waker for all endpoints of this environment, which wakes the event
// loop when steps of their handshakes are done, and when datagrams have arrived where Node does not look.

const process = require('node:process');

const { AsyncScope } = require('../async-scope');
const { Waker } = require('../native');

/** The waker of this environment; there is none as long as every endpoint keeps to its event loop. */
let waker = null;
let last = 0;
/** How many endpoints have a UDP socket. Without one, the waker is closed: it would look like an open handle. */
let opened = 0;
let machineThreads;

/**
 * Endpoints with steps on other threads, by number, each with the asynchronous context in which it handed them over.
 */
const expecting = new Map();

/** Endpoints with a socket that Node does not poll, by a number of their own. */
const watching = new Map();

/**
 * @param {number | undefined} threads as the option says; undefined for as many as there are cores
 * @returns {[waker: object | undefined, number: number, threads: number]} for the native object's constructor; the
 *   number identifies the endpoint from now on
 */
function register(threads) {
  const limit = threads ?? defaultThreads();
  if (limit === 0) return [undefined, 0, 0];
  waker ??= new Waker();
  last += 1;
  return [waker, last, limit];
}

/** An endpoint with a waker has a UDP socket now, whose datagrams may lead to steps on other threads. */
function open() {
  opened += 1;
  if (opened === 1) waker.open(onWake);
}

/** It has none any more. */
function close(number) {
  expecting.delete(number);
  opened -= 1;
  if (opened === 0) waker.close();
}

/**
 * An endpoint has a socket that Node does not poll.
 *
 * @returns {[waker: object, number: number]} by which its datagrams are reported
 */
function watch(endpoint) {
  waker ??= new Waker();
  last += 1;
  watching.set(last, endpoint);
  open();
  return [waker, last];
}

/** It has none any more. */
function unwatch(number) {
  if (watching.delete(number)) close(number);
}

/** Threads for the handshakes of an endpoint whose options do not say how many. */
function defaultThreads() {
  machineThreads ??= Waker.defaultThreads();
  return machineThreads;
}

/** Notes that an endpoint has handed steps over. It stays alive until the waker has reported them. */
function expect(number, endpoint) {
  if (expecting.has(number)) return;
  const resource = new AsyncScope('DTLSHANDSHAKE');
  expecting.set(number, { endpoint, resource });
}

/** Wakes an endpoint, and all others that wait. */
function onWake(first, hasMore) {
  let number = first;
  try {
    while (number !== 0) {
      wake(number);
      number = hasMore ? waker.next() : 0;
    }
  } finally {
    // A listener has thrown, and Node takes the exception; the endpoints behind it have to be woken too.
    if (number !== 0 && hasMore) process.nextTick(wakeOthers);
  }
}

function wakeOthers() {
  onWake(waker.next(), true);
}

function wake(number) {
  watching.get(number)?.handleArrivals();
  const expected = expecting.get(number);
  if (expected === undefined) return;
  const { endpoint, resource } = expected;
  try {
    resource.runInAsyncScope(endpoint.handleJobs, endpoint);
  } finally {
    if (!endpoint.hasJobs) expecting.delete(number);
  }
}

module.exports = { close, defaultThreads, expect, open, register, unwatch, watch };
