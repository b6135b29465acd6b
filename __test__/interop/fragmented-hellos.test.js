'use strict';

// Clients that send their hellos in fragments, as for a path with a small MTU.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const certificates = require('../support/certificates.js');
const { echo, event, startServer } = require('../support/endpoints.js');
const gnutls = require('../support/gnutls.js');
const { lossyProxy } = require('../support/lossy.js');
const openssl = require('../support/openssl.js');

const PSK = { psk: { sensor: Buffer.alloc(16, 7) } };
const identity = ['-psk', '07'.repeat(16), '-psk_identity', 'sensor'];
const skip = openssl.missing && `skipped (${openssl.missing})`;

/** Names of 60 bytes each. */
const protocols = (count) => Array.from({ length: count }, (_, number) => `${number}`.padStart(60, 'protocol-'));

/**
 * A proxy before a server, and the fragments of hellos that pass it: message_seq, offset, and length of the message.
 */
async function watched(t, server) {
  const fragments = [];
  const see = (datagram) => {
    for (let at = 0; at + 25 <= datagram.length; at += 13 + datagram.readUInt16BE(at + 11)) {
      const isHello = datagram[at] === 22 && datagram.readUInt16BE(at + 3) === 0 && datagram[at + 13] === 1;
      if (!isHello) continue;
      const [length, offset] = [datagram.readUIntBE(at + 14, 3), datagram.readUIntBE(at + 19, 3)];
      fragments.push({ sequence: datagram.readUInt16BE(at + 17), offset, length });
    }
  };
  const { port } = await lossyProxy(t, server.address().port, { loss: 0, see });
  return { port, fragments };
}

const counts = (fragments) => [0, 1].map((n) => fragments.filter(({ sequence }) => sequence === n).length);

describe('openssl s_client -mtu 256 gets its line echoed', { skip }, () => {
  const everything = ['-cipher', 'ALL:@SECLEVEL=0'];
  const aead = ['-cipher', 'PSK-AES128-GCM-SHA256'];
  const verified = ['-CAfile', certificates.ca?.certPath, '-verify_return_error'];
  const { key, cert } = certificates.server ?? {};
  for (const [what, options, args, least] of [
    ['with a long list of protocols', PSK, [...identity, ...aead, '-alpn', protocols(20).join()], 1200],
    ['with a list of suites longer than its first fragment', PSK, [...identity, ...everything], 300],
    ['with a hello that is whole without its cookie', { key, cert }, [...verified, '-servername', 'localhost'], 180],
    ['with a hello of 15 KB', PSK, [...identity, ...aead, '-alpn', protocols(245).join()], 15_000],
  ]) {
    test(what, async (t) => {
      const server = await startServer(t, options, echo);
      const { port, fragments } = await watched(t, server);
      const secure = event(server, 'secureConnection');
      const peer = openssl.sClient(t, port, ['-mtu', '256', ...args]);
      const [socket] = await secure;
      const [first, second] = counts(fragments);
      assert(second > 1 && (first > 1 || what.includes('whole')), `${first} and ${second} fragments`);
      assert(fragments[0].length > least, `a hello of ${fragments[0].length} bytes`);
      assert.equal(server.stats.helloVerifyRequestsSent, 1);
      assert.equal(server.stats.handshakesStarted, 1);
      assert.equal(socket.servername, args.includes('-servername') ? 'localhost' : false);
      peer.say('a line from openssl');
      await peer.printed('a line from openssl\n');
    });
  }

  test('chosen by ALPNCallback, out of the last fragment', async (t) => {
    const names = protocols(20);
    const ALPNCallback = ({ protocols }) => protocols.at(-1);
    const server = await startServer(t, { ...PSK, ALPNCallback });
    const args = ['-mtu', '256', ...identity, ...aead, '-alpn', names.join()];
    const peer = openssl.sClient(t, server.address().port, args);
    await peer.printed(`ALPN protocol: ${names[19]}`);
  });

  test('though datagrams get lost', async (t) => {
    const server = await startServer(t, PSK, echo);
    const secure = event(server, 'secureConnection');
    const proxy = await lossyProxy(t, server.address().port, { loss: 0.1 });
    const peer = openssl.sClient(t, proxy.port, ['-mtu', '256', ...identity, ...aead, '-alpn', protocols(20).join()]);
    await secure;
    assert(proxy.lost > 0);
    proxy.calm();
    peer.say('a line from openssl');
    await peer.printed('a line from openssl\n');
  });
});

test('gnutls-cli --mtu 150 gets its line echoed', {
  skip: gnutls.missing && `skipped (${gnutls.missing})`,
}, async (t) => {
  const { key } = gnutls.keyPair(t);
  const server = await startServer(t, { key, requestCert: false }, echo);
  const { port, fragments } = await watched(t, server);
  const secure = event(server, 'secureConnection');
  const peer = gnutls.cli(t, port, undefined, { mtu: 150 });
  await secure;
  assert(counts(fragments)[1] > 1, `${counts(fragments)} fragments`);
  peer.say('a line from gnutls');
  await peer.printed('a line from gnutls\n');
});
