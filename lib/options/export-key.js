'use strict';

// The key under which connections travel from one process to another.

const { KeyObject } = require('node:crypto');

const { invalidArgType, invalidArgValue } = require('../errors');

/** Bytes of a key, at least. */
const KEY_LENGTH = 32;

/** @returns {Buffer} a copy */
function exportKey(value, name) {
  const bytes = value instanceof KeyObject && value.type === 'secret' ? value.export() : value;
  if (!(bytes instanceof Uint8Array)) {
    throw invalidArgType(name, 'an instance of Buffer, Uint8Array or KeyObject', value, { secret: true });
  }
  if (bytes.length < KEY_LENGTH) throw invalidArgValue(name, `must have at least ${KEY_LENGTH} bytes`);
  return Buffer.from(bytes);
}

module.exports = { exportKey };
