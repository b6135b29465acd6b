'use strict';

// Questions to the application. Whatever its callback does (answer at once, later, twice, never, wrongly, or throw), it
// decides about its own handshake and about nothing else.

const process = require('node:process');

/**
 * callback(socket, subject[, callback]): the answer, a promise of it, or callback(err, answer).
 *
 * @param {(error: unknown, answer?: unknown) => void} respond
 */
function askInThreeWays(callback, socket, subject, respond) {
  // Who takes three parameters means to call the third; what is returned counts only if it is something.
  settle(callback(socket, subject, respond), callback.length > 2, respond);
}

/** The same of callback(subject[, callback]), whose `this` is the socket, as node:tls has it. */
function askAsMethod(socket, callback, subject, respond) {
  settle(callback.call(socket, subject, respond), callback.length > 1, respond);
}

function settle(result, mayCallBack, respond) {
  settleWith(result, (error, answer) => {
    if (error !== null || answer !== undefined || !mayCallBack) respond(error, answer);
  });
}

function settleWith(result, respond) {
  if (typeof result?.then === 'function') {
    Promise.resolve(result).then(
      (answer) => respond(null, answer),
      (error) => respond(error ?? new Error('The promise of an answer was rejected without a reason')),
    );
  } else {
    respond(null, result);
  }
}

/** One question under way: the first answer counts. */
class Question {
  /**
   * @param {(answer: unknown) => unknown} check answers the answer in its final form, or throws
   * @param {(answer: unknown) => void} answer gets what check() has answered
   * @param {(cause: unknown) => void} fail
   */
  constructor(check, answer, fail) {
    this._check = check;
    this._answer = answer;
    this._fail = fail;
    this._asking = true;
    this._answered = false;
  }

  put(ask) {
    try {
      ask((error, answer) => this._respond(error, answer));
    } catch (error) {
      this._respond(error ?? new Error('The callback threw nothing'));
    } finally {
      this._asking = false;
    }
  }

  /** Nobody wants to know any more. */
  withdraw() {
    this._answered = true;
  }

  _respond(error, answer) {
    if (this._answered) return;
    this._answered = true;
    // A late answer starts a tick of its own: what listeners then throw is neither the callback's nor its promise's.
    if (this._asking) this._conclude(error, answer);
    else process.nextTick(() => this._conclude(error, answer));
  }

  _conclude(error, answer) {
    let checked;
    let failure = error ?? null;
    if (failure === null) {
      try {
        checked = this._check(answer);
      } catch (invalid) {
        failure = invalid;
      }
    }
    if (failure === null) this._answer(checked);
    else this._fail(failure);
  }
}

module.exports = { Question, askAsMethod, askInThreeWays, settleWith };
