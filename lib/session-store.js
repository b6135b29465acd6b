'use strict';

// An application's own store of a server's sessions. Whatever it does, no handshake fails by it.

const process = require('node:process');

const { messageOf } = require('./errors');

class SessionStore {
  /**
   * @param {{ get: Function, set: Function, delete: Function }} store
   * @param {number} timeout seconds for which a session can be resumed
   */
  constructor(store, timeout) {
    this._store = store;
    this._milliseconds = timeout * 1000;
    this._hasWarned = false;
  }

  /** @returns {unknown} a session, or a promise of one */
  get(id) {
    return this._store.get(id.toString('hex'));
  }

  /** A handshake has left a session behind. */
  keep(id, session) {
    this._call(() => this._store.set(id.toString('hex'), session, this._milliseconds));
  }

  /** A session must not be resumed any more. */
  forget(id) {
    this._call(() => this._store.delete(id.toString('hex')));
  }

  _call(act) {
    try {
      const result = act();
      if (typeof result?.then === 'function') Promise.resolve(result).catch((error) => this.warn(error));
    } catch (error) {
      this.warn(error);
    }
  }

  /** Only once, because it would go on for as long as the store is away. */
  warn(error) {
    if (this._hasWarned) return;
    this._hasWarned = true;
    process.emitWarning(`The sessionStore has failed, and full handshakes follow: ${messageOf(error)}`, {
      type: 'DtlsWarning',
      code: 'ERR_DTLS_SESSION_STORE',
    });
  }
}

module.exports = { SessionStore };
