'use strict';

// A NAT on loopback between clients and one server, which gives each client another port when it is told to.

const dgram = require('node:dgram');

const { HOST, event } = require('./endpoints.js');

/**
 * @param {{ after: Function }} test at whose end it is closed
 * @param {number | (() => number)} serverPort a function is asked for each client that comes
 * @param {{ loss?: number }} [weather] the share of datagrams that get lost, 0 to 1
 * @returns {Promise<{ port: number, outerPort: number, lost: number, passed: number, rebind: () => Promise<void> }>}
 *   `outerPort` is the port that the server sees of the client that was heard last, `passed` counts what has left for the
 *   server; rebind() gives all clients new ports
 */
async function startNat(test, serverPort, { loss = 0 } = {}) {
  const inner = dgram.createSocket('udp4');
  const portOf = typeof serverPort === 'function' ? serverPort : () => serverPort;
  /** 'address:port' of a client -> its socket on the side of the server, and the port of that */
  let outer = new Map();
  const nat = { port: 0, outerPort: 0, lost: 0, passed: 0, rebind };

  inner.on('message', (datagram, client) => {
    const { socket, to } = outerOf(client);
    if (!isLost()) socket.send(datagram, to, HOST, count);
  });

  function count(error) {
    if (error === null) nat.passed++;
  }

  function isLost() {
    const isLost = Math.random() < loss;
    nat.lost += isLost ? 1 : 0;
    return isLost;
  }

  function outerOf(client) {
    const key = `${client.address}:${client.port}`;
    if (!outer.has(key)) outer.set(key, { socket: open(client), to: portOf() });
    return outer.get(key);
  }

  function open(client) {
    const socket = dgram.createSocket('udp4');
    socket.on('error', () => {});
    socket.on('message', (datagram) => {
      if (!isLost()) inner.send(datagram, client.port, client.address);
    });
    socket.bind(0, HOST, () => {
      nat.outerPort = socket.address().port;
    });
    return socket;
  }

  /** What was under way to the old ports is lost, as it is with a NAT. */
  async function rebind() {
    const old = outer;
    outer = new Map();
    for (const { socket } of old.values()) socket.close();
  }

  inner.on('error', () => {});
  inner.bind(0, HOST);
  test.after(() => {
    inner.close();
    for (const { socket } of outer.values()) socket.close();
  });
  await event(inner, 'listening');
  nat.port = inner.address().port;
  return nat;
}

module.exports = { startNat };
