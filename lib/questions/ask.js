'use strict';

// The ways in which a question reaches the application. Each of them ends in respond(error, answer), which counts once.

/**
 * callback(socket, subject[, callback]): the answer is what it returns, what its promise resolves to, or what it calls
 * back with.
 *
 * @param {(error: unknown, answer?: unknown) => void} respond
 */
function askInThreeWays(callback, socket, subject, respond) {
  respondWith(callback(socket, subject, respond), respond, callback.length > 2);
}

/** The same for callback(subject[, callback]), whose `this` is the socket, as node:tls has it. */
function askAsMethod(callback, socket, subject, respond) {
  respondWith(callback.call(socket, subject, respond), respond, callback.length > 1);
}

/** Emits an event whose last argument is the callback. Having no listener also counts as an answer. */
function askByEvent(emitter, event, ...args) {
  const respond = args.at(-1);
  if (!emitter.emit(event, ...args)) respond(null, null);
}

/**
 * Responds with a result or with what its promise settles to. A function that takes a callback means to call it, so it
 * has answered only when it returns something other than undefined.
 */
function respondWith(result, respond, takesCallback = false) {
  if (typeof result?.then === 'function') {
    Promise.resolve(result).then(
      (answer) => respondWithValue(answer, respond, takesCallback),
      (error) => respond(error ?? new Error('The promise of an answer was rejected without a reason')),
    );
  } else {
    respondWithValue(result, respond, takesCallback);
  }
}

function respondWithValue(answer, respond, takesCallback) {
  if (answer !== undefined || !takesCallback) respond(null, answer);
}

module.exports = { askAsMethod, askByEvent, askInThreeWays, respondWith };
