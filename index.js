'use strict';

// What few programs want is loaded when it is first called, further down: it would take a sixth more time, and stay in every program's
// heap.

const { constants, getCiphers, getCurves, versions } = require('./lib/capabilities');
const { DtlsClient } = require('./lib/client');
const { DtlsError } = require('./lib/errors');
const { connectArguments } = require('./lib/options/arguments');
const { openMetrics } = require('./lib/openmetrics');
const { createSecureContext } = require('./lib/options/options');
const { promisesFor } = require('./lib/promises');
const { own } = require('./lib/options/validate');
const { DtlsServer } = require('./lib/server');
const { DtlsSocket } = require('./lib/socket');

/**
 * Makes a server; listen() then starts it.
 *
 * @param {object} options see index.d.ts
 * @param {(socket: DtlsSocket) => void} [secureConnectionListener]
 * @returns {DtlsServer}
 */
function createServer(options, secureConnectionListener) {
  if (hasProfile(options)) {
    return require('./lib/adapters/compat').createLegacyServer(options, secureConnectionListener);
  }
  return new DtlsServer(options, secureConnectionListener);
}

/**
 * connect(options[, listener]) or connect(port[, host][, options][, listener]): opens a connection to a server.
 *
 * @returns {DtlsClient} whose handshake begins in the next tick
 */
function connect(...args) {
  const { options, callback } = connectArguments(args);
  if (hasProfile(options)) return require('./lib/adapters/compat').legacyConnect(options, callback);
  return new DtlsClient(options, callback);
}

/**
 * Goes on with a connection that another process has exported.
 *
 * @param {Uint8Array} exported by client.exportConnection()
 * @param {{ key: Uint8Array, claim?: (id: string) => unknown }} importing
 * @param {object} [options] of connect(), without port and host
 * @param {(client: DtlsClient) => void} [secureConnectListener]
 * @returns {DtlsClient}
 */
function importConnection(exported, importing, options, secureConnectListener) {
  return require('./lib/exports/client').importConnection(exported, importing, options, secureConnectListener);
}

/**
 * @param {object} client of the package redis, connected
 * @param {{ key: Uint8Array, prefix?: string, timeout?: number }} options
 * @returns {import('./lib/fleet/redis-store').RedisStore} for `connectionStore` and `sessionStore`
 */
function createRedisStore(client, options) {
  return require('./lib/fleet/redis-store').createRedisStore(client, options);
}

/**
 * Makes a dgram.Socket with DTLS underneath.
 *
 * @param {object} options see index.d.ts
 * @param {(message: Buffer, rinfo: object) => void} [messageListener]
 * @returns {import('node:dgram').Socket} not bound
 */
function createDgramSocket(options, messageListener) {
  return require('./lib/adapters/dgram').createDgramSocket(options, messageListener);
}

/**
 * Shows what a server does, in a browser on this machine.
 *
 * @param {DtlsServer} server
 * @param {{ port?: number, host?: string }} [options]
 * @param {() => void} [listeningListener]
 * @returns {import('node:http').Server} that listens
 */
function serveDashboard(server, options, listeningListener) {
  return require('./lib/dashboard/dashboard').serveDashboard(server, options, listeningListener);
}

/** What an npm alias of node-dtls-client finds. */
const alias = {
  get dtls() {
    return require('./lib/adapters/node-dtls-client').dtls;
  },
};

const promises = promisesFor(connect);

function hasProfile(options) {
  return own(Object(options), 'compat') !== undefined;
}

// Names alone, so that `import { connect } from 'mbed-dtls'` finds them without running anything: Node.js looks no further than the
// first property with another value.
module.exports = {
  createServer,
  connect,
  importConnection,
  createRedisStore,
  createSecureContext,
  createDgramSocket,
  promises,
  serveDashboard,
  openMetrics,
  getCiphers,
  getCurves,
  constants,
  versions,
  DtlsServer,
  DtlsClient,
  DtlsSocket,
  DtlsError,
};

// A form in which Node.js finds the name without running anything, and which has no value before somebody asks for it.
Object.defineProperty(module.exports, 'dtls', {
  enumerable: true,
  get() {
    return alias.dtls;
  },
});
