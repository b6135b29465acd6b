'use strict';

// Where pre-shared keys come from: a server's by identity, a client's own by the server's hint.

const { isUtf8 } = require('node:buffer');

const { identityBytes, ownPsk, presharedKey } = require('../options/credentials');
const { Question, askInThreeWays, settleWith } = require('./question');

/** Almost every identity is the same in either encoding. */
const NOT_PRINTABLE_ASCII = /[^ -~]/;

/**
 * @param {{ callback: Function, withSocket: boolean, encoding: 'utf8' | 'buffer' }} source as by serverOptions()
 * @returns {(socket: object, identity: string, answer: (key: Buffer | null) => void,
 *   fail: (cause: unknown) => void) => void} looks one identity up, a character a byte, then calls one of the two, at
 *   most once; null: nobody has that name
 */
function createLookup(source) {
  const ask = source.withSocket ? askInThreeWays : askWithIdentity;
  return (socket, identity, answer, fail) => {
    const name = source.encoding === 'buffer' ? Buffer.from(identity, 'latin1') : exactString(identity);
    // No string stands for these bytes, so there is nobody to ask for.
    if (name === null) answer(null);
    else new Question(checkKey, answer, fail).put((respond) => ask(source.callback, socket, name, respond));
  };
}

/**
 * Keys that no callback has to be asked for go to the native object, once.
 *
 * @param {{ key: Buffer } | { table: Map<string, Buffer> }} source as by serverOptions()
 * @param {object} native of a server
 */
function tellKeys({ key, table }, native) {
  if (key !== undefined) native.knowKeys(key, [], []);
  else native.knowKeys(undefined, Array.from(table.keys(), identityBytes), [...table.values()]);
}

/** identityPskCallback(identity), as node-mbed-dtls calls it: an empty string refuses. */
function askWithIdentity(callback, _socket, identity, respond) {
  settleWith(callback(identity), (error, key) => respond(error, key === '' ? null : key));
}

/**
 * Asks a client's application as whom to appear: pskCallback(hint), as node:tls calls it.
 *
 * @param {(hint: string | null) => unknown} pskCallback
 * @param {object} client that asks
 * @param {{ lookup: number, hint?: Buffer }} event
 */
function askForOwnPsk(pskCallback, client, { lookup, hint }) {
  const endpoint = client._endpoint;
  // What no string stands for says nothing to who wants a string.
  const text = hint === undefined ? null : exactString(hint.latin1Slice());
  const answer = (own) => endpoint.answerIdentity(lookup, own);
  const fail = (cause) => {
    client._lookupCause = cause;
    endpoint.failLookup(lookup, cause);
  };
  new Question(ownPsk, answer, fail).put((respond) => settleWith(pskCallback(text), respond));
}

/** A key, or null: nobody has that name. */
function checkKey(key) {
  return key == null ? null : presharedKey(key, 'key');
}

/** The string that has exactly these bytes, given as a character each, in UTF-8; null when there is none. */
function exactString(identity) {
  if (!NOT_PRINTABLE_ASCII.test(identity)) return identity;
  const bytes = Buffer.from(identity, 'latin1');
  return isUtf8(bytes) ? bytes.utf8Slice() : null;
}

module.exports = { askForOwnPsk, createLookup, tellKeys };
