'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const certificates = require('../support/certificates.js');
const { BOB, connectedPair, event, openClient, startServer } = require('../support/endpoints.js');
const openssl = require('../support/openssl.js');
const { NAMES, inOlderVersion } = require('../support/older-version.js');
const { createServer } = require('../..');

const LABEL = 'EXTRACTOR-dtls_srtp';

describe('exported keying material', () => {
  test('is the same on both sides, and differs for each label and context', async (t) => {
    for (const ciphers of ['PSK-AES128-CCM8', 'PSK-AES256-GCM-SHA384', 'PSK-AES128-CBC-SHA256']) {
      const { socket, client } = await connectedPair(t, { clientOptions: { ciphers } });
      const seen = new Set();
      for (const args of [[LABEL], ['EXPERIMENTAL'], [LABEL, Buffer.alloc(0)], [LABEL, Buffer.from('context')]]) {
        const material = client.exportKeyingMaterial(60, ...args);
        assert.equal(material.length, 60);
        assert.deepEqual(socket.exportKeyingMaterial(60, ...args), material);
        seen.add(material.toString('hex'));
      }
      assert.equal(seen.size, 4);
    }
  });

  test('survives the sleep of a connection', async (t) => {
    const { socket, client } = await connectedPair(t, { serverOptions: { hibernateAfter: 20 } });
    const [material, finished] = [socket.exportKeyingMaterial(32, LABEL), socket.getFinished()];
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(socket.exportKeyingMaterial(32, LABEL), material);
    assert.deepEqual(socket.getFinished(), finished);
    assert.deepEqual(client.exportKeyingMaterial(32, LABEL), material);
  });

  test('is refused for labels of the handshake itself, and without a connection', async (t) => {
    inOlderVersion(t, NAMES);
    const { client } = await connectedPair(t);
    for (const label of ['key expansion', 'master secret', 'client finished', '', 'a\0b']) {
      assert.throws(() => client.exportKeyingMaterial(32, label), { code: 'ERR_INVALID_ARG_VALUE' });
    }
    for (const length of [0, 65_537, 1.5]) {
      assert.throws(() => client.exportKeyingMaterial(length, LABEL), { code: 'ERR_OUT_OF_RANGE' });
    }
    assert.throws(() => client.exportKeyingMaterial(32, LABEL, Buffer.alloc(65_536)), { code: 'ERR_OUT_OF_RANGE' });
    assert.throws(() => client.exportKeyingMaterial(32, LABEL, 'text'), { code: 'ERR_INVALID_ARG_TYPE' });
    client.destroy();
    assert.throws(() => client.exportKeyingMaterial(32, LABEL), { code: 'ERR_TLS_INVALID_STATE' });
  });
});

test("each side's Finished message is the one that the other side reports as its peer's", async (t) => {
  const { socket, client } = await connectedPair(t);
  assert.equal(client.getFinished().length, client.getProtocol() === 'DTLSv1.2' ? 12 : 32);
  assert.deepEqual(client.getFinished(), socket.getPeerFinished());
  assert.deepEqual(client.getPeerFinished(), socket.getFinished());
  assert.notDeepEqual(client.getFinished(), client.getPeerFinished());
  client.destroy();
  assert.equal(client.getFinished(), undefined);
});

describe('SRTP', () => {
  const PROFILES = 'SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80';

  test('profiles are negotiated in the order of the server', async (t) => {
    const { socket, client } = await connectedPair(t, {
      serverOptions: { srtpProfiles: PROFILES },
      clientOptions: { srtpProfiles: ['SRTP_AES128_CM_SHA1_80', 'SRTP_AEAD_AES_128_GCM'] },
    });
    assert.equal(socket.getSrtpProfile(), 'SRTP_AEAD_AES_128_GCM');
    assert.equal(client.getSrtpProfile(), 'SRTP_AEAD_AES_128_GCM');
  });

  test('is null without a profile in common', async (t) => {
    for (const srtpProfiles of [undefined, 'SRTP_AES128_CM_SHA1_32']) {
      const { socket, client } = await connectedPair(t, {
        serverOptions: { srtpProfiles: PROFILES },
        clientOptions: { srtpProfiles },
      });
      assert.deepEqual([socket.getSrtpProfile(), client.getSrtpProfile()], [null, null]);
    }
  });

  test('profiles that do not exist, or do not encrypt, are refused', () => {
    for (const srtpProfiles of ['SRTP_NULL_SHA1_80', ['srtp']]) {
      assert.throws(() => createServer({ psk: 'secret', srtpProfiles }), { code: 'ERR_DTLS_INVALID_SRTP_PROFILE' });
    }
  });
});

describe('openssl s_client', { skip: openssl.missing && `skipped (${openssl.missing})` }, () => {
  for (const kind of ['psk', 'certificate']) {
    test(`agrees with us about keys, profile and protocol, with a ${kind}`, async (t) => {
      const common = { srtpProfiles: ['SRTP_AES128_CM_SHA1_80'], ALPNProtocols: ['webrtc', 'coap'] };
      const { key, cert } = certificates.server;
      const server = await startServer(t, {
        ...(kind === 'psk' ? { psk: { bob: BOB.psk } } : { key, cert }),
        ...common,
      });
      const secure = event(server, 'secureConnection');
      const identity = ['-psk', Buffer.from(BOB.psk).toString('hex'), '-psk_identity', 'bob', '-cipher', 'PSK'];
      const args = ['-use_srtp', 'SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM', '-alpn', 'coap'];
      const peer = openssl.sClient(t, server.address().port, [
        ...(kind === 'psk' ? identity : []),
        ...args,
        ...['-keymatexport', LABEL, '-keymatexportlen', '60'],
      ]);
      const [socket] = await secure;
      assert.equal(socket.getSrtpProfile(), 'SRTP_AES128_CM_SHA1_80');
      assert.equal(socket.alpnProtocol, 'coap');
      const material = socket.exportKeyingMaterial(60, LABEL).toString('hex').toUpperCase();
      await peer.printed(`Keying material: ${material}`);
      await peer.printed('SRTP Extension negotiated, profile=SRTP_AES128_CM_SHA1_80');
      await peer.printed('ALPN protocol: coap');
    });
  }

  test('a client of ours agrees with openssl s_server', async (t) => {
    const { keyPath, certPath } = certificates.server;
    const port = 20_000 + (process.pid % 20_000);
    const files = ['-key', keyPath, '-cert', certPath];
    const peer = openssl.sServer(t, port, [
      ...files,
      ...['-use_srtp', 'SRTP_AEAD_AES_128_GCM', '-alpn', 'coap', '-keymatexport', LABEL, '-keymatexportlen', '32'],
    ]);
    await peer.printed('ACCEPT');
    const client = openClient(
      t,
      { address: () => ({ port }) },
      {
        ca: certificates.ca.cert,
        srtpProfiles: ['SRTP_AEAD_AES_256_GCM', 'SRTP_AEAD_AES_128_GCM'],
        ALPNProtocols: ['lwm2m', 'coap'],
      },
    );
    await event(client, 'secureConnect');
    assert.equal(client.getSrtpProfile(), 'SRTP_AEAD_AES_128_GCM');
    assert.equal(client.alpnProtocol, 'coap');
    const material = client.exportKeyingMaterial(32, LABEL).toString('hex').toUpperCase();
    await peer.printed(`Keying material: ${material}`);
  });
});
