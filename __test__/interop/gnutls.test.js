'use strict';

// GnuTLS in both roles, with raw public keys (RFC 7250).

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { echo, event, freePort, messages, openClient, startServer } = require('../support/endpoints.js');
const gnutls = require('../support/gnutls.js');
const { lossyProxy } = require('../support/lossy.js');

const skip = gnutls.missing && `skipped (${gnutls.missing})`;

const KINDS = [
  ['P-256', 'ec', { namedCurve: 'P-256' }],
  ['P-384', 'ec', { namedCurve: 'P-384' }],
  ['P-521', 'ec', { namedCurve: 'P-521' }],
  ['RSA', 'rsa', { modulusLength: 2048 }],
];

/** Of the datagrams between the two, in either direction. */
const LOSS = 1 / 3;

/**
 * A client's, so that the test is over sooner: gnutls-serv repeats its flight when it hears ours again. gnutls-cli does
 * not, and each datagram starts its timer anew: a server as impatient as this would keep it from ever repeating its own.
 */
const IMPATIENT = { handshakeTimeoutMin: 200, handshakeTimeoutMax: 500 };

async function startGnutls(t, own, options) {
  const port = await freePort();
  const peer = gnutls.serv(t, port, own, options);
  await peer.printed('Echo Server listening');
  return { port, peer };
}

const at = (port) => ({ address: () => ({ port }) });

describe('gnutls-cli', { skip }, () => {
  for (const [name, ...kind] of KINDS) {
    test(`and our server know each other by raw public keys, ${name}`, async (t) => {
      const [ours, theirs] = [gnutls.keyPair(t, ...kind), gnutls.keyPair(t, ...kind)];
      const server = await startServer(t, { key: ours.key, peerPublicKey: theirs.publicKey }, echo);
      const secure = event(server, 'secureConnection');
      const peer = gnutls.cli(t, server.address().port, theirs);
      const [socket] = await secure;
      assert.deepEqual(socket.publicKey, theirs.publicKey);
      await peer.printed('DTLS1.2-Raw Public Key');
      const said = messages(socket, 1);
      peer.say('a line from gnutls');
      assert.deepEqual(await said, ['a line from gnutls\n']);
      await peer.printed('a line from gnutls');
    });
  }

  for (const options of [{}, { requestCert: true, rejectUnauthorized: false }]) {
    test(`without a key is let in by our server that requires none, with ${JSON.stringify(options)}`, async (t) => {
      const server = await startServer(t, { key: gnutls.keyPair(t).key, ...options });
      const secure = event(server, 'secureConnection');
      const peer = gnutls.cli(t, server.address().port, undefined);
      const [socket] = await secure;
      assert.equal(socket.publicKey.length, 0);
      await peer.printed('Certificate type: Raw Public Key');
      await peer.printed('Handshake was completed');
    });
  }

  test('without a key is refused by our server that requires one', async (t) => {
    const server = await startServer(t, { key: gnutls.keyPair(t).key, verifyPeer: () => true });
    const refusal = event(server, 'clientError');
    gnutls.cli(t, server.address().port, undefined);
    assert.equal((await refusal)[0].code, 'ERR_DTLS_NO_SHARED_CERTIFICATE_TYPE');
  });

  test('is refused with another key, and by verifyPeer', async (t) => {
    const [ours, theirs, other] = [gnutls.keyPair(t), gnutls.keyPair(t), gnutls.keyPair(t)];
    for (const [options, code] of [
      [{ peerPublicKey: other.publicKey }, 'ERR_DTLS_PEER_KEY_MISMATCH'],
      [{ verifyPeer: async () => false }, 'ERR_DTLS_PEER_REFUSED'],
    ]) {
      const server = await startServer(t, { key: ours.key, ...options });
      const refusal = event(server, 'clientError');
      const peer = gnutls.cli(t, server.address().port, theirs);
      assert.equal((await refusal)[0].code, code);
      assert.equal(await peer.exit(), 1);
    }
  });

  for (const mtu of [1200, 256]) {
    test(`reaches our server with a third of the datagrams lost, in datagrams of ${mtu} bytes`, async (t) => {
      const [ours, theirs] = [gnutls.keyPair(t), gnutls.keyPair(t)];
      const options = { key: ours.key, peerPublicKey: theirs.publicKey, mtu };
      const server = await startServer(t, options, echo);
      const proxy = await lossyProxy(t, server.address().port, { loss: LOSS });
      const secure = event(server, 'secureConnection');
      const peer = gnutls.cli(t, proxy.port, theirs, { mtu });
      const [socket] = await secure;
      assert.deepEqual(socket.publicKey, theirs.publicKey);
      await peer.printed('Handshake was completed');
      assert(proxy.lost > 0);
      proxy.calm();
      peer.say('a line from gnutls');
      await peer.printed('a line from gnutls');
    });
  }
});

describe('gnutls-serv', { skip }, () => {
  for (const [name, ...kind] of KINDS) {
    test(`and our client know each other by raw public keys, ${name}`, async (t) => {
      const [ours, theirs] = [gnutls.keyPair(t, ...kind), gnutls.keyPair(t, ...kind)];
      const { port } = await startGnutls(t, theirs, { clients: 'require' });
      const client = openClient(t, at(port), { key: ours.key, peerPublicKey: theirs.publicKey });
      await event(client, 'secureConnect');
      assert.deepEqual(client.publicKey, theirs.publicKey);
      const echoed = messages(client, 1);
      client.write('a line from us\n');
      assert.deepEqual(await echoed, ['a line from us\n']);
    });
  }

  test('serves a client of ours that has no key', async (t) => {
    const theirs = gnutls.keyPair(t);
    const { port } = await startGnutls(t, theirs);
    const client = openClient(t, at(port), { peerPublicKey: theirs.publicKey });
    await event(client, 'secureConnect');
    assert.deepEqual(client.publicKey, theirs.publicKey);
  });

  test('refuses a client of ours that has no key where one is required', async (t) => {
    const theirs = gnutls.keyPair(t);
    const { port } = await startGnutls(t, theirs, { clients: 'require' });
    const client = openClient(t, at(port), { peerPublicKey: theirs.publicKey, handshakeTimeout: 3000 });
    const [error] = await event(client, 'error');
    assert.match(error.code, /^ERR_DTLS_(ALERT_RECEIVED|HANDSHAKE_TIMEOUT)$/);
  });

  test('is refused with another key, and by verifyPeer', async (t) => {
    const [theirs, other] = [gnutls.keyPair(t), gnutls.keyPair(t)];
    const { port } = await startGnutls(t, theirs);
    for (const [options, code] of [
      [{ peerPublicKey: other.publicKey }, 'ERR_DTLS_PEER_KEY_MISMATCH'],
      [{ verifyPeer: async () => false }, 'ERR_DTLS_PEER_REFUSED'],
    ]) {
      const client = openClient(t, at(port), options);
      const [error] = await event(client, 'error');
      assert.equal(error.code, code);
    }
  });

  for (const mtu of [1200, 256]) {
    test(`is reached with a third of the datagrams lost, in datagrams of ${mtu} bytes`, async (t) => {
      const [ours, theirs] = [gnutls.keyPair(t), gnutls.keyPair(t)];
      const { port } = await startGnutls(t, theirs, { clients: 'require', mtu });
      const proxy = await lossyProxy(t, port, { loss: LOSS });
      const options = { key: ours.key, peerPublicKey: theirs.publicKey, mtu, ...IMPATIENT };
      const client = openClient(t, at(proxy.port), options);
      await event(client, 'secureConnect');
      assert.deepEqual(client.publicKey, theirs.publicKey);
      assert(proxy.lost > 0);
      proxy.calm();
      const echoed = messages(client, 1);
      // Until GnuTLS has everything of the handshake, it may drop what comes early.
      const repeat = setInterval(() => client.write('a line from us\n'), 200);
      assert.deepEqual(await echoed, ['a line from us\n']);
      clearInterval(repeat);
    });
  }
});
