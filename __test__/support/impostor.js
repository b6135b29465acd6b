'use strict';

// An attacker between a client and a server who replaces one certificate by another of the same length.

const assert = require('node:assert/strict');
const { X509Certificate } = require('node:crypto');
const dgram = require('node:dgram');

const { HOST, event } = require('./endpoints.js');

/**
 * Passes datagrams between one client and a server on a local port.
 *
 * @param {{ after: Function }} test at whose end it is closed
 * @param {number} serverPort
 * @param {{ cert: Buffer }} shown by either side, and found in one datagram: mind the `mtu`
 * @param {{ cert: Buffer }} passedOn in its place
 * @returns {Promise<number>} the port for the client
 */
async function impostor(test, serverPort, shown, passedOn) {
  const [from, to] = [shown, passedOn].map(({ cert }) => new X509Certificate(cert).raw);
  assert.equal(from.length, to.length);
  const [front, back] = [dgram.createSocket('udp4'), dgram.createSocket('udp4')];
  let client = null;
  const rewritten = (datagram) => {
    const at = datagram.indexOf(from);
    if (at !== -1) datagram.set(to, at);
    return datagram;
  };
  front.on('message', (datagram, remote) => {
    client = remote;
    back.send(rewritten(datagram), serverPort, HOST);
  });
  back.on('message', (datagram) => front.send(rewritten(datagram), client.port, client.address));
  for (const socket of [front, back]) {
    socket.bind(0, HOST);
    test.after(() => socket.close());
  }
  await Promise.all([event(front, 'listening'), event(back, 'listening')]);
  return front.address().port;
}

module.exports = { impostor };
