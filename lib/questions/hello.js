'use strict';

// What a server's application decides by a client's hello: the context that answers the name it asks for, and which of its
// application protocols is used. Names and forms are node:tls's.

const { alpnInvalidResult } = require('../errors');
const { protocolName, protocolNames } = require('../options/negotiation');
const { Question, askAsMethod } = require('./question');

class HelloQuestions {
  /**
   * @param {{ SNICallback?: Function, ALPNCallback?: Function }} callbacks as in the options
   * @param {object} endpoint that asks
   * @param {object} contexts of the server
   */
  constructor({ SNICallback, ALPNCallback }, endpoint, contexts) {
    this._onName = SNICallback;
    this._onProtocols = ALPNCallback;
    this._endpoint = endpoint;
    this._contexts = contexts;
    if (SNICallback !== undefined || ALPNCallback !== undefined) {
      endpoint.native.askByHello(SNICallback !== undefined, ALPNCallback !== undefined);
    }
  }

  /** @param {{ kind: string, connection: number, lookup: number, servername?: string, protocols?: Buffer }} event */
  onEvent(event) {
    const socket = this._endpoint.connections.get(event.connection);
    // Closed already, and so is the question.
    if (socket === undefined) return;
    if (event.kind === 'configLookup') this._askForContext(socket, event);
    else this._askForProtocol(socket, event);
  }

  _askForContext(socket, { lookup, servername }) {
    const check = (context) => this._contexts.answer(context);
    const answer = (context) => this._endpoint.answerConfig(lookup, context);
    this._ask(socket, lookup, check, answer, (respond) => {
      askAsMethod(socket, this._onName, servername, respond);
    });
  }

  _askForProtocol(socket, { lookup, protocols }) {
    const offered = protocolNames(protocols);
    const names = offered.map(protocolName);
    const check = (name) => {
      if (name == null) return null;
      const index = names.indexOf(name);
      if (index === -1) throw alpnInvalidResult(name, names);
      return offered[index];
    };
    const answer = (protocol) => this._endpoint.answerProtocol(lookup, protocol);
    this._ask(socket, lookup, check, answer, (respond) => {
      askAsMethod(socket, this._onProtocols, { servername: socket.servername, protocols: [...names] }, respond);
    });
  }

  _ask(socket, lookup, check, answer, ask) {
    const fail = (cause) => {
      socket._lookupCause = cause;
      this._endpoint.failLookup(lookup, cause);
    };
    new Question(check, answer, fail).put(ask);
  }
}

module.exports = { HelloQuestions };
