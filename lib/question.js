'use strict';

// A question that the application's own code answers: at once, later, twice, never, wrongly, or by throwing. Whatever it
// does, it decides about what it was asked, and about nothing else.

const process = require('node:process');

class Question {
  /**
   * @param {(error: unknown, answer: unknown) => void} conclude gets the first answer, `error` null unless there is one;
   *   never called from within the code that was asked, so that what it leads to throws elsewhere
   */
  constructor(conclude) {
    this._conclude = conclude;
    this._isOpen = true;
    this._isAsking = false;
    this._response = null;
  }

  /** @param {(respond: (error: unknown, answer?: unknown) => void) => void} ask what it throws is the answer */
  put(ask) {
    this._isAsking = true;
    try {
      ask((error, answer) => this.respond(error, answer));
    } catch (error) {
      this.respond(error ?? new Error('The callback threw nothing'));
    }
    this._isAsking = false;
    if (this._response !== null) this._finish();
  }

  respond(error, answer) {
    if (!this._isOpen) return;
    this._isOpen = false;
    this._response = { error: error ?? null, answer };
    // A late answer starts a tick of its own: what listeners then throw is neither the callback's nor its promise's.
    if (!this._isAsking) process.nextTick(() => this._finish());
  }

  /** Nobody wants to know any more. */
  withdraw() {
    this._isOpen = false;
    this._response = null;
  }

  _finish() {
    if (this._response === null) return;
    const { error, answer } = this._response;
    this._response = null;
    this._conclude(error, answer);
  }
}

module.exports = { Question };
