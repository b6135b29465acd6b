'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const certificates = require('../support/certificates.js');
const { openDevice } = require('../support/device.js');
const { BOB, connectedPair, event, messages, openClient, startServer } = require('../support/endpoints.js');
const { SAVED, inOlderVersion } = require('../support/older-version.js');
const { connect, createServer } = require('../..');

const PSK = { bob: BOB.psk };

describe('ALPN', () => {
  test('is chosen by the server in its own order', async (t) => {
    const { socket, client } = await connectedPair(t, {
      serverOptions: { ALPNProtocols: ['coap', 'lwm2m'] },
      clientOptions: { ALPNProtocols: ['lwm2m', Buffer.from('coap')] },
    });
    assert.equal(socket.alpnProtocol, 'coap');
    assert.equal(client.alpnProtocol, 'coap');
  });

  test('may be given in the form that it has on the wire', async (t) => {
    const { socket } = await connectedPair(t, {
      serverOptions: { ALPNProtocols: Buffer.from('\x04coap') },
      clientOptions: { ALPNProtocols: Buffer.from('\x02h3\x04coap') },
    });
    assert.equal(socket.alpnProtocol, 'coap');
  });

  test('is null before the end of the handshake, and false without a protocol', async (t) => {
    const server = await startServer(t, { psk: PSK });
    const client = openClient(t, server);
    assert.equal(client.alpnProtocol, null);
    await event(client, 'secureConnect');
    assert.equal(client.alpnProtocol, false);
  });

  test('without a protocol in common fails with a code of its own on both sides', async (t) => {
    const server = await startServer(t, { psk: PSK, ALPNProtocols: ['coap'] });
    const refusal = event(server, 'clientError');
    const client = openClient(t, server, { ...BOB, ALPNProtocols: ['h3'] });
    const [error] = await event(client, 'error');
    assert.equal(error.code, 'ERR_DTLS_NO_APPLICATION_PROTOCOL');
    assert.equal(error.alert, 120);
    assert.equal((await refusal)[0].code, 'ERR_DTLS_NO_APPLICATION_PROTOCOL');
  });

  test('names that no hello can hold are refused', () => {
    for (const ALPNProtocols of ['coap', 5, [5]]) {
      assert.throws(() => createServer({ psk: 'secret', ALPNProtocols }), { code: 'ERR_INVALID_ARG_TYPE' });
    }
    const invalid = [[''], ['a'.repeat(256)], ['a\0b'], Buffer.from('\x05coap'), Array(30).fill('a'.repeat(200))];
    for (const ALPNProtocols of invalid) {
      assert.throws(() => createServer({ psk: 'secret', ALPNProtocols }), { code: 'ERR_INVALID_ARG_VALUE' });
    }
  });
});

describe('maxFragmentLength', () => {
  test('limits what fits into one message, on both sides', async (t) => {
    const { socket, client } = await connectedPair(t, { clientOptions: { maxFragmentLength: 512 } });
    for (const side of [socket, client]) {
      const [error] = await new Promise((resolve) => {
        side.on('error', () => {});
        side.write(Buffer.alloc(513), (...args) => resolve(args));
      });
      assert.equal(error.code, 'ERR_DTLS_PAYLOAD_TOO_LARGE');
    }
  });

  test('goes with a saved session to another server, through JSON', async (t) => {
    const first = await startServer(t, { psk: PSK });
    const secure = event(first, 'secureConnection');
    const device = await openDevice(t, first.address().port, { maxFragmentLength: 512 });
    const [socket] = await secure;
    const session = JSON.parse(JSON.stringify(socket.session));
    assert.equal(session.max_fragment_length, 512);

    const second = await startServer(t, { psk: PSK });
    device.port = second.address().port;
    for (const wrong of [0, 513, '512', null, 65_536, -512]) {
      assert.equal(second.resumeSocket(device.address, { ...session, max_fragment_length: wrong }), false);
    }
    assert.equal(second.resumeSocket(device.address, session), true);
    const [restored] = Object.values(second.sockets);
    assert.equal(restored.session.max_fragment_length, 512);
    const heard = messages(device.client, 1);
    restored.write(Buffer.alloc(512, 'a'));
    assert.deepEqual(await heard, ['a'.repeat(512)]);
    restored.on('error', () => {});
    const [error] = await new Promise((resolve) => {
      restored.write(Buffer.alloc(513), (...args) => resolve(args));
    });
    assert.equal(error.code, 'ERR_DTLS_PAYLOAD_TOO_LARGE');
  });

  test('is absent from a session without one', async (t) => {
    inOlderVersion(t, SAVED);
    const { socket } = await connectedPair(t);
    assert.equal('max_fragment_length' in socket.session, false);
  });

  test('must be one of four values', () => {
    assert.throws(() => connect({ ...BOB, port: 1, maxFragmentLength: 700 }), { code: 'ERR_INVALID_ARG_VALUE' });
  });
});

describe('when two suites are possible', () => {
  const [CCM, GCM] = ['PSK-AES128-CCM8', 'PSK-AES128-GCM-SHA256'];
  const chosen = async (t, serverOptions) => {
    const options = { serverOptions, clientOptions: { ciphers: [GCM, CCM] } };
    const { socket } = await connectedPair(t, options);
    return socket.getCipher().name;
  };

  test("the server's order counts", async (t) => {
    assert.equal(await chosen(t, { ciphers: [CCM, GCM] }), CCM);
    assert.equal(await chosen(t, { ciphers: [CCM, GCM], honorCipherOrder: true }), CCM);
  });

  test("the client's counts with honorCipherOrder: false", async (t) => {
    assert.equal(await chosen(t, { ciphers: [CCM, GCM], honorCipherOrder: false }), GCM);
    assert.equal(await chosen(t, { ciphers: [CCM], honorCipherOrder: false }), CCM);
  });

  test("a context's own order counts", async (t) => {
    const server = await startServer(t, { psk: { bob: BOB.psk }, ciphers: [CCM, GCM] });
    server.setSecureContext({ honorCipherOrder: false });
    const client = openClient(t, server, { ...BOB, ciphers: [GCM, CCM] });
    await event(client, 'secureConnect');
    assert.equal(client.getCipher().name, GCM);
  });
});

test('our own peers have an extended master secret when it is required', async (t) => {
  await connectedPair(t, {
    serverOptions: { requireExtendedMasterSecret: true },
    clientOptions: { requireExtendedMasterSecret: true },
  });
});

describe('curves and signatures', { skip: certificates.available ? false : 'openssl not found' }, () => {
  const attempt = async (t, serverOptions, clientOptions) => {
    const { key, cert } = certificates.server;
    const server = await startServer(t, { key, cert, ...serverOptions });
    const refusal = event(server, 'clientError').then(([error]) => error.code);
    const client = openClient(t, server, { ca: certificates.ca.cert, ...clientOptions });
    return Promise.race([
      event(client, 'secureConnect').then(() => 'secure'),
      event(client, 'error').then(() => refusal),
    ]);
  };

  test("are negotiated, in node:tls's forms", async (t) => {
    const options = { ecdhCurve: 'P-384:prime256v1', sigalgs: 'ECDSA+SHA384:RSA+SHA384' };
    const { key, cert } = certificates.p384;
    const wishes = { ca: certificates.p384Ca.cert, ecdhCurve: ['P-384'], sigalgs: ['ecdsa_secp384r1_sha384'] };
    assert.equal(await attempt(t, { key, cert, ...options }, wishes), 'secure');
    assert.equal(await attempt(t, {}, { ecdhCurve: 'auto' }), 'secure');
  });

  test('are those of the chain, too (RFC 5246 section 7.4.2)', async (t) => {
    // Its authority has a key on P-256.
    const { key, cert } = certificates.serverRsa;
    const server = await startServer(t, { key, cert });
    const options = { ca: certificates.ca.cert, sigalgs: 'RSA+SHA384' };
    const [error] = await event(openClient(t, server, options), 'error');
    assert.equal(error.code, 'ERR_DTLS_WEAK_CERTIFICATE');
  });

  test('without one in common are refused', async (t) => {
    const code = 'ERR_DTLS_NO_SHARED_CIPHER';
    assert.equal(await attempt(t, { ecdhCurve: 'P-384' }, { ecdhCurve: 'P-256' }), code);
    assert.equal(await attempt(t, {}, { sigalgs: 'RSA+SHA256' }), code);
  });

  test('that do not exist are refused by name', () => {
    assert.throws(() => createServer({ psk: 'a', ecdhCurve: 'P-255' }), {
      code: 'ERR_DTLS_INVALID_CURVE',
      message: /P-255/,
    });
    assert.throws(() => createServer({ psk: 'a', sigalgs: 'RSA+MD5' }), {
      code: 'ERR_DTLS_INVALID_SIGALG',
      message: /MD5/,
    });
    assert.throws(() => createServer({ psk: 'a', ecdhCurve: [] }), { code: 'ERR_INVALID_ARG_VALUE' });
  });
});
