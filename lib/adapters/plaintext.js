'use strict';

// Datagrams that forks exchange outside of DTLS, unencrypted: Trackle's keep-alive, alerts, and the HelloRequest that tells a
// device that its connection is gone. Anybody can forge them.

const net = require('node:net');

const { reachable, withoutMapping } = require('../transport/addresses');
const { isConnected } = require('../transport/udp');

/** A malformed HelloRequest, by which devices learn that their connection is gone. */
const MALFORMED_HELLO_REQUEST = Buffer.from('16fefd000100000000000000100000', 'hex');

/** Trackle's keep-alive, which is one unencrypted byte. */
const PING = 0x70;
const MOVED_PING_BEGINS = Buffer.of(0xfe, PING);
const ALERT = 0x15;

/** Listens for unencrypted datagrams, which anybody can forge, because an option has asked for it. */
function hearPlaintext(server, { insecureLegacyPing, insecureLegacyAlerts }) {
  server.dgramSocket.on('message', (datagram, { address, port }) => {
    const remote = { address: withoutMapping(address), port };
    if (insecureLegacyAlerts && datagram[0] === ALERT) server.sockets[keyOfRemote(remote)]?.end();
    if (!insecureLegacyPing) return;
    if (datagram.length === 1 && datagram[0] === PING) onPing(server, remote, remote);
    else if (datagram.subarray(0, 2).equals(MOVED_PING_BEGINS)) onMovedPing(server, datagram, remote);
  });
}

/** Wakes the connection that was at the address `old`, and is at `remote` now. */
function onPing(server, remote, old) {
  const socket = server.sockets[keyOfRemote(old)];
  if (socket !== undefined && keyOfRemote(old) === keyOfRemote(remote)) {
    socket.emit('dumbPing');
  } else if (socket?.connected) {
    const { session } = socket;
    // It cannot have another life, and stays where it is.
    if (session.restorable === false) return;
    socket.reset();
    server.resumeSocket(remote, session);
  } else {
    let isAnswered = false;
    server.emit(
      'resumeSession',
      keyOfRemote(old),
      { remoteAddress: old.address, remotePort: old.port },
      (error, session) => {
        if (isAnswered || !server.listening) return;
        isAnswered = true;
        if (!error && session) server.resumeSocket(remote, session);
      },
    );
  }
}

function onMovedPing(server, datagram, remote) {
  const end = datagram.length - 1;
  const start = end - datagram[end];
  if (start < MOVED_PING_BEGINS.length || start === end) return;
  let isAnswered = false;
  server.emit('lookupKey', datagram.toString('hex', start, end), (error, old) => {
    if (isAnswered || !server.listening) return;
    isAnswered = true;
    if (!error && net.isIP(old?.address) !== 0) onPing(server, remote, old);
  });
}

function keyOfRemote({ address, port }) {
  return `${address}:${port}`;
}

/** A datagram that cannot be sent is a lost datagram. */
function sendDatagram(udp, datagram, { address, port }) {
  try {
    const to = isConnected(udp) ? [] : [port, reachable(address, udp.type)];
    udp.send(datagram, ...to, () => {});
  } catch {
    // The address from the application's store is not valid, or the socket has been closed.
  }
}

module.exports = { MALFORMED_HELLO_REQUEST, PING, hearPlaintext, sendDatagram };
