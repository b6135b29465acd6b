'use strict';

// Devices whose address changes, and which say so with their own name for themselves. Nothing moves before the native
// object has authenticated a record.

const net = require('node:net');
const process = require('node:process');

const { addressKey, canonicalAddress } = require('../transport/addresses');
const { askByEvent } = require('./ask');
const { Question } = require('./question');

/**
 * Which address a device had: 'lookupKey'(deviceId, callback), answered with `{ address, port }`. The source is
 * `{ server, moves }`.
 */
class MoveQuestion extends Question {
  static about = 'move';
  static event = 'lookupKey';

  constructor(questions, event, source) {
    super(questions, event, source);
    const { address, port, deviceId } = event;
    this._move = { remote: { address, port }, deviceId: deviceId.toString('hex'), oldKey: undefined };
  }

  ask(respond) {
    askByEvent(this.source.server, 'lookupKey', this._move.deviceId, respond);
  }

  /**
   * An address from the application's store in the form that dgram and the native object use; null when it is invalid.
   */
  check(stored) {
    const port = Number(stored?.port);
    if (net.isIP(stored?.address) === 0 || !Number.isInteger(port) || port < 1 || port > 65535) return null;
    return { address: canonicalAddress(stored.address), port };
  }

  answered(_result, from) {
    const { server, moves } = this.source;
    const move = this._move;
    if (from !== null) move.oldKey = addressKey(from);
    moves.add(move);
    // By then 'moved' has come, or another question, if the answer has led to anything.
    process.nextTick(() => {
      if (moves.remove(move)) server._sockets.tellUnplaced(move.remote, move.deviceId);
    });
  }

  failed(cause) {
    this.questions.warn("A listener of 'lookupKey'", cause);
    this.answerNothing();
    this.answered(0, null);
  }
}

/** Answered questions about moves, until it is known what has come of them. */
class Moves {
  constructor() {
    /** new 'address:port' -> move */
    this._byNewAddress = new Map();
  }

  add(move) {
    this._byNewAddress.set(addressKey(move.remote), move);
  }

  /** @returns {boolean} false when it is not there */
  remove(move) {
    const key = addressKey(move.remote);
    return this._byNewAddress.get(key) === move && this._byNewAddress.delete(key);
  }

  /** Takes out the move to an address. */
  takeTo(remote) {
    const move = this._byNewAddress.get(addressKey(remote));
    if (move !== undefined) this.remove(move);
    return move;
  }

  /** Takes out a move from an address, whose connection has to be restored first. */
  takeFrom(old) {
    const oldKey = addressKey(old);
    for (const move of this._byNewAddress.values()) {
      if (move.oldKey !== oldKey) continue;
      this.remove(move);
      return move;
    }
    return undefined;
  }

  clear() {
    this._byNewAddress.clear();
  }
}

module.exports = { MoveQuestion, Moves };
