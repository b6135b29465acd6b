'use strict';

// Questions to the application, with a native object that is made up and notes what it is told.

const { EventEmitter } = require('node:events');

const { Questions } = require('../../lib/questions/question');

/** Questions whose native object notes what it is told, about one connection whose number is 1. */
function start({ result = 9, socket = { remoteAddress: '192.0.2.1' } } = {}) {
  const told = [];
  const emitter = new EventEmitter();
  const endpoint = {
    connections: new Map([[1, socket]]),
    answer: (event, value) => {
      told.push(['answer', event.question, value]);
      return result;
    },
    fail: (event, message) => told.push(['fail', event.question, message]),
    settle: () => told.push('settle'),
    ask: (wanted) => told.push(['ask', ...wanted]),
  };
  const questions = new Questions(endpoint, emitter);
  const ask = (Kind, source, event = {}) => {
    questions.register(Kind, source);
    const number = told.length + 100;
    questions.onQuestion({ question: number, about: Kind.about, connection: 1, ...event });
    return questions._open.get(number);
  };
  const take = () => told.splice(0).map((one) => (Array.isArray(one) ? [one[0], ...one.slice(2)] : one));
  return { questions, endpoint, emitter, socket, ask, take, told };
}

module.exports = { start };
