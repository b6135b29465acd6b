'use strict';

// Every option of createServer(), connect() and contexts, with the checker of its name and limits.

const net = require('node:net');

const { invalidArgType, invalidArgValue, outOfRange } = require('../errors');
const { isConnected } = require('../transport/udp');
const { contextCheckers, secureContext } = require('./context');
const { certificates, identity, identityHint, presharedKey, privateKey, serverPsk } = require('./credentials');
const negotiated = require('./negotiation');
const { pfxFile, pfxFiles, privateKeys } = require('./own-keys');
const sessions = require('./sessions');
const {
  MAX_DELAY,
  abortSignal,
  blockList,
  boolean,
  callback,
  delayOrNever,
  integer,
  oneOf,
  port,
  secretString,
  string,
} = require('./validate');
const { publicKeys } = require('./verification');

const MAX_DEBUG = 4;
const MAX_COUNT = 2 ** 31 - 1;
const MAX_BUFFER = 2 ** 31 - 1;

/** The clock that measures it has nanoseconds. */
const MAX_RATE = 1e9;

// A handshake does not get through in datagrams of less than 256 bytes, and no UDP datagram holds more than 65507.
const MIN_MTU = 256;
const MAX_MTU = 65507;

// The limit of the whole process, which src/binding/pool.rs sets.
const MAX_THREADS = 64;

/** Bytes of the longest connection ID that the engine has room for. */
const MAX_CONNECTION_ID = 32;

const MAX_NODE = 255;

/** Options of servers and clients, with their checkers. */
const SHARED = {
  key: privateKey,
  passphrase: secretString,
  cert: certificates,
  pfx: pfxFile,
  ca: certificates,
  crl: certificates,
  rejectUnauthorized: boolean,
  peerPublicKey: publicKeys,
  verifyPeer: callback,
  omitServerCertificate: boolean,
  secureContext,
  ciphers,
  ...negotiated.OPTIONS,
  handshakeTimeoutMin: integer(1, MAX_DELAY),
  handshakeTimeoutMax: integer(1, MAX_DELAY),
  handshakeTimeout: integer(1, MAX_DELAY),
  idleTimeout: integer(0, MAX_DELAY),
  hibernateAfter: delayOrNever,
  handshakeThreads: integer(0, MAX_THREADS),
  mtu: integer(MIN_MTU, MAX_MTU),
  connectionId,
  addressValidation: oneOf('rrc', 'rrc-basic', 'none'),
  debug,
  enableTrace: boolean,
  sendClose: boolean,
  receiveQueueLimit: integer(0, MAX_BUFFER),
  type: oneOf('udp4', 'udp6'),
  reuseAddr: boolean,
  reusePort: boolean,
  blockList,
  lookup: callback,
  compat: forFactories,
  recvBufferSize: integer(1, MAX_BUFFER),
  sendBufferSize: integer(1, MAX_BUFFER),
};

const SERVER = {
  __proto__: null,
  ...SHARED,
  key: privateKeys,
  pfx: pfxFiles,
  // Applications of node-mbed-dtls pass one object to createServer() and to listen().
  host: ignored,
  port: ignored,
  psk: serverPsk,
  pskCallback: callback,
  identityPskCallback: callback,
  pskIdentityEncoding: oneOf('utf8', 'buffer'),
  pskIdentityHint: identityHint,
  honorCipherOrder: boolean,
  nameAuthorities: boolean,
  requestCert: boolean,
  SNICallback: callback,
  ALPNCallback: callback,
  socket: dgramSocket,
  maxHandshakes: integer(1, MAX_COUNT),
  maxHandshakesPerAddress: integer(1, MAX_COUNT),
  stalledHandshakeTimeout: integer(1, MAX_DELAY),
  maxConnections: integer(1, MAX_COUNT),
  evictIdleConnections: boolean,
  replaceByIdentity: boolean,
  maxConnectionsPerAddress: countOrAny,
  maxAddressQuestions: integer(1, MAX_COUNT),
  addressQuestionsPerSecond: integer(1, MAX_RATE),
  ipv6Only: boolean,
  nodeId: integer(0, MAX_NODE),
  connectionStore,
  ...sessions.SERVER,
};

const CLIENT = {
  __proto__: null,
  ...SHARED,
  host: string,
  port: port(1),
  socket: dgramSocket,
  family,
  localAddress: literalAddress,
  localPort: port(0),
  signal: abortSignal,
  psk: presharedKey,
  pskCallback: callback,
  pskIdentity: identity,
  PSKIdent: identity,
  CACert: certificates,
  servername: string,
  checkServerIdentity: callback,
  ...sessions.CLIENT,
};

/** Checkers for createSecureContext(), addContext() and setSecureContext(). */
const CONTEXT = contextCheckers(ciphers);

/** How much is traced. Applications of node-mbed-dtls write 5. */
function debug(value, name) {
  if (typeof value === 'number' && value > MAX_DEBUG) {
    throw outOfRange(name, `>= 0 && <= ${MAX_DEBUG} (with "options.compat", more counts as ${MAX_DEBUG})`, value);
  }
  return integer(0, MAX_DEBUG)(value, name);
}

/** The length of IDs, or what makes them. */
function connectionId(value, name) {
  return typeof value === 'function' ? value : integer(0, MAX_CONNECTION_ID)(value, name);
}

/** IANA or OpenSSL names in order of preference, as an array or in OpenSSL's form 'A:B'. */
function ciphers(value, name) {
  if (typeof value !== 'string' && !Array.isArray(value)) {
    throw invalidArgType(name, 'of type string or an instance of Array', value);
  }
  const names = typeof value === 'string' ? value.split(/[:, ]+/).filter((word) => word !== '') : [...value];
  if (names.length === 0) throw invalidArgValue(name, 'must name at least one cipher suite');
  names.forEach((suite, index) => {
    string(suite, `${name}[${index}]`);
  });
  return names;
}

/** Infinity stands for no limit. */
function countOrAny(value, name) {
  return value === Infinity ? value : integer(1, MAX_COUNT)(value, name);
}

function forFactories(_value, name) {
  throw invalidArgValue(name, 'is for createServer() and connect(), which choose the classes');
}

/** Checks an option that has no effect, and never had one. */
function ignored() {
  return undefined;
}

function dgramSocket(value, name) {
  // The shape counts and not the class, so that a wrapper around a dgram.Socket is accepted.
  for (const method of ['send', 'on', 'removeListener', 'address']) {
    if (typeof value?.[method] !== 'function') throw invalidArgType(name, 'an instance of dgram.Socket', value);
  }
  if (isConnected(value)) throw invalidArgValue(name, 'must not be a connected UDP socket');
  return value;
}

function connectionStore(value, name) {
  // Few programs want it.
  const { RedisStore } = require('../fleet/redis-store');
  if (!(value instanceof RedisStore)) throw invalidArgType(name, 'what createRedisStore() has returned', value);
  return value;
}

function literalAddress(value, name) {
  if (net.isIP(string(value, name)) === 0) throw invalidArgValue(name, 'must be an IP address');
  return value;
}

function family(value, name) {
  const number = { __proto__: null, IPv4: 4, IPv6: 6, 0: 0, 4: 4, 6: 6 }[value];
  if (number === undefined) throw invalidArgValue(name, "must be one of 0, 4, 6, 'IPv4', 'IPv6'");
  return number;
}

module.exports = { CLIENT, CONTEXT, MAX_CONNECTION_ID, MAX_DEBUG, SERVER };
