'use strict';

// The one timer of an endpoint. What has arrived is taken before the native object judges who has been silent for too
// long.
//
// Node runs timers before it looks at sockets. After a while in which it could do neither, because a listener took its
// time or the process was stopped, everybody seems to have been silent, and the answers wait in the system. Those who
// could not be heard then get as much time again, up to a second, in which a round trip is over.

/** Milliseconds by which a timer is late on a busy event loop. Beyond that, nobody could be heard. */
const LATE = 100;

/** Milliseconds of grace at most: after a long sleep, what is due must not wait as long again. */
const GRACE = 1000;

/** Milliseconds for which datagrams that keep coming can put the judgement off. */
const PATIENCE = 100;

class Timer {
  /**
   * @param {import('./turns').Turns} turns in which datagrams arrive
   * @param {() => void} judge
   */
  constructor(turns, judge) {
    /** When it is due, on the endpoint's clock; Infinity when it is not armed, and less than any time while it waits. */
    this.due = Infinity;
    this._turns = turns;
    this._judge = judge;
    this._timeout = null;
    this._immediate = null;
    this._expected = 0;
    this._patience = 0;
    this._arrivals = 0;
  }

  /** It never keeps the process alive: the UDP socket does that, as long as its owner wants it to. */
  arm(due, delay) {
    this.stop();
    this.due = due;
    this._expected = performance.now() + delay;
    this._timeout = setTimeout(onTime, delay, this).unref();
  }

  stop() {
    this.due = Infinity;
    clearTimeout(this._timeout);
    clearImmediate(this._immediate);
    this._timeout = null;
    this._immediate = null;
  }

  _onTime() {
    this.due = -Infinity;
    const late = performance.now() - this._expected;
    if (late > LATE) this._timeout = setTimeout(listen, Math.min(late, GRACE), this).unref();
    else this._listen();
  }

  /** Lets Node look at the socket, which it does before it comes to immediates. */
  _listen() {
    this._patience = performance.now() + PATIENCE;
    this._arrivals = this._turns.arrivals;
    this._immediate = setImmediate(afterLook, this);
  }

  _afterLook() {
    const { arrivals, hasMore } = this._turns;
    if ((arrivals !== this._arrivals || hasMore) && performance.now() < this._patience) {
      this._arrivals = arrivals;
      this._immediate = setImmediate(afterLook, this);
    } else {
      this.stop();
      this._judge();
    }
  }
}

function onTime(timer) {
  timer._onTime();
}

function listen(timer) {
  timer._listen();
}

function afterLook(timer) {
  timer._afterLook();
}

module.exports = { Timer };
