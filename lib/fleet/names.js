'use strict';

// What the store has a connection under: its ID, if its peer's records have one, or else the address of its peer.

const { addressKey } = require('../transport/addresses');

function nameOf({ connectionId, remoteAddress: address, remotePort: port }) {
  return nameFor(connectionId, { address, port });
}

/** @param {Buffer} [id] that its records have; none, or of no bytes, where they have none */
function nameFor(id, remote) {
  return id?.length > 0 ? `id:${id.toString('hex')}` : addressKey(remote);
}

module.exports = { nameFor, nameOf };
