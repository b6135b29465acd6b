'use strict';

// How node-mbed-dtls and each of its forks differ from each other and from this package.

const { invalidArgType } = require('../errors');

/**
 * How a fork behaves. The names of events and fields are those of the forks.
 *
 * @property {'number' | 'error'} errors what 'error' and the callback of write() get
 * @property {'text' | 'error'} clientErrors what 'clientError' gets
 * @property {(old: object, acknowledge: Function, done: Function) => unknown[]} ipChanged its arguments
 * @property {boolean} [mustAcknowledge] a move that no listener of 'ipChanged' acknowledges at once is refused
 * @property {boolean} [sendsHelloRequest] a device that has lost its connection is told so
 * @property {boolean} [answersBare] the callback of 'resumeSession' takes the session only
 * @property {boolean} [tellsSessions] 'newSession' and 'endSession'
 * @property {boolean} [prefixesLength] each 'data' of a server's socket begins with its length, two bytes
 * @property {boolean} [renamesErrors] a client's 'error' from DTLS is called 'err'
 * @property {(options: object, all: object) => void} server what is special about its server's options
 * @property {(options: object, all: object) => void} client what is special about its client's options
 */
const NEUSTAR = {
  errors: 'number',
  clientErrors: 'text',
  ipChanged: (old) => [old],
  server(options, { key, identityPskCallback }) {
    if (!key) throw "Parameter 'key' is not set";
    if (!identityPskCallback) throw "Parameter 'identityPskCallback' is not set";
    // One object may hold the options of both sides, and `psk` is the client's.
    delete options.psk;
  },
  client() {},
};

const PARTICLE = {
  ...NEUSTAR,
  ipChanged: (old, acknowledge, done) => [old, acknowledge, done],
  mustAcknowledge: true,
  server(options, { key }) {
    if (!key) throw invalidArgType('options.key', 'a Buffer or the name of a file', key, { secret: true });
    withoutPsk(options);
    // Devices of Particle know the server's key.
    options.omitServerCertificate = true;
  },
  client(_options, { key, peerPublicKey }) {
    if (!key) throw invalidArgType('options.key', 'a Buffer or the name of a file', key, { secret: true });
    if (!peerPublicKey) throw invalidArgType('options.peerPublicKey', 'a Buffer or the name of a file', peerPublicKey);
  },
};

const K4 = {
  ...PARTICLE,
  mustAcknowledge: false,
  server(options, { psk_cb: findKey }) {
    withoutPsk(options);
    if (typeof findKey !== 'function') return;
    options.pskIdentityEncoding = 'buffer';
    // Any answer but a Buffer refuses.
    options.identityPskCallback = (identity) => keyOrNull(findKey(identity));
  },
  client() {},
};

const TRACKLE = {
  ...PARTICLE,
  errors: 'error',
  clientErrors: 'error',
  ipChanged: (old, acknowledge, done) => [old, old.deviceId, acknowledge, done],
  mustAcknowledge: false,
  sendsHelloRequest: true,
  prefixesLength: true,
  renamesErrors: true,
  server(options, all) {
    PARTICLE.server(options, all);
    options.omitServerCertificate = !all.sendServerCertificate;
  },
};

const MATASAREI = {
  ...NEUSTAR,
  ipChanged: (old, acknowledge, done) => [old, acknowledge, done],
  sendsHelloRequest: true,
  answersBare: true,
  tellsSessions: true,
  server(options, { key, identityPskCallback }) {
    if (!key) throw invalidArgType('options.key', 'a Buffer or the name of a file', key, { secret: true });
    withoutPsk(options);
    if (identityPskCallback === undefined || identityPskCallback === null) return;
    if (typeof identityPskCallback !== 'function') {
      throw invalidArgType('options.identityPskCallback', 'of type function', identityPskCallback);
    }
    options.pskIdentityEncoding = 'buffer';
    // The second argument was the id of a session that did not exist yet, and has never meant anything.
    options.identityPskCallback = (identity) => identityPskCallback(identity, Buffer.alloc(0));
  },
  client(_options, { key, psk }) {
    if (!key && !psk) throw 'you must define either a PSK or a private key.';
  },
};

const PROFILES = {
  __proto__: null,
  neustar: NEUSTAR,
  spark: NEUSTAR,
  particle: PARTICLE,
  trackle: TRACKLE,
  k4: K4,
  matasarei: MATASAREI,
};

function withoutPsk(options) {
  delete options.psk;
  delete options.pskCallback;
  delete options.identityPskCallback;
}

async function keyOrNull(answer) {
  const key = await answer;
  return Buffer.isBuffer(key) ? key : null;
}

module.exports = { PROFILES };
