'use strict';

// One connection for each identity: the newest that has authenticated itself has it.

/** Connections by who their peers have proved to be. */
class Identities {
  constructor() {
    /** identity -> socket */
    this._sockets = new Map();
  }

  /**
   * A connection is open.
   *
   * @param {object} socket whose peer has authenticated itself here, unless the connection goes on from elsewhere
   * @returns {object | null} the socket that has to go: the earlier one of the two
   */
  add(socket) {
    const identity = identityOf(socket);
    if (identity === null) return null;
    const other = this._sockets.get(identity);
    const goesOn = socket.handshakeTime === undefined;
    if (other !== undefined && goesOn) return socket;
    this._sockets.set(identity, socket);
    return other ?? null;
  }

  remove(socket) {
    const identity = identityOf(socket);
    if (this._sockets.get(identity) === socket) this._sockets.delete(identity);
  }
}

/** Its PSK identity, or else its public key; null for a peer that has neither. */
function identityOf({ pskIdentity, publicKey }) {
  if (pskIdentity !== undefined) return `psk ${pskIdentity.toString('latin1')}`;
  return publicKey.length > 0 ? `key ${publicKey.toString('latin1')}` : null;
}

module.exports = { Identities };
