'use strict';

// DTLS 1.3 with pre-shared keys, over UDP sockets: what the application sees of it.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { connect, createSecureContext, createServer, getCiphers, versions } = require('../..');
const defaults = require('../../lib/options/defaults');
const { BOB, connectedPair, event, messages, openClient, startServer } = require('../support/endpoints');

const OLDER = { maxVersion: 'DTLSv1.2' };
const NEWER = { minVersion: 'DTLSv1.3', maxVersion: 'DTLSv1.3' };

const hasNewer = versions['aws-lc'] !== undefined;
const skip = !hasNewer && 'this build has no AWS-LC';

function newerPair(t, { serverOptions, clientOptions } = {}) {
  return connectedPair(t, {
    serverOptions: { maxVersion: 'DTLSv1.3', ...serverOptions },
    clientOptions: { ...NEWER, ...clientOptions },
  });
}

describe('a connection in DTLS 1.3', { skip }, () => {
  for (const suite of getCiphers().filter((name) => name.startsWith('TLS_'))) {
    test(`with ${suite} carries messages both ways and says what it is`, async (t) => {
      const { server, socket, client } = await newerPair(t, { clientOptions: { ciphers: suite } });
      for (const side of [socket, client]) {
        assert.equal(side.getProtocol(), 'DTLSv1.3');
        assert.deepEqual(side.getCipher(), { name: suite, standardName: suite, version: 'DTLSv1.3' });
        assert.equal(side.authorized, true);
      }
      assert.equal(String(socket.pskIdentity), 'bob');
      const received = [messages(socket, 2), messages(client, 1)];
      client.write('ping');
      client.write('x'.repeat(1000));
      socket.write('pong');
      assert.deepEqual(await Promise.all(received), [['ping', 'x'.repeat(1000)], ['pong']]);
      assert.equal(server.stats.handshakesCompleted, 1);
      client.end();
      await event(socket, 'close');
    });
  }

  test('exports the same keys on both sides, and names the same Finished messages', async (t) => {
    const { socket, client } = await newerPair(t);
    const export_ = (side, context) => side.exportKeyingMaterial(32, 'EXPERIMENTAL', context);
    assert.deepEqual(export_(socket, Buffer.from('a')), export_(client, Buffer.from('a')));
    // Other than in DTLS 1.2, no context is an empty one (RFC 8446, section 7.5).
    assert.deepEqual(export_(socket), export_(client, Buffer.alloc(0)));
    assert.equal(socket.getFinished().length, 32);
    assert.deepEqual(
      [socket.getFinished(), socket.getPeerFinished()],
      [client.getPeerFinished(), client.getFinished()],
    );
  });

  test('cannot be saved', async (t) => {
    const { socket } = await newerPair(t);
    assert.equal(socket.session, undefined);
    assert.deepEqual(socket.outCounter, Buffer.alloc(8));
  });

  test('sleeps and wakes', async (t) => {
    const { socket, client } = await newerPair(t, { serverOptions: { hibernateAfter: 20 } });
    for (const text of ['one', 'two', 'three']) {
      const received = messages(socket, 1);
      client.write(text);
      assert.deepEqual(await received, [text]);
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
  });

  test('agrees on an application protocol', async (t) => {
    const { socket, client } = await newerPair(t, {
      serverOptions: { ALPNProtocols: ['h2', 'coap'] },
      clientOptions: { ALPNProtocols: ['coap', 'h2'] },
    });
    assert.deepEqual([socket.alpnProtocol, client.alpnProtocol], ['h2', 'h2']);
  });
});

describe('pskKeyExchangeModes', { skip }, () => {
  test('lets two sides do without a key exchange where both want that', async (t) => {
    for (const [ofServer, ofClient, code] of [
      [['psk_dhe_ke', 'psk_ke'], 'psk_ke'],
      ['psk_ke', 'psk_dhe_ke:psk_ke'],
      [undefined, 'psk_ke', 'ERR_DTLS_ALERT_RECEIVED'],
    ]) {
      const server = await startServer(t, { psk: { bob: BOB.psk }, ...NEWER, pskKeyExchangeModes: ofServer });
      const client = openClient(t, server, { ...BOB, ...NEWER, pskKeyExchangeModes: ofClient });
      if (code === undefined) await event(client, 'secureConnect');
      else assert.equal((await event(client, 'error'))[0].code, code);
    }
  });

  test('has two names', () => {
    for (const pskKeyExchangeModes of ['psk', [], ['psk_ke', 'PSK_DHE_KE'], 1]) {
      const isRefused = ({ code }) => code.startsWith('ERR_INVALID_ARG_');
      assert.throws(() => createServer({ psk: 'secret', pskKeyExchangeModes }), isRefused);
    }
  });
});

describe('questions to the application in DTLS 1.3', { skip }, () => {
  test('the key may be looked up, and the client be asked who it is', async (t) => {
    const asked = [];
    const server = await startServer(t, {
      ...NEWER,
      pskCallback: async (_, identity) => {
        asked.push(identity);
        return BOB.psk;
      },
    });
    const client = openClient(t, server, {
      ...NEWER,
      pskCallback: async (hint) => {
        asked.push(hint);
        return { psk: BOB.psk, identity: 'bob' };
      },
    });
    await event(client, 'secureConnect');
    assert.deepEqual(asked, [null, 'bob']);
  });

  test('a client that needs a hint goes on in the older version, however its callback says so', async (t) => {
    const keys = new Map([['tenant', { psk: BOB.psk, identity: 'bob' }]]);
    for (const pskCallback of [
      (hint) => keys.get(hint),
      async (hint) => keys.get(hint.toLowerCase()),
      (hint) => ({ psk: keys.get(hint)?.psk, identity: hint && 'bob' }),
      (hint) => ({ psk: BOB.psk, identity: hint === null ? '' : 'bob' }),
    ]) {
      const options = { psk: { bob: BOB.psk }, pskIdentityHint: 'tenant', maxVersion: 'DTLSv1.3' };
      const server = await startServer(t, options);
      const client = openClient(t, server, { pskCallback, maxVersion: 'DTLSv1.3' });
      await event(client, 'secureConnect');
      assert.equal(client.getProtocol(), 'DTLSv1.2');
    }
  });

  test('a client that needs a hint and has the newer version alone fails as its callback does', async (t) => {
    const server = await startServer(t, { psk: { bob: BOB.psk }, maxVersion: 'DTLSv1.3' });
    for (const [pskCallback, code] of [
      [() => null, 'ERR_DTLS_NO_PSK'],
      [(hint) => hint.length, 'ERR_DTLS_LOOKUP_FAILED'],
      [() => ({ psk: BOB.psk, identity: '' }), 'ERR_DTLS_LOOKUP_FAILED'],
    ]) {
      const [error] = await event(openClient(t, server, { pskCallback, ...NEWER }), 'error');
      assert.equal(error.code, code);
    }
  });

  test('a wrong key and an unknown identity are told apart by the server alone', async (t) => {
    for (const [options, code] of [
      [{ psk: 'another', pskIdentity: 'bob' }, 'ERR_DTLS_WRONG_PSK'],
      [{ psk: BOB.psk, pskIdentity: 'eve' }, 'ERR_DTLS_UNKNOWN_PSK_IDENTITY'],
    ]) {
      const server = await startServer(t, { psk: { bob: BOB.psk }, maxVersion: 'DTLSv1.3' });
      const client = openClient(t, server, { ...options, ...NEWER });
      const [[error], [ours]] = await Promise.all([event(server, 'clientError'), event(client, 'error')]);
      assert.deepEqual([error.code, error.alert], [code, 51]);
      assert.deepEqual([ours.code, ours.alert], ['ERR_DTLS_ALERT_RECEIVED', 51]);
    }
  });

  test('SNICallback and ALPNCallback choose', async (t) => {
    const context = createSecureContext({ pskIdentityHint: 'tenant', ...NEWER });
    const server = await startServer(t, {
      psk: { bob: BOB.psk },
      maxVersion: 'DTLSv1.3',
      SNICallback: async (name) => (name === 'a.test' ? context : null),
      ALPNCallback: ({ servername, protocols }) => (servername === 'a.test' ? protocols[1] : undefined),
    });
    const client = openClient(t, server, { ...BOB, ...NEWER, servername: 'a.test', ALPNProtocols: ['one', 'two'] });
    await event(client, 'secureConnect');
    assert.equal(client.alpnProtocol, 'two');
  });
});

describe('versions', { skip }, () => {
  test('a server answers each client in its own', async (t) => {
    const server = await startServer(t, { psk: { bob: BOB.psk }, maxVersion: 'DTLSv1.3' });
    for (const version of ['DTLSv1.2', 'DTLSv1.3']) {
      const client = openClient(t, server, { ...BOB, minVersion: version, maxVersion: version });
      await event(client, 'secureConnect');
      assert.equal(client.getProtocol(), version);
    }
  });

  test('a client of both offers them in one hello', async (t) => {
    for (const [maxVersion, expected] of [
      ['DTLSv1.3', 'DTLSv1.3'],
      ['DTLSv1.2', 'DTLSv1.2'],
    ]) {
      const server = await startServer(t, { psk: { bob: BOB.psk }, maxVersion });
      const client = openClient(t, server, { ...BOB, maxVersion: 'DTLSv1.3' });
      await event(client, 'secureConnect');
      assert.equal(client.getProtocol(), expected);
    }
  });

  test('a server that saves connections stays with the older, unless it has been told otherwise', async (t) => {
    const protocolOf = async (server) => {
      const client = openClient(t, server, { ...BOB, maxVersion: 'DTLSv1.3' });
      await event(client, 'secureConnect');
      return client.getProtocol();
    };
    const saving = (server) => server.on('resumeSession', (_key, _socket, callback) => callback(null, null));
    const told = await startServer(t, { psk: { bob: BOB.psk }, maxVersion: 'DTLSv1.3' });
    assert.equal(await protocolOf(saving(told)), 'DTLSv1.3');
    const { maxVersion } = defaults.server;
    defaults.server.maxVersion = 'DTLSv1.3';
    t.after(() => {
      defaults.server.maxVersion = maxVersion;
    });
    const server = await startServer(t);
    assert.equal(await protocolOf(server), 'DTLSv1.3');
    assert.equal(await protocolOf(saving(server)), 'DTLSv1.2');
    server.removeAllListeners('resumeSession');
    assert.equal(await protocolOf(server), 'DTLSv1.3');
    saving(server).setSecureContext({ maxVersion: 'DTLSv1.3' });
    assert.equal(await protocolOf(server), 'DTLSv1.3');
    // Some have no other, or are for somebody who wants no other.
    const other = await startServer(t, { psk: { bob: BOB.psk }, ciphers: 'TLS_AES_128_GCM_SHA256' });
    other.addContext('a.test', { pskIdentityHint: 'a', minVersion: 'DTLSv1.3' });
    assert.equal(await protocolOf(saving(other)), 'DTLSv1.3');
  });

  test('options that only the older has leave the newer out, unless that is asked for', async (t) => {
    const { server: ofServer, client: ofClient } = defaults;
    const before = [ofServer.maxVersion, ofClient.maxVersion];
    t.after(() => {
      [ofServer.maxVersion, ofClient.maxVersion] = before;
    });
    ofServer.maxVersion = ofClient.maxVersion = 'DTLSv1.3';
    const srtpProfiles = 'SRTP_AEAD_AES_128_GCM';
    for (const [serverOptions, clientOptions, expected] of [
      [{ srtpProfiles }, {}, 'DTLSv1.2'],
      [{}, { srtpProfiles }, 'DTLSv1.2'],
      [{}, { maxFragmentLength: 512 }, 'DTLSv1.2'],
      [{ srtpProfiles, maxVersion: 'DTLSv1.3' }, { srtpProfiles, maxVersion: 'DTLSv1.3' }, 'DTLSv1.3'],
    ]) {
      const { client } = await connectedPair(t, { serverOptions, clientOptions });
      assert.equal(client.getProtocol(), expected);
    }
    const server = await startServer(t);
    server.setSecureContext({ srtpProfiles });
    const client = openClient(t, server);
    await event(client, 'secureConnect');
    assert.equal(client.getProtocol(), 'DTLSv1.2');
  });

  test('a server that has only the newer refuses a client of the older at once', async (t) => {
    const server = await startServer(t, { psk: { bob: BOB.psk }, ...NEWER });
    const client = openClient(t, server, { ...BOB, maxVersion: 'DTLSv1.2' });
    const [error] = await event(client, 'error');
    assert.deepEqual([error.code, error.alert], ['ERR_DTLS_WRONG_VERSION', 70]);
  });

  test('what cannot work is refused with its reason', () => {
    const port = 5684;
    for (const [make, code] of [
      [() => createServer({ psk: 'secret', minVersion: 'DTLSv1.3', maxVersion: 'DTLSv1.2' }), 'ERR_INVALID_ARG_VALUE'],
      [() => createServer({ psk: 'secret', maxVersion: 'DTLSv1.1' }), 'ERR_INVALID_ARG_VALUE'],
      [() => createServer({ psk: 'secret', maxVersion: 1.3 }), 'ERR_INVALID_ARG_VALUE'],
      [() => createServer({ psk: 'secret', ...NEWER, maxFragmentLength: 512 }), 'ERR_INVALID_ARG_VALUE'],
      [() => connect({ port, ...BOB, ...NEWER, srtpProfiles: 'SRTP_AEAD_AES_128_GCM' }), 'ERR_INVALID_ARG_VALUE'],
      [() => createSecureContext({ ...NEWER, maxFragmentLength: 512 }), 'ERR_INVALID_ARG_VALUE'],
      [() => connect({ port, ...BOB, ...NEWER, pskIdentity: '' }), 'ERR_OUT_OF_RANGE'],
      [() => createServer({ psk: 'secret', ...OLDER, ciphers: 'TLS_AES_128_GCM_SHA256' }), 'ERR_DTLS_NO_USABLE_CIPHER'],
      [() => createServer({ psk: 'secret', ...NEWER, ciphers: 'PSK-AES128-CCM8' }), 'ERR_DTLS_NO_USABLE_CIPHER'],
      [() => connect({ port, ...BOB, ...NEWER, ciphers: 'PSK-AES128-CCM8' }), 'ERR_DTLS_NO_USABLE_CIPHER'],
      [() => connect({ port, ...BOB, ...NEWER, ecdhCurve: 'P-521' }), 'ERR_DTLS_INVALID_CURVE'],
    ]) {
      assert.throws(make, { code }, make.toString());
    }
  });
});

test('a build without AWS-LC refuses DTLS 1.3', { skip: hasNewer && 'this build has it' }, () => {
  for (const make of [
    () => createServer({ psk: 'secret', ...NEWER }),
    () => connect({ port: 5684, ...BOB, ...NEWER }),
  ]) {
    assert.throws(make, { code: 'ERR_DTLS_INVALID_VERSION' });
  }
  for (const make of [
    () => createServer({ psk: 'secret', maxVersion: 'DTLSv1.3' }),
    () => connect({ port: 5684, ...BOB, maxVersion: 'DTLSv1.3' }).destroy(),
  ]) {
    assert.doesNotThrow(make);
  }
});
