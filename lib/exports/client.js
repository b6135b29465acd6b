'use strict';

// A client's connection that goes on in another process.

const process = require('node:process');

const { suiteName } = require('../ciphers');
const { DtlsClient } = require('../client');
const { invalidArgType } = require('../errors');
const { damaged } = require('./sealing');
const { keyOf, openAtOnce } = require('./travel');

class ImportedClient extends DtlsClient {
  // It is not there yet when the constructor of DtlsClient calls _start(), whose work is for later.
  #arrived;

  /**
   * @param {object} options of connect()
   * @param {object} arrived what has been read of the connection
   * @param {(client: DtlsClient) => void} [secureConnectListener]
   */
  constructor(options, { travellers, peer, savedAt }, secureConnectListener) {
    super({ ...options, ...anyServer(options), localPort: options.localPort ?? peer.localPort }, secureConnectListener);
    const { numbers, addresses } = this._endpoint.native.takeIn(travellers, savedAt);
    const [handle, port, suite] = numbers;
    if (handle === 0) {
      this.destroy();
      throw damaged('the connection cannot go on');
    }
    this.#arrived = { handle, suite: suiteName(suite), peer };
    this._endpoint.connections.set(handle, this);
    this.remoteAddress = addresses[0];
    this.remotePort = port;
  }

  /** The address is known already. */
  _start() {
    process.nextTick(() => {
      if (!this.destroyed) this._attempts.begin([this.remoteAddress], this.remotePort);
    });
  }

  _begin(attempt) {
    const { handle, suite, peer } = this.#arrived;
    process.nextTick(() => {
      if (this.destroyed) return;
      this._attempts.answered(attempt);
      this._scope.runInAsyncScope(this._goOn, this, suite, peer);
    });
    return handle;
  }
}

/** Nobody is connected to, but connect() wants to know where. */
function anyServer({ port = 1, host = '127.0.0.1', socket, type }) {
  return socket !== undefined || type !== undefined ? { port } : { port, host };
}

/**
 * @param {Uint8Array} exported by client.exportConnection()
 * @param {{ key: Uint8Array }} keyOptions
 * @param {object} options of connect(), without port and host
 * @param {(client: DtlsClient) => void} [secureConnectListener]
 * @returns {DtlsClient}
 */
function importConnection(exported, keyOptions, options = {}, secureConnectListener = undefined) {
  if (!(exported instanceof Uint8Array)) {
    throw invalidArgType('exported', 'an instance of Buffer or Uint8Array', exported);
  }
  const arrivals = openAtOnce(exported, keyOf(keyOptions));
  try {
    const [batch] = arrivals.batches;
    if (arrivals.batches.length !== 1 || batch.peers.length !== 1) throw damaged('this is not one connection');
    const arrived = { travellers: batch.travellers, peer: batch.peers.at(0), savedAt: arrivals.savedAt };
    return new ImportedClient(options, arrived, secureConnectListener);
  } finally {
    arrivals.wipe();
  }
}

module.exports = { importConnection };
