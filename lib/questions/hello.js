'use strict';

// What a server's application decides by a client's hello: the context that answers the name it asks for, and which of
// its application protocols is used. Names and forms are node:tls's.

const { alpnInvalidResult } = require('../errors');
const { protocolName, protocolNames } = require('../options/negotiation');
const { askAsMethod } = require('./ask');
const { Question } = require('./question');

/** SNICallback(servername[, callback]). The source is `{ SNICallback, contexts }`, contexts being the server's. */
class ContextQuestion extends Question {
  static about = 'context';

  ask(respond) {
    askAsMethod(this.source.SNICallback, this.socket, this.event.servername, respond);
  }

  check(context) {
    return this.source.contexts.answer(context);
  }
}

/** ALPNCallback({ servername, protocols }[, callback]). The source is the function. */
class ProtocolQuestion extends Question {
  static about = 'protocol';

  constructor(questions, event, source) {
    super(questions, event, source);
    this._offered = protocolNames(event.protocols);
    this._names = this._offered.map(protocolName);
  }

  ask(respond) {
    const { servername } = this.socket;
    askAsMethod(this.source, this.socket, { servername, protocols: [...this._names] }, respond);
  }

  check(name) {
    if (name == null) return null;
    const index = this._names.indexOf(name);
    if (index === -1) throw alpnInvalidResult(name, this._names);
    return this._offered[index];
  }
}

module.exports = { ContextQuestion, ProtocolQuestion };
