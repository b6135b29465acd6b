'use strict';

const { createLegacyServer, legacyConnect } = require('./lib/adapters/compat');
const { createDgramSocket } = require('./lib/adapters/dgram');
const { dtls } = require('./lib/adapters/node-dtls-client');
const { constants, getCiphers, getCurves, versions } = require('./lib/capabilities');
const { DtlsClient } = require('./lib/client');
const { DtlsError } = require('./lib/errors');
const { importConnection } = require('./lib/exports/client');
const { createRedisStore } = require('./lib/fleet/redis-store');
const { connectArguments } = require('./lib/options/arguments');
const { createSecureContext } = require('./lib/options/options');
const { promisesFor } = require('./lib/promises');
const { own } = require('./lib/options/validate');
const { openMetrics } = require('./lib/openmetrics');
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
  if (hasProfile(options)) return createLegacyServer(options, secureConnectionListener);
  return new DtlsServer(options, secureConnectionListener);
}

/**
 * connect(options[, listener]) or connect(port[, host][, options][, listener]): opens a connection to a server.
 *
 * @returns {DtlsClient} whose handshake begins in the next tick
 */
function connect(...args) {
  const { options, callback } = connectArguments(args);
  if (hasProfile(options)) return legacyConnect(options, callback);
  return new DtlsClient(options, callback);
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
  // Few programs want it, and it loads node:http.
  return require('./lib/dashboard/dashboard').serveDashboard(server, options, listeningListener);
}

function hasProfile(options) {
  return own(Object(options), 'compat') !== undefined;
}

// Spelled out, so that `import { connect } from 'mbed-dtls'` finds the names without running anything.
module.exports = {
  createServer,
  connect,
  importConnection,
  createRedisStore,
  createSecureContext,
  createDgramSocket,
  promises: promisesFor(connect),
  serveDashboard,
  // What an npm alias of node-dtls-client finds.
  dtls,
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
