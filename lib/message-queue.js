'use strict';

/** What a queued message costs beside its own bytes, bytes: without it, empty messages would be free and endless. */
const MESSAGE_OVERHEAD = 128;

/** Messages that nobody has read yet, in order, up to a limit in bytes. */
class MessageQueue {
  /** @param {number} limit bytes; each message counts its length and 128 bytes more */
  constructor(limit) {
    this._limit = limit;
    this._used = 0;
    // A linked list: an array's shift() costs as much as the array is long.
    this._first = null;
    this._last = null;
  }

  get isEmpty() {
    return this._first === null;
  }

  /** @returns {boolean} false: no room, and not taken */
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
