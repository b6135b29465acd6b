'use strict';

const dgram = require('node:dgram');
const { EventEmitter } = require('node:events');
const process = require('node:process');

const { send, getSendQueueCount, getSendQueueSize } = dgram.Socket.prototype;

/**
 * A UDP socket as one role of a DTLS endpoint sees it, which is the `socket` option of createServer() or connect(): it
 * emits the datagrams that are for this role, and sends past the encryption of the socket that it belongs to.
 */
class Wire extends EventEmitter {
  /** @param {dgram.Socket} udp bound, whose send() encrypts */
  constructor(udp) {
    super();
    // Every client listens.
    this.setMaxListeners(0);
    this.type = udp.type;
    this._udp = udp;
  }

  send(...args) {
    send.apply(this._udp, args);
  }

  address() {
    return this._udp.address();
  }

  getSendQueueCount() {
    return getSendQueueCount.call(this._udp);
  }

  getSendQueueSize() {
    return getSendQueueSize.call(this._udp);
  }

  getRecvBufferSize() {
    return this._udp.getRecvBufferSize();
  }

  setRecvBufferSize(size) {
    this._udp.setRecvBufferSize(size);
  }

  /** Ends this role. The UDP socket goes on. */
  close() {
    process.nextTick(() => this.emit('close'));
  }

  // Whether the process is kept alive is up to the UDP socket.
  ref() {}
  unref() {}
}

module.exports = { Wire };
