'use strict';

// A UDP proxy on loopback that loses datagrams at random; its seed determines which.

const dgram = require('node:dgram');

const { HOST, event } = require('./endpoints.js');

/**
 * Passes datagrams between one client and a server on a local port.
 *
 * @param {{ after: Function }} test at whose end it is closed
 * @param {number} serverPort
 * @param {{ loss?: number, seed?: number, see?: (datagram: Buffer) => void, change?: (datagram: Buffer) => Buffer }} weather the
 *   share of datagrams that get lost, 0 to 1; see() is shown all that come from the client, and change() says what becomes of those
 *   that come from the server
 * @returns {Promise<{ port: number, passed: number, lost: number, calm: () => void }>} calm(): from now on nothing is
 *   lost
 */
async function lossyProxy(test, serverPort, { loss = 0, seed = 1, see = () => {}, change = (same) => same }) {
  const [front, back] = [dgram.createSocket('udp4'), dgram.createSocket('udp4')];
  const proxy = { port: 0, passed: 0, lost: 0, calm: () => (share = 0) };
  let share = loss;
  // There is one sequence for each direction, so that the losses do not depend on which side is faster.
  const [there, andBack] = [generator(seed), generator(~seed)];
  let client = null;

  const pass = (dice, send) => {
    if (dice() < share) {
      proxy.lost++;
      return;
    }
    proxy.passed++;
    send();
  };
  front.on('message', (datagram, remote) => {
    client = remote;
    see(datagram);
    pass(there, () => back.send(datagram, serverPort, HOST));
  });
  back.on('message', (datagram) => {
    // It may be for somebody who had this port before.
    if (client === null) return;
    pass(andBack, () => front.send(change(datagram), client.port, client.address));
  });
  // The server may be gone before its last datagram arrives.
  for (const socket of [front, back]) {
    socket.on('error', () => {});
    socket.bind(0, HOST);
    test.after(() => socket.close());
  }
  await Promise.all([event(front, 'listening'), event(back, 'listening')]);
  proxy.port = front.address().port;
  return proxy;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

module.exports = { lossyProxy };
