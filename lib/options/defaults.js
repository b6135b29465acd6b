'use strict';

// Defaults of the options of createServer() and connect(). Times in ms. One that is missing here is found out elsewhere,
// from other options or from the machine. Tests change them before anything else is loaded, to run all that there is in
// more than one way: __test__/support/variants/.

const shared = {
  rejectUnauthorized: true,
  handshakeTimeoutMax: 60_000,
  handshakeTimeout: 120_000,
  hibernateAfter: 5000,
  mtu: 1200,
  omitServerCertificate: false,
  debug: 0,
  sendClose: true,
  receiveQueueLimit: 262_144,
};

const server = {
  ...shared,
  handshakeTimeoutMin: 3000,
  // UDP never says that a peer is gone. A day outlasts the usual hourly or daily report of a sleeping sensor and still
  // gives the memory of a vanished one back.
  idleTimeout: 86_400_000,
  maxHandshakes: 1000,
  maxHandshakesPerAddress: 100,
  maxConnections: 1_000_000,
  pskIdentityEncoding: 'utf8',
  ipv6Only: false,
};

const client = {
  ...shared,
  handshakeTimeoutMin: 1000,
  idleTimeout: 0,
  host: 'localhost',
};

/** What is no option. */
const defaults = {
  /** UDP sockets of ours are made by the native object, which receives and sends on them, where the system allows it. */
  nativeUdp: true,
};

module.exports = { client, defaults, server };
