'use strict';

// AbortSignals: what node:net and node:dgram do with them.

const process = require('node:process');

/**
 * Calls back once when the signal is aborted, in a later tick if it is already.
 *
 * @param {AbortSignal} signal
 * @param {() => void} act
 * @returns {() => void} after which `act` is not called any more
 */
function onAbort(signal, act) {
  let isOver = false;
  const abort = () => {
    if (isOver) return;
    stop();
    act();
  };
  const stop = () => {
    isOver = true;
    signal.removeEventListener('abort', abort);
  };
  if (signal.aborted) process.nextTick(abort);
  else signal.addEventListener('abort', abort);
  return stop;
}

/** The error that Node's own functions fail with. */
function abortError({ reason }) {
  const error = new Error('The operation was aborted', { cause: reason });
  error.name = 'AbortError';
  error.code = 'ABORT_ERR';
  return error;
}

module.exports = { abortError, onAbort };
