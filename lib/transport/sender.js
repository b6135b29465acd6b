'use strict';

// Datagrams that go through node:dgram's queue: all of them where the native object has no socket, and elsewhere those
// that the system does not take at once.

const process = require('node:process');

const { reachable } = require('./addresses');
const { queuedDatagrams } = require('./udp');

/** While fewer bytes than this wait for the kernel in the UDP socket, a write is finished at once. */
const QUEUE_TARGET = 65_536;

class Sender {
  /** @param {import('./endpoint').Endpoint} endpoint */
  constructor(endpoint) {
    this._endpoint = endpoint;
    /** Whether something waits in Node's queue, which the native object must not overtake. */
    this.isCongested = false;
  }

  /** Sends what a write has led to; calls back when the next write may come. */
  sendPayload(datagram, port, address, callback) {
    if (this._isQueueShort()) {
      this.send(datagram, port, address, undefined);
      callback();
    } else {
      // A datagram that the kernel refuses is a lost datagram, and DTLS expects those: it is not an error.
      this.send(datagram, port, address, () => callback());
    }
  }

  /**
   * A datagram that cannot be sent is a lost datagram: this neither throws nor keeps a callback waiting.
   *
   * @param {((error: Error | null) => void) | undefined} callback
   */
  send(datagram, port, address, callback) {
    const { isConnected, isDirect, udp } = this._endpoint;
    if (isDirect) this._setCongested(true);
    const whenSent = isDirect ? (error) => this._onSent(error, callback) : callback;
    try {
      if (udp === null) {
        if (whenSent !== undefined) process.nextTick(whenSent, null);
      } else if (isConnected) udp.send(datagram, whenSent);
      else udp.send(datagram, port, reachable(address, udp.type), whenSent);
    } catch (error) {
      if (whenSent !== undefined) process.nextTick(whenSent, error);
    }
  }

  _isQueueShort() {
    const { udp } = this._endpoint;
    try {
      return udp === null || udp.getSendQueueSize() < QUEUE_TARGET;
    } catch {
      // Somebody else has closed the UDP socket; send() will find out too.
      return true;
    }
  }

  _onSent(error, callback) {
    const { udp } = this._endpoint;
    if (udp === null || queuedDatagrams(udp) === 0) this._setCongested(false);
    callback?.(error);
  }

  _setCongested(isCongested) {
    if (this.isCongested === isCongested) return;
    this.isCongested = isCongested;
    this._endpoint.native.setCongested(isCongested);
  }
}

module.exports = { Sender };
