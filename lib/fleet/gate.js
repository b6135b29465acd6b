'use strict';

/** Lets so many go on at a time, and the others in the order in which they have come. */
class Gate {
  #limit;
  #free;
  #waiting = [];

  /** @param {number} limit how many at a time */
  constructor(limit) {
    this.#limit = limit;
    this.#free = limit;
  }

  /** How many are going on. */
  get busy() {
    return this.#limit - this.#free;
  }

  /**
   * @template T
   * @param {() => Promise<T>} act
   * @returns {Promise<T>}
   */
  async pass(act) {
    if (this.#free > 0) this.#free--;
    else await new Promise((resolve) => this.#waiting.push(resolve));
    try {
      return await act();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

module.exports = { Gate };
