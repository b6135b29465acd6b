'use strict';

const { fromResumable } = require('../saved-connection');
const { askByEvent } = require('./ask');
const { Question } = require('./question');

/**
 * The session whose id a client offers to resume: 'renegotiate'(id, socket, callback). The source is `{ server }`.
 * Without a session a full handshake follows.
 */
class ResumptionQuestion extends Question {
  static about = 'session';
  static event = 'renegotiate';

  ask(respond) {
    askByEvent(this.source.server, 'renegotiate', this.event.sessionId.toString('hex'), this.socket, respond);
  }

  check(session) {
    const offer = { id: this.event.sessionId, servername: this.socket.servername };
    return session == null ? null : fromResumable(session, offer);
  }

  answered(_result, session) {
    this.socket._resumable = session;
  }

  /** A session that does not fit leads to a full handshake: a damaged store must not lock devices out. */
  refused(cause) {
    this.questions.warn("A listener of 'renegotiate'", cause);
    this.answerNothing();
  }
}

module.exports = { ResumptionQuestion };
