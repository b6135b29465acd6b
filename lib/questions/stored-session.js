'use strict';

const { invalidArgType } = require('../errors');
const { copyBytes } = require('../options/validate');
const { respondWith } = require('./ask');
const { Question } = require('./question');

/** Time that a store has, ms. A full handshake takes less than to wait for longer. */
const PATIENCE = 1000;

/**
 * The session whose id a client offers to resume, where the application keeps them: sessionStore.get(id). The source is a
 * SessionStore. A full handshake follows when there is none, and whenever the store fails.
 */
class StoredSessionQuestion extends Question {
  static about = 'session';

  ask(respond) {
    const patience = setTimeout(() => {
      respond(new Error(`It has not answered within ${PATIENCE} ms`));
    }, PATIENCE).unref();
    const answer = (error, session) => {
      clearTimeout(patience);
      respond(error, session);
    };
    try {
      respondWith(this.source.get(this.event.sessionId), answer);
    } catch (error) {
      answer(error ?? new Error('It threw nothing'));
    }
  }

  check(session) {
    if (session == null) return null;
    const bytes = typeof session === 'string' ? null : copyBytes(session);
    if (bytes === null) {
      throw invalidArgType("sessionStore.get()'s answer", 'an instance of Buffer, TypedArray, or DataView', session);
    }
    return bytes;
  }

  failed(cause) {
    this.source.warn(cause);
    this.answerNothing();
  }
}

module.exports = { StoredSessionQuestion };
