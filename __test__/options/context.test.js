'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const certificates = require('../support/certificates.js');
const { BOB, HOST, event, messages, openClient, startServer } = require('../support/endpoints.js');
const openssl = require('../support/openssl.js');
const { fingerprint, own, shownTo } = require('../support/shown.js');

const skip = certificates.available ? false : 'openssl not found';

describe('addContext', { skip }, () => {
  test('shows a certificate by the name that a client asks for', async (t) => {
    const server = await startServer(t, own('server'));
    server.addContext('elsewhere.test', own('wrongName'));
    server.addContext('*.example.test', own('serverRsa'));
    for (const [servername, name] of [
      ['elsewhere.test', 'wrongName'],
      ['ELSEWHERE.test', 'wrongName'],
      ['a.example.test', 'serverRsa'],
      ['a.b.example.test', 'server'],
      ['example.test', 'server'],
      ['localhost', 'server'],
      [HOST, 'server'],
    ]) {
      assert.equal(await shownTo(t, server, servername), fingerprint(name), servername);
    }
  });

  test('replaces what was added under the same name, and prefers what came last', async (t) => {
    const server = await startServer(t, own('server'));
    server.addContext('a.example.test', own('serverRsa'));
    server.addContext('*.example.test', own('wrongName'));
    assert.equal(await shownTo(t, server, 'a.example.test'), fingerprint('wrongName'));
    server.addContext('A.example.test', own('otherIssuer'));
    assert.equal(await shownTo(t, server, 'a.example.test'), fingerprint('otherIssuer'));
  });

  test('keeps the pre-shared keys, and the server learns the name', async (t) => {
    const server = await startServer(t, { psk: { bob: BOB.psk } });
    server.addContext('localhost', own('server'));
    const [opening, opened] = ['connection', 'secureConnection'].map((name) => event(server, name));
    assert.equal(await shownTo(t, server, 'localhost'), fingerprint('server'));
    assert.equal((await opening)[0].servername, 'localhost');
    await opened;
    const secure = event(server, 'secureConnection');
    await event(openClient(t, server), 'secureConnect');
    assert.equal((await secure)[0].servername, false);
  });

  test('refuses what it cannot use, and changes nothing', async (t) => {
    const server = await startServer(t, own('server'));
    const { key } = certificates.client;
    assert.throws(() => server.addContext('localhost', { ...own('serverRsa'), key }), {
      code: 'ERR_DTLS_KEY_MISMATCH',
    });
    assert.throws(() => server.addContext('', own('serverRsa')), { code: 'ERR_INVALID_ARG_VALUE' });
    assert.throws(() => server.addContext('a.*.test', own('serverRsa')), { code: 'ERR_INVALID_ARG_VALUE' });
    assert.throws(() => server.addContext('localhost', { ...own('server'), psk: 'a' }), {
      code: 'ERR_INVALID_ARG_VALUE',
    });
    assert.throws(() => server.addContext('localhost', {}), { code: 'ERR_MISSING_OPTION' });
    for (const context of [undefined, null, 5, 'localhost', []]) {
      assert.throws(() => server.addContext('localhost', context), {
        code: 'ERR_INVALID_ARG_TYPE',
        message: /^The "context" argument must be an instance of SecureContext or of type object/,
      });
    }
    assert.equal(await shownTo(t, server, 'localhost'), fingerprint('server'));
  });

  test('verifies clients by its own authorities', async (t) => {
    const server = await startServer(t, { ...own('server'), ca: certificates.otherCa.cert });
    server.addContext('localhost', { ...own('server'), ca: certificates.ca.cert });
    const options = { ...own('client'), ca: certificates.ca.cert };
    await event(openClient(t, server, { ...options, servername: 'localhost' }), 'secureConnect');
    const refusal = event(server, 'clientError');
    openClient(t, server, { ...options, servername: HOST }).on('error', () => {});
    assert.equal((await refusal)[0].code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });
});

describe('setSecureContext', { skip }, () => {
  test('shows another certificate from now on, and drops no connection', async (t) => {
    const server = await startServer(t, own('server'), (socket) => socket.on('data', (data) => socket.write(data)));
    const before = openClient(t, server, { ca: certificates.ca.cert });
    await event(before, 'secureConnect');
    server.setSecureContext(own('serverRsa'));
    assert.equal(await shownTo(t, server, 'localhost'), fingerprint('serverRsa'));
    const echo = messages(before, 1);
    before.write('still here');
    assert.deepEqual(await echo, ['still here']);
  });

  test('changes what it is told, and nothing else', async (t) => {
    const server = await startServer(t, { ...own('server'), ca: certificates.ca.cert, ALPNProtocols: ['coap'] });
    server.setSecureContext({ ca: certificates.otherCa.cert });
    const refusal = event(server, 'clientError');
    const options = { ...own('client'), ca: certificates.ca.cert, ALPNProtocols: ['coap'] };
    openClient(t, server, options).on('error', () => {});
    assert.equal((await refusal)[0].code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    server.setSecureContext({ ca: certificates.ca.cert });
    const client = openClient(t, server, options);
    await event(client, 'secureConnect');
    assert.equal(client.alpnProtocol, 'coap');
  });
});

test('openssl s_client is shown the certificate of the name', { skip: openssl.missing || skip }, async (t) => {
  const server = await startServer(t, own('server'));
  server.addContext('elsewhere.test', own('wrongName'));
  const args = ['-servername', 'elsewhere.test', '-CAfile', certificates.ca.certPath];
  const peer = openssl.sClient(t, server.address().port, args);
  await peer.printed('subject=CN = elsewhere.test');
});
