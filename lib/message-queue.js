'use strict';

/** What a queued message counts beside its own bytes. Without it, any number of empty messages would fit. */
const MESSAGE_OVERHEAD = 128;

/** Messages that have not been read yet, in order, up to a limit in bytes. */
class MessageQueue {
  /** @param {number} limit bytes; each message counts its length and 128 bytes more */
  constructor(limit) {
    this._limit = limit;
    this._used = 0;
    // It is a linked list, because the time of an array's shift() grows with the array.
    this._first = null;
    this._last = null;
  }

  get isEmpty() {
    return this._first === null;
  }

  /** @returns {boolean} false when there is no room and the message has not been taken */
  push(message) {
    const used = this._used + message.length + MESSAGE_OVERHEAD;
    if (used > this._limit) return false;
    this._used = used;
    const node = { message, next: null };
    if (this._first === null) this._first = node;
    else this._last.next = node;
    this._last = node;
    return true;
  }

  /** The oldest message; there must be one. */
  shift() {
    const { message, next } = this._first;
    this._first = next;
    if (next === null) this._last = null;
    this._used -= message.length + MESSAGE_OVERHEAD;
    return message;
  }
}

module.exports = { MessageQueue };
