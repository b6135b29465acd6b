'use strict';

// Connections that leave a server, or a client, for another process.

const { once } = require('node:events');
const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');

const { DtlsError, stateError } = require('../errors');
const { ExportStream, keyOf, sealAtOnce, takeOut } = require('./travel');

/** How often, and after how many milliseconds each, a connection with something under way is looked at again. */
const ROUNDS = 50;
const ROUND = 20;

/**
 * Exports every connection of a server, and closes it.
 *
 * @param {object} server with `listening`, _endpoint and _udp
 * @param {{ key: Uint8Array }} options
 * @returns {ExportStream}
 */
function exportServer(server, options) {
  const key = keyOf(options);
  if (!server.listening) throw stateError('ERR_SERVER_NOT_RUNNING', 'The server is not listening');
  return new ExportStream(key, () => {
    const endpoint = server._endpoint;
    server._arriving.announceAll();
    endpoint.native.leaveAside();
    endpoint.finishReceiving();
    const taken = takeOut(endpoint, [...endpoint.connections.values()]);
    server._udp.leave(taken.left);
    return taken;
  });
}

/**
 * Exports one connection.
 *
 * @param {object} socket
 * @param {{ key: Uint8Array }} options
 * @returns {Promise<Buffer>}
 */
async function exportSocket(socket, options) {
  const key = keyOf(options);
  // What has come in the same batch of datagrams as the one that has led to this is delivered first.
  await new Promise((resolve) => process.nextTick(resolve));
  const localPort = socket.server === undefined ? socket.localPort : undefined;
  for (let count = 0; ; count++) {
    socket._endpoint.finishReceiving();
    const { plaintext, left } = takeOut(socket._endpoint, [socket], localPort);
    if (left.length > 0) return leave(socket, key, plaintext);
    // In DTLS 1.3, what ends the handshake, as a ticket, arrives before: whoever comes after knows nothing of it.
    if (!socket.connected || count === ROUNDS || socket.getProtocol() !== 'DTLSv1.3') throw notExported(socket);
    await sleep(ROUND);
  }
}

/** @returns {Promise<Buffer>} when another process can have the port of a client */
async function leave(socket, key, plaintext) {
  const isPortFree = socket._ownsUdp ? once(socket.dgramSocket, 'close') : null;
  socket._goElsewhere();
  socket.destroy();
  const bytes = sealAtOnce(key, plaintext);
  await isPortFree;
  return bytes;
}

function notExported({ connected, remoteAddress: address, remotePort: port }) {
  if (connected) {
    const message =
      'The connection cannot go on elsewhere: its cipher suite takes its nonces from record numbers alone, and two lives of it could use one twice; or, in DTLS 1.3, the peer has not acknowledged the end of the handshake';
    return new DtlsError(message, { code: 'ERR_DTLS_UNRESTORABLE_CIPHER', address, port });
  }
  const message = 'The connection is closed, or its handshake is not over';
  return new DtlsError(message, { code: 'ERR_DTLS_NOT_CONNECTED', address, port });
}

module.exports = { exportServer, exportSocket };
