'use strict';

// Where pre-shared keys come from: a server's by identity, a client's own by the server's hint.

const { isUtf8 } = require('node:buffer');

const { identityBytes, ownPsk, presharedKey } = require('../options/credentials');
const { askInThreeWays, respondWith } = require('./ask');
const { Question } = require('./question');

/** Almost every identity is the same in UTF-8 and in Latin-1. */
const NOT_PRINTABLE_ASCII = /[^ -~]/;

/**
 * A server's key for the identity that a client has sent. The source is `{ callback, withSocket, encoding }` as by
 * serverOptions(); null or undefined means that the identity is unknown.
 */
class PskQuestion extends Question {
  static about = 'psk';

  ask(respond) {
    const { callback, withSocket, encoding } = this.source;
    const { identity } = this.event;
    const name = encoding === 'buffer' ? Buffer.from(identity, 'latin1') : exactString(identity);
    // No string stands for these bytes, so no identity of the application's can be meant.
    if (name === null) respond(null, null);
    else if (withSocket) askInThreeWays(callback, this.socket, name, respond);
    else respondWith(callback(name), respond);
  }

  check(key) {
    // node-mbed-dtls's identityPskCallback(identity) refuses with an empty string.
    if (key == null || (key === '' && !this.source.withSocket)) return null;
    return presharedKey(key, 'key');
  }
}

/** A client's own key and identity: pskCallback(hint), as node:tls calls it. The source is the function. */
class OwnPskQuestion extends Question {
  static about = 'ownPsk';

  ask(respond) {
    const { hint } = this.event;
    // A hint that no string stands for says nothing to an application that expects a string.
    respondWith(this.source(hint === undefined ? null : exactString(hint.latin1Slice())), respond);
  }

  check(own) {
    return ownPsk(own);
  }
}

/**
 * Gives the native object the keys for which no callback has to be asked, once.
 *
 * @param {{ key: Buffer } | { table: Map<string, Buffer> }} source as by serverOptions()
 * @param {object} native of a server
 */
function tellKeys({ key, table }, native) {
  if (key !== undefined) native.knowKeys(key, [], []);
  else native.knowKeys(undefined, Array.from(table.keys(), identityBytes), [...table.values()]);
}

/** The string whose UTF-8 is exactly these bytes, which are given as one character each; null when there is none. */
function exactString(identity) {
  if (!NOT_PRINTABLE_ASCII.test(identity)) return identity;
  const bytes = Buffer.from(identity, 'latin1');
  return isUtf8(bytes) ? bytes.utf8Slice() : null;
}

module.exports = { OwnPskQuestion, PskQuestion, tellKeys };
