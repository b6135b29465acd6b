'use strict';

const { invalidArgType } = require('../errors');
const { askInThreeWays } = require('./ask');
const { Question } = require('./question');

/**
 * Whether a peer is accepted: verifyPeer(socket, { publicKey, cert? }[, callback]). The source is `{ verifyPeer }`.
 * Having no answer means no.
 */
class PeerQuestion extends Question {
  static about = 'peer';
  static nothing = false;

  ask(respond) {
    const { publicKey, certificate } = this.event;
    const peer = certificate === undefined ? { publicKey } : { publicKey, cert: certificate };
    askInThreeWays(this.source.verifyPeer, this.socket, peer, respond);
  }

  /** Only a boolean: a forgotten `return` must neither let a peer in nor look like a decision. */
  check(answer) {
    if (typeof answer !== 'boolean') throw invalidArgType("verifyPeer's answer", 'of type boolean', answer);
    return answer;
  }
}

module.exports = { PeerQuestion };
