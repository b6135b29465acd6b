'use strict';

// A client's connection that goes on in another process.

const process = require('node:process');

const { suiteName } = require('../ciphers');
const { DtlsClient } = require('../client');
const { invalidArgType } = require('../errors');
const { damaged, unusable } = require('./sealing');
const { importOptions, isClaimed, openAtOnce, unclaimed } = require('./travel');

class ImportedClient extends DtlsClient {
  // They are not there yet when the constructor of DtlsClient calls _start(), whose work is for later.
  #exported;
  #arrived = null;

  /**
   * @param {object} options of connect()
   * @param {object} exported what has been read of the connection, and `claim` where somebody has to be asked for it
   * @param {(client: DtlsClient) => void} [secureConnectListener]
   */
  constructor(options, exported, secureConnectListener) {
    const localPort = options.localPort ?? exported.peer.localPort;
    super({ ...options, ...anyServer(options), localPort }, secureConnectListener);
    this.#exported = exported;
    if (exported.claim !== undefined) return;
    try {
      this.#takeIn(false);
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  #takeIn(isClaimed) {
    const { travellers, peer, savedAt } = this.#exported;
    const taken = this._endpoint.native.takeIn(travellers, savedAt, isClaimed);
    travellers.fill(0);
    const [handle, port, suite] = taken.numbers;
    if (handle === 0) throw taken.unclaimed > 0 ? unclaimed(taken.unclaimed) : unusable(taken.refusal);
    this.#arrived = { handle, suite: suiteName(suite), peer };
    this._endpoint.connections.set(handle, this);
    this.remoteAddress = taken.addresses[0];
    this.remotePort = port;
  }

  /** The address is known already. */
  _start() {
    process.nextTick(() => this.#startSoon());
  }

  async #startSoon() {
    const { claim, id, travellers } = this.#exported;
    try {
      if (this.#arrived === null && !this.destroyed) {
        const may = await isClaimed(claim, id);
        if (!this.destroyed) this.#takeIn(may);
      }
    } catch (error) {
      this.destroy(error);
    }
    travellers.fill(0);
    if (!this.destroyed) this._attempts.begin([this.remoteAddress], this.remotePort);
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
 * @param {{ key: Uint8Array, claim?: (id: string) => unknown }} importing
 * @param {object} options of connect(), without port and host
 * @param {(client: DtlsClient) => void} [secureConnectListener]
 * @returns {DtlsClient}
 */
function importConnection(exported, importing, options = {}, secureConnectListener = undefined) {
  if (!(exported instanceof Uint8Array)) {
    throw invalidArgType('exported', 'an instance of Buffer or Uint8Array', exported);
  }
  const { key, claim } = importOptions(importing);
  const arrivals = openAtOnce(exported, key);
  try {
    const [batch] = arrivals.batches;
    if (arrivals.batches.length !== 1 || batch.peers.length !== 1) throw damaged('this is not one connection');
    // It outlives what has been read, and is wiped when it has been used.
    const travellers = Buffer.from(batch.travellers);
    const { id, savedAt } = arrivals;
    const read = { travellers, peer: batch.peers.at(0), savedAt, id, claim };
    return new ImportedClient(options, read, secureConnectListener);
  } finally {
    arrivals.wipe();
  }
}

module.exports = { importConnection };
