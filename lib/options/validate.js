'use strict';

// Checks of single values. A checker takes a value and its name in errors, and returns the value in the one form that
// the rest of the code works with.

const { types } = require('node:util');

const { Bare } = require('../bare');
const { invalidArgType, invalidArgValue, outOfRange, quote } = require('../errors');
const { elsewhere } = require('./elsewhere');

/** Longest delay of one timer in Node, ms, which is the upper bound of every option that is a time. */
const MAX_DELAY = 2 ** 31 - 1;

const MAX_PORT = 65535;

/** @returns a checker for whole numbers in [min, max] */
function integer(min, max) {
  return (value, name) => {
    if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value);
    if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value);
    if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value);
    return value;
  };
}

/** @returns a checker for times in ms, where Infinity stands for never */
function delayOrNever(value, name) {
  return value === Infinity ? value : integer(0, MAX_DELAY)(value, name);
}

function boolean(value, name) {
  if (typeof value !== 'boolean') throw invalidArgType(name, 'of type boolean', value);
  return value;
}

function string(value, name) {
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string', value);
  return value;
}

function secretString(value, name) {
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string', value, { secret: true });
  return value;
}

function callback(value, name) {
  if (typeof value !== 'function') throw invalidArgType(name, 'of type function', value);
  return value;
}

function abortSignal(value, name) {
  if (typeof value?.addEventListener !== 'function' || !('aborted' in value)) {
    throw invalidArgType(name, 'an instance of AbortSignal', value);
  }
  return value;
}

/** node:net's lists of addresses. */
function blockList(value, name) {
  if (typeof value?.check !== 'function') throw invalidArgType(name, 'an instance of net.BlockList', value);
  return value;
}

/** @returns a checker for one of a few words */
function oneOf(...words) {
  return (value, name) => {
    if (words.includes(value)) return value;
    const list = words.map((word) => quote(word)).join(', ');
    throw invalidArgValue(name, `must be one of ${list}. Received ${quote(value)}`);
  };
}

/**
 * @returns a checker for ports, which takes '5684' for 5684 as node:net does. `min` is 0 where the system may choose.
 */
function port(min) {
  return (value, name) => {
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    if (typeof number !== 'number') throw invalidArgType(name, 'of type number or a numeric string', value);
    if (!Number.isInteger(number) || number < min || number > MAX_PORT) {
      throw outOfRange(name, `>= ${min} && <= ${MAX_PORT}`, typeof value === 'string' ? quote(value) : value);
    }
    return number;
  };
}

/** A copy of bytes, which the caller can no longer change; null when the value is not bytes. */
function copyBytes(value) {
  if (typeof value === 'string') return Buffer.from(value, 'utf8');
  if (ArrayBuffer.isView(value)) {
    return Buffer.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  }
  if (types.isAnyArrayBuffer(value)) return Buffer.from(new Uint8Array(value));
  return null;
}

/**
 * The part of a message that offset and length name, as for dgram's send(); without them, all of it.
 *
 * @returns {Buffer | Uint8Array}
 */
function datagram(message, offset, length) {
  const bytes = typeof message === 'string' ? Buffer.from(message) : message;
  if (!(bytes instanceof Uint8Array)) {
    throw invalidArgType('message', 'of type string or an instance of Buffer or Uint8Array', message, { secret: true });
  }
  if (offset === undefined && length === undefined) return bytes;
  const start = integer(0, bytes.length)(offset ?? 0, 'offset');
  return bytes.subarray(start, start + integer(0, bytes.length - start)(length ?? bytes.length - start, 'length'));
}

/**
 * Copies the own properties of an options object, each checked by the checker of its name. undefined counts as not
 * given. Inherited properties do not count: an `Object.prototype.rejectUnauthorized` must not switch anything off.
 *
 * @param {object} options what the caller passed
 * @param {string} name its name in errors
 * @param {{ [option: string]: (value: unknown, name: string) => unknown }} checkers without prototype
 * @returns {Bare}
 */
function checkOptions(options, name, checkers) {
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw invalidArgType(name, 'of type object', options);
  }
  const checked = new Bare();
  for (const option of Object.keys(options)) {
    const value = options[option];
    if (value === undefined) continue;
    const check = checkers[option];
    if (check === undefined) throw unknownOption(option, name, checkers);
    checked[option] = check(value, `${name}.${option}`);
  }
  return checked;
}

/** An own property of an object, or undefined; what the object has inherited does not count. */
function own(object, name) {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** Some properties of an object, in another one. Neither has what Object.prototype may have. */
function pick(all, names) {
  const picked = new Bare();
  for (const name of names) {
    const value = all[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}

function unknownOption(option, name, checkers) {
  const instead = elsewhere(option);
  if (instead !== null) return invalidArgValue(`${name}.${option}`, `is not an option here: ${instead}`);
  const closest = nearest(option, Object.keys(checkers));
  const hint = closest === null ? '' : `, did you mean "${closest}"?`;
  return invalidArgValue(`${name}.${option}`, `is not a known option${hint}`);
}

/** The closest candidate, at most a third of the word's letters away; null when there is none. */
function nearest(word, candidates) {
  let best = null;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/** Levenshtein distance of two words. */
function editDistance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next[j] = Math.min(substitution, row[j] + 1, next[j - 1] + 1);
    }
    row = next;
  }
  return row[b.length];
}

module.exports = {
  MAX_DELAY,
  abortSignal,
  blockList,
  boolean,
  callback,
  checkOptions,
  copyBytes,
  datagram,
  delayOrNever,
  integer,
  oneOf,
  own,
  pick,
  port,
  secretString,
  string,
};
