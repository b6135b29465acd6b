'use strict';

// Connection IDs that the application makes: the option `connectionId` is a function then. It is called ahead of the handshakes,
// which never wait for JavaScript.

const process = require('node:process');

const { AsyncScope } = require('./async-scope');
const { DtlsError, invalidArgType, messageOf, outOfRange } = require('./errors');

const NAME = 'options.connectionId()';
const CODE = 'ERR_DTLS_CONNECTION_ID';

/** Bytes of the longest connection ID that the engine has room for. */
const MAX_LENGTH = 32;

class MadeIds {
  /**
   * The first one, by which the length of all is known.
   *
   * @param {() => Uint8Array} make
   * @param {number} [nodeId] with which each begins
   * @returns {Uint8Array}
   */
  static first(make, nodeId) {
    const id = check(make(), nodeId);
    if (id.length > 0 && id.length <= MAX_LENGTH) return id;
    throw outOfRange(`${NAME}.length`, `>= 1 && <= ${MAX_LENGTH}`, id.length);
  }

  /**
   * @param {object} native that takes them
   * @param {() => Uint8Array} make
   * @param {{ count: number, low: number, first: Uint8Array, nodeId?: number }} options `count`: how many are made at once;
   *   `low`: how many are few. 0 if refill() is called whenever one is needed.
   */
  constructor(native, make, { count, low, first, nodeId }) {
    this._native = native;
    this._make = make;
    this._count = count;
    this._nodeId = nodeId;
    this._length = first.length;
    this._made = [first];
    this._scope = new AsyncScope('DTLSCONNECTIONID');
    this._isMaking = false;
    this._hasWarned = false;
    native.expectConnectionIds(low);
    if (low > 0 && this._supply() === 1) throw repeated();
  }

  /** Few are left. Where the application fails, handshakes go on without. */
  refill() {
    // The application's function may lead back here.
    if (this._isMaking) return;
    this._isMaking = true;
    try {
      if (this._scope.runInAsyncScope(this._supply, this) === 0) throw repeated();
    } catch (error) {
      // It is not asked again before the next handshake.
      this._native.supplyConnectionIds(Buffer.alloc(0));
      this._warn(error);
    } finally {
      this._isMaking = false;
    }
  }

  /** @returns {number} how many of them nobody has */
  _supply() {
    const ids = this._made;
    this._made = [];
    while (ids.length < this._count) ids.push(check(this._make(), this._nodeId, this._length));
    return this._native.supplyConnectionIds(Buffer.concat(ids));
  }

  /** Only once, because it would go on with each handshake. */
  _warn(error) {
    if (this._hasWarned) return;
    this._hasWarned = true;
    const message = `The connectionId function has failed, and connections go without IDs: ${messageOf(error)}`;
    process.emitWarning(message, { type: 'DtlsWarning', code: CODE });
  }
}

function check(id, nodeId, length = id?.length) {
  if (!(id instanceof Uint8Array)) throw invalidArgType(NAME, 'an instance of Uint8Array', id);
  if (id.length !== length) throw outOfRange(`${NAME}.length`, `${length}, as the first was`, id.length);
  if (nodeId !== undefined && id[0] !== nodeId) throw outOfRange(`${NAME}[0]`, `${nodeId} ("options.nodeId")`, id[0]);
  return id;
}

function repeated() {
  const message = `${NAME} answers connection IDs that differ from no other in their last 8 bytes`;
  return new DtlsError(message, { code: CODE });
}

module.exports = { MadeIds };
