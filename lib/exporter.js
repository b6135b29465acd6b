'use strict';

// Keying material for other protocols (RFC 5705), as tls.TLSSocket#exportKeyingMaterial() gives it.

const { fromNative, invalidArgType, invalidArgValue, stateError } = require('./errors');
const { copyBytes, integer, string } = require('./options/validate');

/** How many bytes one call exports. */
const checkLength = integer(1, 65_536);

/**
 * @param {object} socket whose connection the keys come from
 * @param {unknown} length bytes
 * @param {unknown} label
 * @param {unknown} [context] an empty context gives other keys than none
 * @returns {Buffer}
 */
function exportKeyingMaterial(socket, length, label, context) {
  checkLength(length, 'length');
  if (string(label, 'label') === '' || label.includes('\0'))
    throw invalidArgValue('label', 'must have bytes other than 0');
  const bytes = context === undefined || typeof context === 'string' ? undefined : copyBytes(context);
  if (context !== undefined && bytes == null) {
    throw invalidArgType('context', 'an instance of Buffer, TypedArray or DataView', context);
  }
  if (!socket.connected) throw stateError('ERR_TLS_INVALID_STATE', 'There is no connection to export keys from');
  try {
    return socket._endpoint.native.exportKeyingMaterial(socket._handle, length, Buffer.from(label), bytes);
  } catch (error) {
    throw fromNative(error);
  }
}

module.exports = { exportKeyingMaterial };
