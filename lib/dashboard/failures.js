'use strict';

// Handshakes and connections that have failed: the last of them, and how many by the code of their error.

const { addressOf, claimInWords } = require('./identity');

/** How many of the last failures are kept one by one. */
const MOST = 200;

/** How many codes are counted apart. The package's own are fewer; an application can end a connection with any. */
const MOST_CODES = 100;

/** Longest text that is kept of a message, characters. */
const LONGEST = 300;

class Failures {
  #last = [];
  #noted = 0;
  #totals = new Map();
  // Since the counts were last taken.
  #counts = { __proto__: null };

  /** @param {'handshake' | 'connection'} stage what has failed */
  note(stage, error, socket) {
    const code = this.#known(String(error?.code ?? error?.name ?? 'Error'));
    const number = ++this.#noted;
    this.#totals.set(code, (this.#totals.get(code) ?? 0) + 1);
    this.#counts[code] = (this.#counts[code] ?? 0) + 1;
    const message = String(error?.message ?? error).slice(0, LONGEST);
    const [peer, claim] = [addressOf(socket), claimInWords(socket.claim)];
    this.#last.push({ number, time: Date.now(), stage, code, message, peer, claim });
    if (this.#last.length > MOST) this.#last.shift();
  }

  /** How many there were by code since this was last called. */
  takeCounts() {
    const counts = this.#counts;
    this.#counts = { __proto__: null };
    return counts;
  }

  /** Those after number `seen`, as far as they are kept; the totals by code; and the counts that have yet to be taken. */
  after(seen) {
    const last = this.#last.filter(({ number }) => number > seen);
    const totals = Object.fromEntries(this.#totals);
    return { last, most: MOST, noted: this.#noted, totals, counts: this.#counts };
  }

  #known(code) {
    return this.#totals.has(code) || this.#totals.size < MOST_CODES ? code.slice(0, LONGEST) : 'other';
  }
}

module.exports = { Failures };
