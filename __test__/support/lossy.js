'use strict';

// A UDP proxy on loopback that loses datagrams: the same ones in every run.

const dgram = require('node:dgram');

const { HOST, event } = require('./endpoints.js');

/**
 * Passes datagrams between one client and a server on a local port.
 *
 * @param {{ after: Function }} test at whose end it is closed
 * @param {number} serverPort
 * @param {{ loss: number, seed?: number, see?: (datagram: Buffer) => void }} weather the share of datagrams that get
 *   lost, 0 to 1; see() is shown all that come from the client
 * @returns {Promise<{ port: number, passed: number, lost: number, calm: () => void }>} calm(): from now on nothing is lost
 */
async function lossyProxy(test, serverPort, { loss, seed = 1, see = () => {} }) {
  const [front, back] = [dgram.createSocket('udp4'), dgram.createSocket('udp4')];
  const proxy = { port: 0, passed: 0, lost: 0, calm: () => (share = 0) };
  let share = loss;
  let dice = seed;
  let client = null;

  const pass = (send) => {
    // A linear congruential generator: Knuth's, its upper half.
    dice = (Math.imul(dice, 1_664_525) + 1_013_904_223) >>> 0;
    if (dice / 2 ** 32 < share) {
      proxy.lost++;
      return;
    }
    proxy.passed++;
    send();
  };
  front.on('message', (datagram, remote) => {
    client = remote;
    see(datagram);
    pass(() => back.send(datagram, serverPort, HOST));
  });
  back.on('message', (datagram) => {
    pass(() => front.send(datagram, client.port, client.address));
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

module.exports = { lossyProxy };
