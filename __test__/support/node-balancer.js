'use strict';

// A load balancer on loopback, in front of nodes with an address each, as a NAT would be: only the node that a client's
// datagrams go to gets an answer through.

const dgram = require('node:dgram');

const { HOST, event } = require('./endpoints.js');

/**
 * @param {{ after: Function }} test at whose end it is closed
 * @param {number} target the port of the node that gets everything, until `balancer.target` is another
 * @param {string} [host] address of the nodes that it asks
 * @returns {Promise<{ port: number, target: number, answers: Buffer[], strangers: number }>} `strangers`: datagrams that came
 *   from anybody but the target
 */
async function startBalancer(test, target, host = HOST) {
  const inner = dgram.createSocket('udp4');
  const outer = dgram.createSocket('udp4');
  const balancer = { port: 0, outerPort: 0, target, strangers: 0, sent: [] };
  let client = null;
  inner.on('message', (datagram, remote) => {
    client = remote;
    balancer.sent.push(datagram);
    outer.send(datagram, balancer.target, host);
  });
  outer.on('message', (datagram, remote) => {
    if (remote.port === balancer.target && remote.address === host) inner.send(datagram, client.port, client.address);
    else balancer.strangers++;
  });
  for (const socket of [inner, outer]) {
    socket.on('error', () => {});
    socket.bind(0, HOST);
    test.after(() => socket.close());
    await event(socket, 'listening');
  }
  balancer.port = inner.address().port;
  balancer.outerPort = outer.address().port;
  return balancer;
}

module.exports = { startBalancer };
