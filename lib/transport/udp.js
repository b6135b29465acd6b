'use strict';

// What this package needs beyond node:dgram: sockets that do not look up literal addresses, sockets of which the native
// object has a descriptor, the resolution of a host name, and a close that lets queued datagrams leave first.

const cluster = require('node:cluster');
const dgram = require('node:dgram');
const dns = require('node:dns');
const fs = require('node:fs');
const net = require('node:net');
const process = require('node:process');

const { Bare } = require('../bare');
const { stateError } = require('../errors');
const { defaults } = require('../options/defaults');
const { reachable } = require('./addresses');
const { BATCH } = require('./turns');

/** How long a closing UDP socket waits for its send queue to reach the kernel, ms. */
const LINGER = 1000;

/** Receive buffer that a server asks the system for, bytes. The system may grant less. */
const SERVER_RECEIVE_BUFFER = 4 * 1024 * 1024;

/** Deno's node:dgram takes no descriptors. */
const TAKES_DESCRIPTORS = process.versions.deno === undefined;

let hasWarned = false;

/**
 * dns.lookup for dgram, but without the tick that it takes to resolve a literal address to itself. A dual-stack socket
 * reaches IPv4 addresses too.
 */
function lookupName(host, family, callback) {
  const literal = net.isIP(host);
  if (literal !== 0) callback(null, family === 6 ? reachable(host, 'udp6') : host, literal);
  else dns.lookup(host, family, callback);
}

/**
 * @param {'udp4' | 'udp6'} type
 * @param {{ ipv6Only?: boolean, reuseAddr?: boolean, reusePort?: boolean, recvBufferSize?: number, sendBufferSize?: number }} options
 * @returns {dgram.Socket} not bound; binding it to a literal address is synchronous, 'listening' included
 */
function createUdpSocket(type, options) {
  return dgram.createSocket(Object.assign(new Bare(), options, { type, lookup: lookupName }));
}

/**
 * Binds a UDP socket and lets an endpoint have its datagrams: through a descriptor of its own where the system allows
 * that, through node:dgram elsewhere. Throws what bind() throws.
 *
 * Workers of a cluster that share a port have a socket each where the system gives each peer to one of them. The one socket
 * that node:cluster shares hands each datagram to any of them: then they deal the peers among themselves if they are nodes.
 *
 * @param {dgram.Socket} udp
 * @param {{ port: number, address: string, exclusive?: boolean, ipv6Only?: boolean } | { fd: number }} where
 * @param {object} native of the endpoint
 * @param {{ viaNode?: boolean, isNode?: boolean }} how `viaNode`: node:dgram is to have the socket alone; `isNode`: joinCluster()
 *   has given the worker a number
 * @returns {boolean} whether the native object has the socket too
 */
function bindUdp(udp, where, native, { viaNode = false, isNode = false } = {}) {
  const { address, port, ipv6Only = false } = where;
  const isShared = cluster.isWorker && !where.exclusive;
  // Where this fails, bind() fails too, and says why.
  const takesNative = isShared ? defaults.systemDeals : defaults.nativeUdp;
  const isNative = TAKES_DESCRIPTORS && address !== undefined && !viaNode && takesNative;
  const fd = isNative ? native.bindUdp(address, port, ipv6Only, isShared, BATCH) : null;
  if (fd === null) {
    // A descriptor is one that the worker before has had.
    const hasShared = address === undefined ? !defaults.systemDeals : isShared;
    if (hasShared && isNode) udp.once('listening', () => native.dealPeers());
    else if (hasShared && isShared) udp.once('listening', warnOfSharing);
    udp.bind(Object.assign(new Bare(), where));
    return false;
  }
  try {
    udp.bind(Object.assign(new Bare(), { fd, exclusive: true }));
    return true;
  } catch (error) {
    native.releaseUdp();
    closeQuietly(fd);
    throw error;
  }
}

/** Once, because every worker would say it for every socket. */
function warnOfSharing() {
  if (hasWarned) return;
  hasWarned = true;
  process.emitWarning(
    'This system does not give each peer to one worker of a cluster: datagrams of one peer reach all workers that share a ' +
      'port, and no handshake ends. Make the workers nodes with joinCluster() of mbed-dtls/cluster, or give each a port of its own.',
    { type: 'DtlsWarning', code: 'ERR_DTLS_SHARED_PORT' },
  );
}

/** Whether this machine has sockets that take IPv6 and IPv4, as node:net asks before it listens. */
function hasDualStack() {
  const udp = createUdpSocket('udp6');
  udp.on('error', () => {});
  try {
    udp.bind({ address: '::', port: 0, exclusive: true });
    return isBound(udp);
  } finally {
    udp.close();
  }
}

/** Closes a descriptor that somebody may have closed already: what came before says more than EBADF. */
function closeQuietly(fd) {
  try {
    fs.closeSync(fd);
  } catch {
    // EBADF
  }
}

/** Whether node:dgram has to make a socket: it knows options that the native object does not. */
function needsNode({ reuseAddr, reusePort }) {
  return reuseAddr === true || reusePort === true;
}

/** Whether a UDP socket has its address. */
function isBound(socket) {
  try {
    socket.address();
    return true;
  } catch {
    return false;
  }
}

/** Whether a UDP socket has one peer alone. */
function isConnected(socket) {
  try {
    socket.remoteAddress();
    return true;
  } catch {
    return false;
  }
}

/**
 * Enlarges the kernel's buffer, in which bursts of datagrams wait while the event loop is busy, as far as the system
 * allows.
 */
function growReceiveBuffer(socket) {
  try {
    if (socket.getRecvBufferSize() < SERVER_RECEIVE_BUFFER) socket.setRecvBufferSize(SERVER_RECEIVE_BUFFER);
  } catch {
    // Some systems refuse a size beyond their limit. The buffer then keeps its size.
  }
}

/**
 * Resolves a host once. Always calls back once and in a later tick, whatever the given function does.
 *
 * @param {{ host: string, family: 0 | 4 | 6, lookup?: Function }} remote
 * @param {(error: Error | null, addresses?: string[]) => void} callback with at least one address, best first
 */
function resolve({ host, family, lookup }, callback) {
  if (net.isIP(host) !== 0) {
    process.nextTick(callback, null, [host]);
    return;
  }
  let isResolved = false;
  const onResolved = (error, found) => {
    if (isResolved) return;
    isResolved = true;
    if (error) process.nextTick(callback, error);
    else process.nextTick(callback, ...checkedAddresses(found));
  };
  if (lookup === undefined) dns.lookup(host, { family, all: true }, onResolved);
  else lookup(host, family, onResolved);
}

/** What a lookup has found: one address, or a list as by `all: true`. */
function checkedAddresses(found) {
  const addresses = Array.isArray(found) ? found.map((entry) => entry?.address) : [found];
  const invalid = addresses.findIndex((address) => net.isIP(address) === 0);
  if (addresses.length > 0 && invalid === -1) return [null, addresses];
  return [stateError('ERR_INVALID_IP_ADDRESS', `Invalid IP address: ${addresses[invalid]}`)];
}

/**
 * Closes a UDP socket as soon as everything that was sent has been handed to the kernel, and after a second at the
 * latest. This happens in a later tick, and is not an error when somebody else has closed the socket already.
 *
 * @param {dgram.Socket} socket
 * @param {() => boolean} [isReady] something else to wait for, for as long
 * @param {() => void} [beforeClose] called right before
 */
function closeWhenSent(socket, isReady, beforeClose) {
  setImmediate(closeSoon, { socket, isReady, beforeClose, until: performance.now() + LINGER });
}

function closeSoon(closing) {
  const { socket, isReady, beforeClose, until } = closing;
  if ((isReady?.() === false || queuedDatagrams(socket) > 0) && performance.now() < until) {
    setTimeout(closeSoon, 1, closing);
    return;
  }
  beforeClose?.();
  try {
    socket.close();
  } catch {
    // ERR_SOCKET_DGRAM_NOT_RUNNING
  }
}

/** Datagrams that node:dgram has taken and the system has not. */
function queuedDatagrams(socket) {
  try {
    return socket.getSendQueueCount();
  } catch {
    return 0;
  }
}

module.exports = {
  bindUdp,
  closeQuietly,
  closeWhenSent,
  createUdpSocket,
  growReceiveBuffer,
  hasDualStack,
  isBound,
  isConnected,
  needsNode,
  queuedDatagrams,
  resolve,
};
