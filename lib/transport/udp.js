'use strict';

// What this package needs beyond node:dgram: sockets that do not look up literal addresses, sockets of which the native
// object has a descriptor, the resolution of a host name to one address, and a close that lets queued datagrams leave
// first.

const cluster = require('node:cluster');
const dgram = require('node:dgram');
const dns = require('node:dns');
const fs = require('node:fs');
const net = require('node:net');
const process = require('node:process');

const { stateError } = require('../errors');
const { defaults } = require('../options/defaults');
const { BATCH } = require('./turns');

/** How long a closing UDP socket waits for its send queue to reach the kernel, ms. */
const LINGER = 1000;

/** Receive buffer that a server asks the system for, bytes. The system may grant less. */
const SERVER_RECEIVE_BUFFER = 4 * 1024 * 1024;

/** dns.lookup for dgram, but without the tick that it takes to resolve a literal address to itself. */
function lookupName(host, family, callback) {
  const literal = net.isIP(host);
  if (literal !== 0) callback(null, host, literal);
  else dns.lookup(host, family, callback);
}

/**
 * @param {{ type: 'udp4' | 'udp6', ipv6Only?: boolean, recvBufferSize?: number, sendBufferSize?: number }} options
 * @returns {dgram.Socket} not bound; binding it to a literal address is synchronous, 'listening' included
 */
function createUdpSocket(options) {
  return dgram.createSocket({ ...options, lookup: lookupName });
}

/**
 * Binds a UDP socket and lets an endpoint have its datagrams: through a descriptor of its own where the system and the
 * cluster module allow that, through node:dgram elsewhere. Throws what bind() throws.
 *
 * @param {dgram.Socket} udp
 * @param {{ port: number, address: string, exclusive?: boolean, ipv6Only?: boolean } | { fd: number }} where
 * @param {object} native of the endpoint
 * @returns {boolean} whether the native object has the socket too
 */
function bindUdp(udp, where, native) {
  const { address, port, ipv6Only = false, ...rest } = where;
  const isShared = cluster.isWorker && !where.exclusive;
  // Where this fails, bind() fails too, and says why.
  const isNative = address !== undefined && !isShared && defaults.nativeUdp;
  const fd = isNative ? native.bindUdp(address, port, ipv6Only, BATCH) : null;
  if (fd === null) {
    udp.bind(address === undefined ? rest : { address, port, ...rest });
    return false;
  }
  try {
    udp.bind({ fd, exclusive: true });
    return true;
  } catch (error) {
    native.releaseUdp();
    closeQuietly(fd);
    throw error;
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

/** Whether a UDP socket has its address. */
function isBound(socket) {
  try {
    socket.address();
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
 * @param {(error: Error | null, address?: string) => void} callback
 */
function resolve({ host, family, lookup = dns.lookup }, callback) {
  if (net.isIP(host) !== 0) {
    process.nextTick(callback, null, host);
    return;
  }
  let isResolved = false;
  lookup(host, family, (error, address) => {
    if (isResolved) return;
    isResolved = true;
    if (error) process.nextTick(callback, error);
    else if (net.isIP(address) !== 0) process.nextTick(callback, null, address);
    else process.nextTick(callback, stateError('ERR_INVALID_IP_ADDRESS', `Invalid IP address: ${address}`));
  });
}

/**
 * The form in which dgram reports an address, and in which a socket of this type can send to it: '::1' for
 * '0:0:0:0:0:0:0:1', '::ffff:192.0.2.1' for an IPv4 address on an IPv6 socket.
 */
function canonicalAddress(address, type) {
  if (net.isIPv4(address)) return type === 'udp6' ? `::ffff:${address}` : address;
  const [bare, zone] = address.split('%');
  const canonical = new net.SocketAddress({ address: bare, family: 'ipv6' }).address;
  return zone === undefined ? canonical : `${canonical}%${zone}`;
}

/** The key of an address in a Map. */
function addressKey({ address, port }) {
  return `${address}:${port}`;
}

/**
 * Closes a UDP socket as soon as everything that was sent has been handed to the kernel, and after a second at the
 * latest. This happens in a later tick, and is not an error when somebody else has closed the socket already.
 *
 * @param {dgram.Socket} socket
 * @param {() => boolean} [isReady] something else to wait for, for as long
 * @param {() => void} [beforeClose] called right before
 */
function closeWhenSent(socket, isReady = () => true, beforeClose = () => {}) {
  const until = Date.now() + LINGER;
  const check = () => {
    if ((!isReady() || queuedDatagrams(socket) > 0) && Date.now() < until) {
      setTimeout(check, 1);
      return;
    }
    beforeClose();
    try {
      socket.close();
    } catch {
      // ERR_SOCKET_DGRAM_NOT_RUNNING
    }
  };
  setImmediate(check);
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
  addressKey,
  bindUdp,
  canonicalAddress,
  closeWhenSent,
  createUdpSocket,
  growReceiveBuffer,
  isBound,
  queuedDatagrams,
  resolve,
};
