'use strict';

// What the counters were over the last minutes.

/** Time between two samples, ms. */
const PERIOD = 2000;

/** How many samples are kept: ten minutes of them. */
const MOST = 300;

class History {
  #read;
  #timer;
  // Names of the counters, in the order of the values of a sample. New ones come at the end.
  #names = [];
  #samples = [];
  #taken = 0;

  /** @param {() => { counters: object, failures: { [code: string]: number } }} read what there is now */
  constructor(read) {
    this.#read = read;
    this.#take();
    this.#timer = setInterval(() => this.#take(), PERIOD).unref();
  }

  close() {
    clearInterval(this.#timer);
  }

  /** The samples from number `first` on, as far as they are kept. */
  from(first) {
    const oldest = this.#taken - this.#samples.length;
    const samples = this.#samples.slice(Math.max(0, first - oldest));
    return { period: PERIOD, most: MOST, next: this.#taken, names: this.#names, samples };
  }

  #take() {
    const { counters, failures } = this.#read();
    const values = [];
    for (const [name, value] of flat(counters)) {
      let place = this.#names.indexOf(name);
      if (place < 0) place = this.#names.push(name) - 1;
      values[place] = value;
    }
    this.#samples.push({ time: Date.now(), values, failures });
    if (this.#samples.length > MOST) this.#samples.shift();
    this.#taken++;
  }
}

/**
 * The numbers of an object, and those of the objects in it, by names such as 'drops.replayed'. Of a histogram, these are
 * how many values it has, and their sum.
 */
function* flat(counters, prefix = '') {
  for (const [name, value] of Object.entries(counters)) {
    if (typeof value === 'number') yield [prefix + name, value];
    else if (value !== null && typeof value === 'object') yield* flat(numbersOf(value), `${prefix}${name}.`);
  }
}

function numbersOf(counter) {
  if (!Array.isArray(counter.counts)) return counter;
  return { count: counter.counts.reduce((sum, count) => sum + count, 0), sum: counter.sum };
}

module.exports = { History };
