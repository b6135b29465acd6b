'use strict';

// Connections that leave a server, or a client, for another process.

const { once } = require('node:events');
const process = require('node:process');

const { DtlsError, stateError } = require('../errors');
const { ExportStream, keyOf, sealAtOnce, takeOut } = require('./travel');

/**
 * Exports every connection of a server, and closes it.
 *
 * @param {object} server with `listening`, _endpoint and _udp
 * @param {{ key: Uint8Array }} options
 * @param {boolean} [handsOver] whether one process reads it at once, and nobody else ever
 * @returns {ExportStream}
 */
function exportServer(server, options, handsOver = false) {
  const key = keyOf(options);
  if (!server.listening) throw stateError('ERR_SERVER_NOT_RUNNING', 'The server is not listening');
  return new ExportStream(key, () => {
    const endpoint = server._endpoint;
    server._arriving.announceAll();
    endpoint.native.leaveAside();
    endpoint.finishReceiving();
    const taken = takeOut(endpoint, [...endpoint.connections.values()], { handsOver });
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
  socket._endpoint.finishReceiving();
  const localPort = socket.server === undefined ? socket.localPort : undefined;
  const { plaintext, left } = takeOut(socket._endpoint, [socket], { localPort });
  if (left.length === 0) throw notExported(socket);
  const isPortFree = socket._ownsUdp ? once(socket.dgramSocket, 'close') : null;
  socket._goElsewhere();
  socket.destroy();
  const bytes = sealAtOnce(key, plaintext);
  // Then another process can have the port of a client.
  await isPortFree;
  return bytes;
}

function notExported({ connected, remoteAddress: address, remotePort: port }) {
  if (connected) {
    const message =
      'The connection cannot go on elsewhere: its cipher suite takes its nonces from record numbers alone, and two lives of it could use one twice';
    return new DtlsError(message, { code: 'ERR_DTLS_UNRESTORABLE_CIPHER', address, port });
  }
  const message = 'The connection is closed, or its handshake is not over';
  return new DtlsError(message, { code: 'ERR_DTLS_NOT_CONNECTED', address, port });
}

module.exports = { exportServer, exportSocket };
