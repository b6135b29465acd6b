'use strict';

// Defaults of the options of createServer(), connect() and createDgramSocket(). Times are in ms. A default that is missing here follows from
// other options or from the machine. A test compares them with the reference and with index.d.ts. Some tests change
// them before anything else is loaded, so that all tests run in more than one way: __test__/support/variants/.

const process = require('node:process');

const shared = {
  minVersion: 'DTLSv1.2',
  maxVersion: 'DTLSv1.3',
  rejectUnauthorized: true,
  handshakeTimeoutMax: 60_000,
  handshakeTimeout: 120_000,
  hibernateAfter: 5000,
  mtu: 1200,
  omitServerCertificate: false,
  addressValidation: 'rrc',
  debug: 0,
  sendClose: true,
  receiveQueueLimit: 262_144,
};

const server = {
  __proto__: null,
  ...shared,
  handshakeTimeoutMin: 3000,
  // UDP never says that a peer is gone. A sleeping sensor usually reports every hour or every day; after a day, the
  // memory of one that has vanished is given back.
  idleTimeout: 86_400_000,
  maxHandshakes: 1000,
  maxHandshakesPerAddress: 100,
  stalledHandshakeTimeout: 10_000,
  maxConnections: 1_000_000,
  evictIdleConnections: false,
  replaceByIdentity: false,
  maxConnectionsPerAddress: Infinity,
  maxAddressQuestions: 32,
  addressQuestionsPerSecond: 1000,
  pskIdentityEncoding: 'utf8',
  ipv6Only: false,
  // Seconds, as in node:tls. What RFC 5246, section F.1.4, suggests as the upper limit: sleeping sensors come back late.
  sessionTimeout: 86_400,
  maxSessions: 10_000,
  // With a key, a full handshake costs little more than a resumed one, and the key is looked up each time.
  pskSessions: false,
};

const client = {
  __proto__: null,
  ...shared,
  handshakeTimeoutMin: 1000,
  idleTimeout: 0,
  host: 'localhost',
};

const dgram = {
  sendQueueLimit: 262_144,
};

/** Settings that are not options. */
const defaults = {
  /** Whether the native object makes our UDP sockets, and receives and sends on them, where the system allows it. */
  nativeUdp: true,
  /** Whether the system gives each peer to one of several UDP sockets at one port: workers of a cluster have one each then. */
  systemDeals: process.platform === 'linux',
};

module.exports = { client, defaults, dgram, server };
