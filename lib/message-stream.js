'use strict';

const { Buffer } = require('node:buffer');
const process = require('node:process');
const { Duplex } = require('node:stream');

/**
 * A Duplex that sends each write as one message. A message that is too long is an error of its own write and of nothing
 * else: a Duplex would be destroyed by it. The error goes to the write's callback; without one to the listeners of
 * 'writeError'; without these it is a warning.
 *
 * Who extends it has _longestMessage(), and calls _refuse() in the place of sending a message.
 */
class MessageStream extends Duplex {
  write(chunk, encoding, callback) {
    // What is certain to fit, and what is no message at all, needs no attention.
    const most = typeof chunk === 'string' ? 3 * chunk.length : (chunk?.byteLength ?? 0);
    if (most <= this._longestMessage()) return super.write(chunk, encoding, callback);
    if (typeof encoding === 'function') return this._writeLong(chunk, undefined, encoding);
    return this._writeLong(chunk, encoding, callback);
  }

  _writeLong(chunk, encoding, callback) {
    const message = bufferOf(chunk, encoding ?? this._writableState.defaultEncoding);
    if (message === null) return super.write(chunk, encoding, callback);
    return super.write(message, (error) => settle(this, message, error, callback));
  }

  end(chunk, encoding, callback) {
    if (typeof chunk === 'function') return super.end(chunk);
    if (typeof encoding === 'function') return this.end(chunk, undefined, encoding);
    if (chunk !== undefined && chunk !== null) this.write(chunk, encoding);
    return super.end(callback);
  }

  /** Notes why a message is not sent: errors by the Buffer that was to be sent, made when there is one. */
  _refuse(message, error) {
    this._refusals ??= new WeakMap();
    this._refusals.set(message, error);
  }

  /** Tells of a message whose write() does not look for that. */
  _tellRefusal(message) {
    settle(this, message, null, undefined);
  }
}

/** Calls back with what has become of one write. */
function settle(stream, message, error, callback) {
  const refusal = stream._refusals?.get(message);
  if (callback !== undefined) callback(refusal ?? error);
  else if (refusal !== undefined && !stream.emit('writeError', refusal)) {
    process.emitWarning(refusal.message, { type: 'DtlsWarning', code: refusal.code });
  }
}

/** The bytes of a chunk in a Buffer that no other write has; null for what is no chunk. */
function bufferOf(chunk, encoding) {
  if (typeof chunk === 'string') return Buffer.isEncoding(encoding) ? Buffer.from(chunk, encoding) : null;
  return chunk instanceof Uint8Array ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength) : null;
}

module.exports = { MessageStream };
