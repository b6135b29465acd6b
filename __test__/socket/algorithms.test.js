'use strict';

// getEphemeralKeyInfo() and getSharedSigalgs(): beside what OpenSSL says of the same handshake, and between ourselves.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const certificates = require('../support/certificates.js');
const { BOB, connectedPair, event, freePort, openClient, startServer } = require('../support/endpoints.js');
const openssl = require('../support/openssl.js');
const { secured } = require('../support/outcomes.js');
const { versions } = require('../..');

const { ca, server: own, client: theirs } = certificates;
const OLDER = { maxVersion: 'DTLSv1.2' };
const NEWER = { minVersion: 'DTLSv1.3', maxVersion: 'DTLSv1.3' };
const P384 = { type: 'ECDH', name: 'secp384r1', size: 384 };
/** The keys that sign are on the second. */
const CURVES = 'P-384:P-256';
const told = (socket) => [socket.getEphemeralKeyInfo(), socket.getSharedSigalgs()];

describe('what a handshake has agreed on', { skip: openssl.missing && `skipped (${openssl.missing})` }, () => {
  const asking = { key: own?.key, cert: own?.cert, ca: ca?.cert };

  test('is what openssl s_client says of it', async (t) => {
    const server = await startServer(t, { ...asking, sigalgs: 'ECDSA+SHA384:RSA+SHA384:ECDSA+SHA256:RSA+SHA256' });
    const accepted = event(server, 'secureConnection');
    const shows = ['-CAfile', ca.certPath, '-cert', theirs.certPath, '-key', theirs.keyPath];
    const offers = ['-curves', 'P-384:P-256', '-sigalgs', 'RSA+SHA256:ECDSA+SHA512:ECDSA+SHA256:ECDSA+SHA384'];
    const peer = openssl.sClient(t, server.address().port, [...shows, ...offers]);
    const [socket] = await accepted;
    const info = { type: 'ECDH', name: 'prime256v1', size: 256 };
    const shared = ['ECDSA+SHA384', 'ECDSA+SHA256', 'RSA+SHA256'];
    assert.deepEqual(told(socket), [info, shared]);
    await peer.printed('ECDH, prime256v1, 256 bits');
    const [, theirList] = /^Shared Requested Signature Algorithms: (.*)$/m.exec(peer.output);
    // It has an order of its own.
    assert.deepEqual(theirList.split(':').sort(), shared.sort());
  });

  test('is known to a client of openssl s_server, which has asked for a certificate', async (t) => {
    const port = await freePort();
    const shows = ['-CAfile', ca.certPath, '-cert', own.certPath, '-key', own.keyPath];
    const args = [...shows, '-Verify', '3', '-client_sigalgs', 'ECDSA+SHA256:RSA+SHA512'];
    const peer = openssl.sServer(t, port, args);
    await peer.printed('ACCEPT');
    const options = { ca: ca.cert, servername: 'localhost', key: theirs.key, cert: theirs.cert, ecdhCurve: CURVES };
    const client = openClient(t, { address: () => ({ port }) }, options);
    await event(client, 'secureConnect');
    assert.deepEqual(told(client), [P384, ['ECDSA+SHA256', 'RSA+SHA512']]);
    await peer.printed('Shared groups: secp384r1:secp256r1');
  });

  for (const [name, version, kinds] of [
    ['DTLS 1.2', OLDER, ['ECDSA+SHA256', 'RSA+SHA256']],
    ['DTLS 1.3', NEWER, ['ECDSA+SHA256', 'RSA-PSS+SHA256', 'RSA+SHA256']],
  ]) {
    const skip = version === NEWER && versions['aws-lc'] === undefined && 'this build has no AWS-LC';

    test(`is the same to both sides of ${name}`, { skip }, async (t) => {
      const server = { ...asking, ...version, ecdhCurve: CURVES, sigalgs: 'ECDSA+SHA256:RSA+SHA256' };
      const client = { ca: ca.cert, servername: 'localhost', key: theirs.key, cert: theirs.cert, ...version };
      const pair = await secured(t, server, client);
      assert.deepEqual(told(pair.socket), [P384, kinds]);
      assert.deepEqual(told(pair.client), [P384, kinds]);
    });

    test(`has no signatures that a client of ${name} could share without being asked for one`, { skip }, async (t) => {
      const server = { key: own.key, cert: own.cert, ...version, ecdhCurve: 'X25519' };
      const pair = await secured(t, server, { ca: ca.cert, servername: 'localhost', ...version });
      const x25519 = { type: 'ECDH', name: 'X25519', size: 253 };
      assert.deepEqual(told(pair.client), [x25519, []]);
      assert.deepEqual(
        [pair.socket.getEphemeralKeyInfo(), pair.socket.getSharedSigalgs()[0]],
        [x25519, 'ECDSA+SHA256'],
      );
    });
  }
});

describe('what a handshake with a pre-shared key has agreed on', () => {
  for (const [ciphers, info] of [
    ['PSK-AES128-GCM-SHA256', {}],
    ['ECDHE-PSK-CHACHA20-POLY1305', P384],
  ]) {
    test(`is ${info.name ?? 'no group'} with ${ciphers}, and stays known in its sleep`, async (t) => {
      const pair = await connectedPair(t, {
        serverOptions: { ecdhCurve: 'P-384', hibernateAfter: 1 },
        clientOptions: { ...BOB, ciphers },
      });
      await new Promise((resolve) => setTimeout(resolve, 50));
      for (const side of [pair.socket, pair.client]) assert.deepEqual(told(side), [info, []]);
      pair.client.destroy();
      assert.deepEqual(told(pair.client), [{}, []]);
    });
  }
});
