'use strict';

// Where a server's pre-shared keys come from.

const { isUtf8 } = require('node:buffer');

const { identityKey, presharedKey } = require('./credentials');
const { Question } = require('./question');

/**
 * @param {{ key: Buffer } | { table: Map<string, Buffer> } | { callback: Function, withSocket: boolean,
 *   encoding: 'utf8' | 'buffer' }} source as by serverOptions()
 * @returns {(socket: object, identity: Buffer, answer: (key: Buffer | null) => void,
 *   fail: (cause: unknown) => void) => void} looks one identity up, then calls one of the two, at most once; null: nobody
 *   has that name
 */
function createLookup(source) {
  if (source.key !== undefined) return (_socket, _identity, answer) => answer(source.key);
  if (source.table !== undefined) {
    return (_socket, identity, answer) => answer(source.table.get(identityKey(identity)) ?? null);
  }
  const ask = source.withSocket ? askWithSocket : askWithIdentity;
  return (socket, identity, answer, fail) => {
    const name = source.encoding === 'buffer' ? identity : exactString(identity);
    // No string stands for these bytes, so there is nobody to ask for.
    if (name === null) answer(null);
    else {
      const question = new Question((error, key) => conclude(error, key, answer, fail));
      question.put((respond) => ask(source.callback, socket, name, respond));
    }
  };
}

/** pskCallback(socket, identity[, callback]), as node:tls calls it: the key, a promise of it, or callback(err, key). */
function askWithSocket(callback, socket, identity, respond) {
  // Who takes three parameters means to call the third; what is returned counts only if it is something.
  const mayCallBack = callback.length > 2;
  settleWith(callback(socket, identity, respond), (error, key) => {
    if (error !== null || key !== undefined || !mayCallBack) respond(error, key);
  });
}

/** identityPskCallback(identity), as node-mbed-dtls calls it: an empty string refuses. */
function askWithIdentity(callback, _socket, identity, respond) {
  settleWith(callback(identity), (error, key) => respond(error, key === '' ? null : key));
}

function settleWith(result, respond) {
  if (typeof result?.then === 'function') {
    Promise.resolve(result).then(
      (key) => respond(null, key),
      (error) => respond(error ?? new Error('The promise of a key was rejected without a reason')),
    );
  } else {
    respond(null, result);
  }
}

/** An answer that is no key fails like an error. */
function conclude(error, key, answer, fail) {
  let checked = null;
  let failure = error;
  if (failure === null && key != null) {
    try {
      checked = presharedKey(key, 'key');
    } catch (invalid) {
      failure = invalid;
    }
  }
  if (failure === null) answer(checked);
  else fail(failure);
}

/** The string that has exactly these bytes in UTF-8, null when there is none. */
function exactString(bytes) {
  return isUtf8(bytes) ? bytes.utf8Slice() : null;
}

module.exports = { createLookup };
