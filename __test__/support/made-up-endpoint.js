'use strict';

// One connection as a stream, with an endpoint and an owner that are made up and note what they are told.

const { ConnectionStream } = require('../../lib/connection-stream');

/** A connection whose endpoint and owner note what they are told. */
function start({ sendClose = true, receiveQueueLimit = 1000, owner = {}, send, longest = 100 } = {}) {
  const log = [];
  const note =
    (name) =>
    (...args) =>
      log.push([name, ...args.filter((arg) => arg !== socket)]);
  const endpoint = {
    native: { payloadLimit: () => longest },
    connections: new Map(),
    close: note('close'),
    send: (_socket, chunk, callback) => {
      log.push(['send', chunk.toString()]);
      if (send === undefined) callback();
      else send(chunk, callback);
    },
  };
  const names = ['_onSocketSecure', '_onHandshakeFailed', '_onSocketClosed', '_onKeyLogWanted', '_onKeyLog'];
  const whole = { ...Object.fromEntries(names.map((name) => [name, note(name)])), ...owner };
  const socket = new ConnectionStream(endpoint, whole, { sendClose, receiveQueueLimit });
  socket._handle = 5;
  socket.remoteAddress = '192.0.2.1';
  socket.remotePort = 7;
  const listen = (...events) => {
    for (const name of events) socket.on(name, (...args) => log.push([`emit ${name}`, ...args]));
  };
  listen('closing', 'end', 'error', 'close');
  const take = () => log.splice(0);
  const open = (event) => {
    socket._onSecure({ cipher: 'CIPHER', authorized: true, handshakeTime: 3, resumed: false, ...event });
    take();
  };
  return { socket, endpoint, take, open, listen, log };
}

module.exports = { start };
