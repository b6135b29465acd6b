'use strict';

// A server of DTLS 1.2 that signs its key exchange with RSA-PSS, as some prefer it whom a client of both versions offers it
// (RFC 8446, section 4.2.3). OpenSSL does so when it is told to.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { describe, test } = require('node:test');

const certificates = require('../support/certificates.js');
const { HOST, event, freePort, openClient } = require('../support/endpoints.js');
const openssl = require('../support/openssl.js');
const { versions } = require('../..');

const HANDSHAKE = 22;
const SERVER_KEY_EXCHANGE = 12;
const RECORD_HEADER = 13;

const skip =
  (openssl.missing && `skipped (${openssl.missing})`) ||
  (versions['aws-lc'] === undefined && 'this build has no DTLS 1.3, for which RSA-PSS is offered');

describe('a server of DTLS 1.2 that signs with RSA-PSS', { skip }, () => {
  const both = { minVersion: 'DTLSv1.2', maxVersion: 'DTLSv1.3', servername: 'localhost' };

  async function startPeer(t, hash) {
    const port = await freePort();
    const { certPath, keyPath } = certificates.allRsa;
    const args = ['-cert', certPath, '-key', keyPath, '-sigalgs', `RSA-PSS+${hash}`];
    const peer = openssl.sServer(t, port, args);
    await peer.printed('ACCEPT');
    return { peer, port };
  }

  const connectTo = (t, port, options) =>
    openClient(t, { address: () => ({ port }) }, { ...both, ca: certificates.rsaCa.cert, ...options });

  for (const hash of ['SHA256', 'SHA384', 'SHA512']) {
    test(`is verified by ${hash}`, async (t) => {
      const { port } = await startPeer(t, hash);
      const client = connectTo(t, port);
      await event(client, 'secureConnect');
      assert.equal(client.getProtocol(), 'DTLSv1.2');
      assert.equal(client.authorized, true);
    });
  }

  test('is refused when its signature has been changed', async (t) => {
    const { peer, port } = await startPeer(t, 'SHA256');
    const client = connectTo(t, await startForger(t, port));
    const [error] = await event(client, 'error');
    assert.equal(error.code, 'ERR_DTLS_WRONG_SIGNATURE');
    await peer.printed('alert decrypt error');
  });

  test('is refused when it signs by a hash that was not offered', async (t) => {
    const { peer, port } = await startPeer(t, 'SHA512');
    const client = connectTo(t, port, { sigalgs: 'RSA+SHA256' });
    const [error] = await event(client, 'error');
    assert.equal(error.code, 'ERR_DTLS_ALERT_RECEIVED');
    await peer.printed('no shared signature algorithms');
  });

  test('has nothing in common with a client of DTLS 1.2 alone, which does not offer it', async (t) => {
    const { peer, port } = await startPeer(t, 'SHA256');
    const client = connectTo(t, port, { maxVersion: 'DTLSv1.2' });
    const [error] = await event(client, 'error');
    assert.equal(error.code, 'ERR_DTLS_ALERT_RECEIVED');
    await peer.printed('no shared signature algorithms');
  });
});

/** Passes datagrams between a client and a server, and changes the end of the server's key exchange, which is its signature. */
async function startForger(t, serverPort) {
  const [front, back] = [dgram.createSocket('udp4'), dgram.createSocket('udp4')];
  let client;
  front.on('message', (datagram, remote) => {
    client = remote;
    back.send(datagram, serverPort, HOST);
  });
  back.on('message', (datagram) => front.send(forged(datagram), client.port, client.address));
  for (const socket of [front, back]) {
    socket.on('error', () => {});
    socket.bind(0, HOST);
    t.after(() => socket.close());
  }
  await event(front, 'listening');
  return front.address().port;
}

function forged(datagram) {
  for (let at = 0; at + RECORD_HEADER < datagram.length; ) {
    const end = at + RECORD_HEADER + datagram.readUInt16BE(at + 11);
    if (datagram[at] === HANDSHAKE && datagram[at + RECORD_HEADER] === SERVER_KEY_EXCHANGE) datagram[end - 1] ^= 1;
    at = end;
  }
  return datagram;
}
