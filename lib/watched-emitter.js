'use strict';

const { EventEmitter } = require('node:events');

/**
 * An EventEmitter that tells its subclass when an event gains or loses listeners. Unlike listeners of 'newListener',
 * this outlives removeAllListeners().
 */
class WatchedEmitter extends EventEmitter {
  on(event, listener) {
    return this._watched(super.on(event, listener));
  }

  addListener(event, listener) {
    return this.on(event, listener);
  }

  prependListener(event, listener) {
    return this._watched(super.prependListener(event, listener));
  }

  removeListener(event, listener) {
    return this._watched(super.removeListener(event, listener));
  }

  off(event, listener) {
    return this.removeListener(event, listener);
  }

  removeAllListeners(...event) {
    return this._watched(super.removeAllListeners(...event));
  }

  _watched(result) {
    this._onListenersChanged();
    return result;
  }

  /** A subclass overrides this. */
  _onListenersChanged() {}
}

module.exports = { WatchedEmitter };
