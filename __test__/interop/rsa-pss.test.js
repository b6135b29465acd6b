'use strict';

// A server of DTLS 1.2 that signs its key exchange with RSA-PSS, as some prefer it whom a client of both versions offers it
// (RFC 8446, section 4.2.3). OpenSSL does so when it is told to.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const certificates = require('../support/certificates.js');
const { event, freePort, openClient } = require('../support/endpoints.js');
const { lossyProxy } = require('../support/lossy.js');
const openssl = require('../support/openssl.js');
const { versions } = require('../..');

const skip =
  (openssl.missing && `skipped (${openssl.missing})`) ||
  (versions['aws-lc'] === undefined && 'this build has no DTLS 1.3, for which RSA-PSS is offered');

describe('a server of DTLS 1.2 that signs with RSA-PSS', { skip }, () => {
  const both = { minVersion: 'DTLSv1.2', maxVersion: 'DTLSv1.3', servername: 'localhost' };

  async function startPeer(t, hash) {
    const port = await freePort();
    const { certPath, keyPath } = certificates.allRsa;
    const args = ['-cert', certPath, '-key', keyPath];
    if (hash !== undefined) args.push('-sigalgs', `RSA-PSS+${hash}`);
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
    const relay = await lossyProxy(t, port, { change: changeSignature });
    const client = connectTo(t, relay.port);
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

  test('is refused by a client of DTLS 1.2 alone, which has not offered it', async (t) => {
    const { peer, port } = await startPeer(t);
    const relay = await lossyProxy(t, port, { change: claimRsaPss });
    const client = connectTo(t, relay.port, { maxVersion: 'DTLSv1.2', ecdhCurve: 'X25519' });
    const [error] = await event(client, 'error');
    const ILLEGAL_PARAMETER = 47;
    assert.equal(error.alert, ILLEGAL_PARAMETER);
    await peer.printed('alert illegal parameter');
  });
});

/** The fragments of a ServerKeyExchange message in a datagram: where each begins in the message, of how many bytes, and its own. */
function keyExchange(datagram) {
  const [HANDSHAKE, SERVER_KEY_EXCHANGE] = [22, 12];
  const fragments = [];
  for (let start = 0; start < datagram.length; start += 13 + datagram.readUInt16BE(start + 11)) {
    const record = datagram.subarray(start + 13, start + 13 + datagram.readUInt16BE(start + 11));
    const isPlaintext = datagram.readUInt16BE(start + 3) === 0;
    if (datagram[start] !== HANDSHAKE || !isPlaintext || record[0] !== SERVER_KEY_EXCHANGE) continue;
    fragments.push({ offset: record.readUIntBE(6, 3), total: record.readUIntBE(1, 3), bytes: record.subarray(12) });
  }
  return fragments;
}

/** The last byte of the signature becomes another. */
function changeSignature(datagram) {
  for (const { offset, total, bytes } of keyExchange(datagram)) {
    if (offset + bytes.length === total) bytes[bytes.length - 1] ^= 1;
  }
  return datagram;
}

/** The signature claims to be of RSA-PSS with SHA-256. */
function claimRsaPss(datagram) {
  // RFC 8422 section 5.4: the kind of curve, its number, the length of the public key, and the key are before the scheme.
  const X25519_KEY = 32;
  const scheme = 1 + 2 + 1 + X25519_KEY;
  for (const { offset, bytes } of keyExchange(datagram)) {
    for (const [at, value] of [
      [scheme, 0x08],
      [scheme + 1, 0x04],
    ]) {
      if (at >= offset && at < offset + bytes.length) bytes[at - offset] = value;
    }
  }
  return datagram;
}
