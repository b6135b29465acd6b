'use strict';

// Questions to the application: one way for all of them. The native object asks when a handshake, or a record without a
// connection, needs the application, and goes on when it has the answer. Each kind of question is a class in a module
// beside this one, and the server or client registers it. Whatever the application does (answer at once, late, twice,
// never, wrongly, or throw), it decides about its own connection and about nothing else.

const process = require('node:process');

const { channels } = require('../diagnostics');
const { messageOf } = require('../errors');

/** One question that is open. A subclass says what it is about, how it is asked and which answers are good. */
class Question {
  /** What it is about, in the native object's word. */
  static about;

  /** The event that asks, when an event does. Without listeners the native object is told not to ask. */
  static event = null;

  /** @returns {boolean} whether somebody else than a listener of the event would answer */
  static isAnsweredBy(_source) {
    return false;
  }

  /** What the native object is told when there is no answer. */
  static nothing = null;

  /** Whether the answer takes effect in a tick of its own, because what it leads to may throw. */
  static isDeferred = false;

  /**
   * @param {Questions} questions where it is registered
   * @param {object} event of the native object, with `question`, its number, and what the question is about
   * @param {unknown} source where its answer comes from, as it was registered
   */
  constructor(questions, event, source) {
    /** The socket of its connection; undefined when it has none. */
    this.socket = questions.endpoint.connections.get(event.connection);
    /** Why it has failed, as the application says. */
    this.cause = undefined;
    this.event = event;
    this.source = source;
    this.questions = questions;
    this._isAsking = false;
    this._hasAnswer = false;
    // When it was asked, if somebody wants to know how long answers take.
    this._since = channels.question.hasSubscribers ? performance.now() : null;
  }

  // For a subclass

  /**
   * Asks the application. What it throws is a failure.
   *
   * @param {(error: unknown, answer?: unknown) => void} _respond
   */
  ask(_respond) {}

  /** @returns {unknown} the answer in the native object's form; throws when it is not valid */
  check(answer) {
    return answer;
  }

  /**
   * The native object has the answer, and what follows from it has not been dispatched yet.
   *
   * @param {number} _result what the native object has returned; 0 when the answer came too late
   * @param {unknown} _value by check()
   */
  answered(_result, _value) {}

  /**
   * The application could not answer: its callback threw, its promise was rejected, or it called back with an error.
   */
  failed(cause) {
    this.cause = cause;
    this.questions.endpoint.fail(this.event, messageOf(cause));
  }

  /** Its answer is not valid, as check() or the native object has found. */
  refused(cause) {
    this.failed(cause);
  }

  /** Its time is up, or the server closes. */
  expired() {}

  // What happens to it

  put() {
    const respond = (error, answer) => this._respond(error ?? null, answer);
    this._isAsking = true;
    try {
      this.ask(respond);
    } catch (error) {
      respond(error ?? new Error('The callback threw nothing'));
    } finally {
      this._isAsking = false;
    }
  }

  /** Whoever answers now is too late. */
  withdraw() {
    this._hasAnswer = true;
    if (this.questions.remove(this)) this._publish('withdrawn');
  }

  answerNothing() {
    this.questions.endpoint.answer(this.event, this.constructor.nothing);
  }

  /**
   * An answer that takes effect before this returns.
   *
   * @returns {boolean} false when there was one before
   */
  answerNow(answer) {
    if (this._hasAnswer) return false;
    this._hasAnswer = true;
    this._conclude(null, answer);
    return true;
  }

  _respond(error, answer) {
    if (this._hasAnswer) return;
    this._hasAnswer = true;
    // A late answer starts a tick of its own: what listeners then throw is neither the callback's nor its promise's.
    if (this._isAsking && !this.constructor.isDeferred) this._conclude(error, answer);
    else process.nextTick(conclude, this, error, answer);
  }

  _conclude(error, answer) {
    const { endpoint } = this.questions;
    if (!this.questions.remove(this)) return;
    try {
      if (error === null) this._pass(endpoint, answer);
      else this.failed(error);
    } finally {
      this._publish('answered');
      endpoint.settle();
    }
  }

  /** @param {'answered' | 'withdrawn'} outcome of a question; `error` says when the answer was a failure */
  _publish(outcome) {
    if (this._since === null || !channels.question.hasSubscribers) return;
    const { about } = this.event;
    const duration = performance.now() - this._since;
    channels.question.publish({ socket: this.socket, about, outcome, duration, error: this.cause });
  }

  _pass(endpoint, answer) {
    let value;
    let result;
    try {
      value = this.check(answer);
      result = endpoint.answer(this.event, value);
    } catch (cause) {
      this.refused(cause);
      return;
    }
    this.answered(result, value);
  }
}

function conclude(question, error, answer) {
  question._conclude(error, answer);
}

/** The kinds of questions that one server or client answers, and those that are open. */
class Questions {
  /**
   * @param {import('../transport/endpoint').Endpoint} endpoint
   * @param {import('node:events').EventEmitter} emitter of the events that ask
   */
  constructor(endpoint, emitter) {
    this.endpoint = endpoint;
    this._emitter = emitter;
    /** what they are about -> { Kind, source } */
    this._kinds = new Map();
    /** number -> Question */
    this._open = new Map();
    this._hasWarned = false;
    this._hasWarnedOfClock = false;
  }

  /**
   * @param {typeof Question} Kind
   * @param {unknown} source where its answers come from
   */
  register(Kind, source) {
    this._kinds.set(Kind.about, { Kind, source });
  }

  /** Tells the native object what to ask: it asks and keeps nothing that nobody would answer. */
  listen() {
    const wanted = [];
    for (const { Kind, source } of this._kinds.values()) {
      const isAnswered = Kind.event === null || this._emitter.listenerCount(Kind.event) > 0;
      if (isAnswered || Kind.isAnsweredBy(source)) wanted.push(Kind.about);
    }
    this.endpoint.ask(wanted);
  }

  /** Whether an event asks a question: its last argument is the callback that answers. */
  isAskedBy(event) {
    for (const { Kind } of this._kinds.values()) if (Kind.event === event) return true;
    return false;
  }

  onQuestion(event) {
    const { Kind, source } = this._kinds.get(event.about);
    const question = new Kind(this, event, source);
    const { socket } = question;
    if (socket === undefined && event.connection !== undefined) {
      // Its connection has been closed meanwhile.
      question.answerNothing();
      return;
    }
    if (socket !== undefined) socket._question = question;
    this._open.set(event.question, question);
    question.put();
  }

  onExpired(number) {
    const question = this._open.get(number);
    if (question === undefined) return;
    question.withdraw();
    question.expired();
  }

  /** The server closes: answers come too late from now on. */
  withdrawAll() {
    for (const question of [...this._open.values()]) {
      question.withdraw();
      // The others end with their connections.
      if (question.event.connection === undefined) question.answerNothing();
      question.expired();
    }
  }

  isOpen(question) {
    return this._open.has(question.event.question);
  }

  /** @returns {boolean} false when the question was not open */
  remove(question) {
    return this._open.delete(question.event.question);
  }

  /** A saved session has been restored under a clock that is behind the one that it was saved under. */
  onClockBehind({ address, port }) {
    if (this._hasWarnedOfClock) return;
    this._hasWarnedOfClock = true;
    process.emitWarning(
      `The clock is behind that of the saved session of ${address}:${port}. The peer may have heard higher record numbers, ` +
        'and then drops what is sent to it',
      { type: 'DtlsWarning', code: 'ERR_DTLS_CLOCK_BEHIND' },
    );
  }

  /** For an answer that no connection fails by. Only once, because peers can repeat the question. */
  warn(who, error) {
    if (this._hasWarned) return;
    this._hasWarned = true;
    process.emitWarning(`${who} gave an answer that cannot be used and counts as none: ${messageOf(error)}`, {
      type: 'DtlsWarning',
      code: /^ERR_DTLS_/.test(error?.code) ? error.code : 'ERR_DTLS_LOOKUP_FAILED',
    });
  }
}

module.exports = { Question, Questions };
