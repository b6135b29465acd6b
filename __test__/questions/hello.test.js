'use strict';

// What a server's application decides by a client's hello: SNICallback, ALPNCallback, and contexts made for them.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const tls = require('node:tls');

const certificates = require('../support/certificates.js');
const { BOB, HOST, event, openClient, startServer } = require('../support/endpoints.js');
const openssl = require('../support/openssl.js');
const { fingerprint, own, shownTo } = require('../support/shown.js');
const { createSecureContext, createServer } = require('../..');

const skip = certificates.available ? false : 'openssl not found';
const PSK = { psk: { bob: BOB.psk } };

/** The errors of both sides when a handshake fails. */
async function failure(t, server, options) {
  const refusal = event(server, 'clientError');
  const [error] = await event(openClient(t, server, options), 'error');
  return { client: error, server: (await refusal)[0] };
}

describe('createSecureContext', { skip }, () => {
  test('refuses what no server could use', () => {
    const { key } = certificates.client;
    assert.throws(() => createSecureContext({ ...own('serverRsa'), key }), { code: 'ERR_DTLS_KEY_MISMATCH' });
    assert.throws(() => createSecureContext({ cert: certificates.server.cert }), { code: 'ERR_MISSING_OPTION' });
    assert.throws(() => createSecureContext({ ciphers: 'NONE' }), { code: 'ERR_DTLS_INVALID_CIPHER' });
    assert.throws(() => createSecureContext({ psk: 'secret' }), { code: 'ERR_INVALID_ARG_VALUE' });
    assert.throws(() => createSecureContext(null), { code: 'ERR_INVALID_ARG_TYPE' });
  });

  test('makes what addContext and setSecureContext take, on any number of servers', async (t) => {
    const contexts = { rsa: createSecureContext(own('serverRsa')), other: createSecureContext(own('wrongName')) };
    assert(Object.isFrozen(contexts.rsa));
    // It holds keys, which do not show.
    assert.deepEqual(Reflect.ownKeys(contexts.rsa), []);
    for (let count = 0; count < 2; count++) {
      const server = await startServer(t, own('server'));
      server.addContext('elsewhere.test', contexts.other);
      server.setSecureContext(contexts.rsa);
      assert.equal(await shownTo(t, server, 'elsewhere.test'), fingerprint('wrongName'));
      assert.equal(await shownTo(t, server, 'localhost'), fingerprint('serverRsa'));
    }
  });

  test("is completed by the server's options", async (t) => {
    const context = createSecureContext(own('serverRsa'));
    const server = await startServer(t, { ...own('server'), ...PSK, ALPNProtocols: ['coap'], SNICallback });
    function SNICallback(_servername, callback) {
      callback(null, context);
    }
    const options = { ca: certificates.ca.cert, servername: 'localhost', ALPNProtocols: ['coap'] };
    const client = openClient(t, server, options);
    await event(client, 'secureConnect');
    assert.equal(client.alpnProtocol, 'coap');
    const both = openClient(t, server, { ...BOB, servername: 'localhost', ciphers: 'PSK-AES128-GCM-SHA256' });
    await event(both, 'secureConnect');
    server.setSecureContext({ ALPNProtocols: ['lwm2m'] });
    const later = openClient(t, server, { ...options, ALPNProtocols: ['coap', 'lwm2m'] });
    await event(later, 'secureConnect');
    assert.equal(later.alpnProtocol, 'lwm2m');
  });
});

describe('SNICallback', { skip }, () => {
  const rsa = skip ? null : createSecureContext(own('serverRsa'));
  for (const [how, SNICallback] of [
    ['calls back at once', (_name, callback) => callback(null, rsa)],
    ['calls back later', (_name, callback) => void setTimeout(callback, 20, null, rsa)],
    ['returns a context', () => rsa],
    ['returns a promise of one', async () => rsa],
    ['returns a promise of options', async () => own('serverRsa')],
    ['returns options', () => own('serverRsa')],
  ]) {
    test(`${how}, and its context is shown`, async (t) => {
      const server = await startServer(t, { ...own('server'), SNICallback });
      assert.equal(await shownTo(t, server, 'localhost'), fingerprint('serverRsa'));
    });
  }

  test('is called with the name, on the socket', async (t) => {
    const seen = [];
    const server = await startServer(t, {
      ...own('server'),
      SNICallback(name) {
        seen.push(name, this.servername, this.remoteAddress, this.server === server);
      },
    });
    await shownTo(t, server, 'LOCALHOST');
    assert.deepEqual(seen, ['localhost', 'localhost', HOST, true]);
  });

  test('that answers nothing chooses the default context, whatever addContext() has added', async (t) => {
    for (const SNICallback of [(_name, callback) => callback(), () => null, async () => undefined]) {
      const server = await startServer(t, { ...own('server'), SNICallback });
      server.addContext('localhost', own('serverRsa'));
      assert.equal(await shownTo(t, server, 'localhost'), fingerprint('server'));
    }
  });

  test('is not asked by clients without a name', async (t) => {
    const server = await startServer(t, { ...own('server'), ...PSK, SNICallback: assert.fail });
    await event(openClient(t, server), 'secureConnect');
    assert.equal(await shownTo(t, server, HOST), fingerprint('server'));
  });

  const cause = new Error('no such tenant');
  for (const [how, SNICallback, code] of [
    ['throws', () => assert.fail(cause), undefined],
    ['calls back with an error', (_name, callback) => callback(cause), undefined],
    ['rejects', () => Promise.reject(cause), undefined],
    ['answers with something else', () => 'a string', 'ERR_INVALID_ARG_TYPE'],
    ["answers with node:tls's context", () => tls.createSecureContext(), 'ERR_INVALID_ARG_VALUE'],
    ['answers with a bad key', () => ({ ...own('serverRsa'), key: certificates.client.key }), 'ERR_DTLS_KEY_MISMATCH'],
  ]) {
    test(`that ${how} ends its own handshake`, async (t) => {
      const server = await startServer(t, { ...own('server'), SNICallback });
      const error = await failure(t, server, { ca: certificates.ca.cert, servername: 'localhost' });
      assert.equal(error.server.code, 'ERR_DTLS_LOOKUP_FAILED');
      assert.equal(error.server.alert, 80);
      if (code === undefined) assert.equal(error.server.cause, cause);
      else assert.equal(error.server.cause.code, code);
      assert.equal(error.client.code, 'ERR_DTLS_ALERT_RECEIVED');
    });
  }

  test('delays no other handshake, and is asked once', async (t) => {
    const waiting = [];
    const server = await startServer(t, {
      ...own('server'),
      SNICallback: (name, callback) => {
        waiting.push([name, callback]);
        if (name === 'b.test') callback(null, rsa);
      },
    });
    const slow = shownTo(t, server, 'a.test');
    assert.equal(await shownTo(t, server, 'b.test'), fingerprint('serverRsa'));
    // Its client repeats the hello after a second.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.equal(server.stats.lookups, 1);
    assert.deepEqual(
      waiting.map(([name]) => name),
      ['a.test', 'b.test'],
    );
    waiting[0][1](null, rsa);
    waiting[0][1](null, null);
    assert.equal(await slow, fingerprint('serverRsa'));
  });

  test('that never answers is named when the time is up, and a server closes meanwhile', async (t) => {
    const options = { ...own('server'), SNICallback: (_name, _callback) => {} };
    const server = await startServer(t, { ...options, handshakeTimeout: 200 });
    const refusal = event(server, 'clientError');
    openClient(t, server, { ca: certificates.ca.cert, servername: 'localhost' }).on('error', () => {});
    const [error] = await refusal;
    assert.equal(error.code, 'ERR_DTLS_HANDSHAKE_TIMEOUT');
    assert.match(error.message, /application did not answer the look-up of a context/);

    const closing = await startServer(t, options);
    const opening = event(closing, 'connection');
    openClient(t, closing, { ca: certificates.ca.cert, servername: 'localhost' }).on('error', () => {});
    await opening;
    await new Promise((resolve) => closing.close(resolve));
  });

  test('has no effect when its socket has been destroyed meanwhile', async (t) => {
    let answer;
    const server = await startServer(t, {
      ...own('server'),
      SNICallback: (_name, callback) => {
        answer = callback;
      },
    });
    const opening = event(server, 'connection');
    openClient(t, server, { ca: certificates.ca.cert, servername: 'localhost' }).on('error', () => {});
    const [socket] = await opening;
    await new Promise(setImmediate);
    const closed = event(socket, 'close');
    socket.destroy();
    await closed;
    answer(null, rsa);
    await new Promise(setImmediate);
    assert.equal(server.stats.lookups, 0);
    assert.equal(server.stats.connections, 0);
  });

  test('must be a function', () => {
    assert.throws(() => createServer({ ...PSK, SNICallback: {} }), { code: 'ERR_INVALID_ARG_TYPE' });
  });

  test('chooses the certificate that openssl s_client is shown', { skip: openssl.missing }, async (t) => {
    const other = createSecureContext(own('wrongName'));
    const SNICallback = (name, callback) => callback(null, name === 'elsewhere.test' ? other : null);
    const server = await startServer(t, { ...own('server'), SNICallback });
    const args = ['-servername', 'elsewhere.test', '-CAfile', certificates.ca.certPath];
    const peer = openssl.sClient(t, server.address().port, args);
    await peer.printed('subject=CN = elsewhere.test');
  });
});

describe('ALPNCallback', () => {
  const client = { ...BOB, ALPNProtocols: ['coap', 'lwm2m'] };

  for (const [how, ALPNCallback] of [
    ['returns a protocol', () => 'lwm2m'],
    ['returns a promise of one', async () => 'lwm2m'],
    ['calls back', (_offer, callback) => void setTimeout(callback, 20, null, 'lwm2m')],
  ]) {
    test(`${how}, and both sides use it`, async (t) => {
      const server = await startServer(t, { ...PSK, ALPNCallback });
      const secure = event(server, 'secureConnection');
      const peer = openClient(t, server, client);
      await event(peer, 'secureConnect');
      assert.equal(peer.alpnProtocol, 'lwm2m');
      assert.equal((await secure)[0].alpnProtocol, 'lwm2m');
    });
  }

  test('is told the name and the protocols, in the order of the client', { skip }, async (t) => {
    const offers = [];
    const ALPNCallback = function (offer) {
      offers.push([structuredClone(offer), this.remoteAddress]);
      // The array is the application's own copy.
      return offer.protocols.pop();
    };
    const server = await startServer(t, { ...own('server'), ...PSK, ALPNCallback });
    const named = { ca: certificates.ca.cert, servername: 'localhost', ALPNProtocols: ['coap', 'h3'] };
    for (const [options, protocol] of [
      [client, 'lwm2m'],
      [named, 'h3'],
    ]) {
      const peer = openClient(t, server, options);
      await event(peer, 'secureConnect');
      assert.equal(peer.alpnProtocol, protocol);
    }
    assert.deepEqual(offers, [
      [{ servername: false, protocols: ['coap', 'lwm2m'] }, HOST],
      [{ servername: 'localhost', protocols: ['coap', 'h3'] }, HOST],
    ]);
  });

  test('is not asked by clients that say nothing about protocols', async (t) => {
    const server = await startServer(t, { ...PSK, ALPNCallback: assert.fail });
    const peer = openClient(t, server);
    await event(peer, 'secureConnect');
    assert.equal(peer.alpnProtocol, false);
  });

  test('that chooses none ends the handshake, as with no protocol in common', async (t) => {
    for (const ALPNCallback of [() => undefined, async () => null, (_offer, callback) => callback()]) {
      const server = await startServer(t, { ...PSK, ALPNCallback });
      const error = await failure(t, server, client);
      assert.equal(error.server.code, 'ERR_DTLS_NO_APPLICATION_PROTOCOL');
      assert.equal(error.client.code, 'ERR_DTLS_NO_APPLICATION_PROTOCOL');
      assert.equal(error.client.alert, 120);
    }
  });

  test('that chooses something else fails', async (t) => {
    for (const answer of ['h3', '', 5, {}]) {
      const server = await startServer(t, { ...PSK, ALPNCallback: () => answer });
      const error = await failure(t, server, client);
      assert.equal(error.server.code, 'ERR_DTLS_LOOKUP_FAILED');
      assert.equal(error.server.cause.code, 'ERR_TLS_ALPN_CALLBACK_INVALID_RESULT');
      assert.equal(error.client.alert, 80);
    }
  });

  test('excludes ALPNProtocols, but not those of a context', { skip }, async (t) => {
    const ALPNCallback = () => 'lwm2m';
    assert.throws(() => createServer({ ...PSK, ALPNCallback, ALPNProtocols: ['coap'] }), {
      name: 'TypeError',
      code: 'ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS',
    });
    assert.throws(() => createServer({ ...PSK, ALPNCallback: 'coap' }), { code: 'ERR_INVALID_ARG_TYPE' });
    const server = await startServer(t, { ...own('server'), ALPNCallback });
    server.addContext('localhost', { ...own('server'), ALPNProtocols: ['coap'] });
    for (const [servername, protocol] of [
      ['localhost', 'coap'],
      [HOST, 'lwm2m'],
    ]) {
      const peer = openClient(t, server, { ca: certificates.ca.cert, servername, ALPNProtocols: ['lwm2m', 'coap'] });
      await event(peer, 'secureConnect');
      assert.equal(peer.alpnProtocol, protocol);
    }
  });

  test('chooses what openssl s_client gets', { skip: openssl.missing }, async (t) => {
    const server = await startServer(t, { psk: { sensor: Buffer.alloc(16, 7) }, ALPNCallback: () => 'lwm2m' });
    const psk = ['-psk', '07'.repeat(16), '-psk_identity', 'sensor', '-cipher', 'PSK-AES128-GCM-SHA256'];
    const peer = openssl.sClient(t, server.address().port, [...psk, '-alpn', 'coap,lwm2m']);
    await peer.printed('ALPN protocol: lwm2m');
  });
});
