'use strict';

// OpenSSL in both roles: what is refused, and how connections end. The matrix has what works.

const assert = require('node:assert/strict');
const { createPublicKey } = require('node:crypto');
const { describe, test } = require('node:test');

const certificates = require('../support/certificates.js');
const { HOST, event, freePort, openClient, startServer } = require('../support/endpoints.js');
const openssl = require('../support/openssl.js');
const { connect, versions } = require('../..');

const KEY = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
const PSK = ['-psk', KEY.toString('hex')];
const onlyOlder = versions['aws-lc'] === undefined && 'this build has no DTLS 1.3';
const { server, ca } = openssl.missing ? {} : certificates;

describe('openssl s_client', { skip: openssl.missing && `skipped (${openssl.missing})` }, () => {
  const psk = { psk: { sensor: KEY } };
  const identity = [...PSK, '-psk_identity', 'sensor'];

  test('closes cleanly when we do', async (t) => {
    const ours = await startServer(t, psk, (socket) => socket.end('goodbye\n'));
    const peer = openssl.sClient(t, ours.address().port, [...identity, '-cipher', 'PSK-AES128-GCM-SHA256']);
    await peer.printed('goodbye\n');
    await peer.printed('closed');
  });

  test('is told bad_record_mac alike for an unknown identity and for a wrong key', async (t) => {
    const ours = await startServer(t, psk);
    const codes = [];
    ours.on('clientError', (error) => codes.push(error.code));
    for (const [name, key] of [
      ['nobody', KEY],
      ['sensor', Buffer.alloc(16, 1)],
    ]) {
      const args = ['-psk', key.toString('hex'), '-psk_identity', name, '-cipher', 'PSK-AES128-GCM-SHA256'];
      const peer = openssl.sClient(t, ours.address().port, args);
      await peer.printed('alert bad record mac');
      assert.equal(await peer.exit(), 1);
    }
    assert.deepEqual(codes, ['ERR_DTLS_UNKNOWN_PSK_IDENTITY', 'ERR_DTLS_WRONG_PSK']);
  });

  test('hears why when there is no common suite', async (t) => {
    const ours = await startServer(t, psk);
    const failure = event(ours, 'clientError');
    const peer = openssl.sClient(t, ours.address().port, ['-cipher', 'ECDHE-ECDSA-AES128-GCM-SHA256']);
    assert.equal((await failure)[0].code, 'ERR_DTLS_NO_SHARED_CIPHER');
    await peer.printed('alert handshake failure');
  });
});

describe('openssl s_server', { skip: openssl.missing && `skipped (${openssl.missing})` }, () => {
  const psk = { psk: KEY, pskIdentity: 'sensor' };
  const verified = { ca: ca?.cert, servername: 'localhost' };
  const pskServer = [...PSK, '-psk_identity', 'sensor', '-nocert'];

  test('hears our goodbye', async (t) => {
    const port = await freePort();
    const peer = openssl.sServer(t, port, [...pskServer, '-cipher', 'PSK-AES128-GCM-SHA256']);
    await peer.printed('ACCEPT');
    const client = openClient(t, { address: () => ({ port }) }, psk);
    await event(client, 'secureConnect');
    const closed = event(client, 'close');
    client.end();
    assert.deepEqual(await closed, [false]);
    await peer.printed('DONE');
  });

  for (const name of ['server', 'serverRsa']) {
    test(`takes the hello of a client of both versions, and shows ${name}`, { skip: onlyOlder }, async (t) => {
      const port = await freePort();
      const { certPath, keyPath } = certificates[name];
      const peer = openssl.sServer(t, port, ['-cert', certPath, '-key', keyPath]);
      await peer.printed('ACCEPT');
      const client = openClient(t, { address: () => ({ port }) }, { ...verified, maxVersion: 'DTLSv1.3' });
      await event(client, 'secureConnect');
      assert.equal(client.getProtocol(), 'DTLSv1.2');
    });
  }

  for (const [what, name, options, code] of [
    ['an unknown CA', 'otherIssuer', {}, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['a self-signed certificate', 'selfSigned', {}, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['an expired certificate', 'expired', {}, 'CERT_HAS_EXPIRED'],
    ['a certificate that is not yet valid', 'notYetValid', {}, 'CERT_NOT_YET_VALID'],
    ['another name', 'wrongName', {}, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['another address', 'server', { servername: '127.0.0.2' }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['a client certificate', 'client', {}, 'INVALID_PURPOSE'],
    ['a forged CA, by INTEGER', 'forgedInteger', {}, 'ERR_DTLS_INVALID_PEER_CERTIFICATE'],
    ['a forged CA, by trailing bytes', 'forgedOutside', {}, 'ERR_DTLS_INVALID_PEER_CERTIFICATE'],
  ]) {
    test(`is refused with ${what}`, async (t) => {
      const port = await freePort();
      const { certPath, keyPath } = certificates[name];
      const chain = name.startsWith('forged') ? ['-cert_chain', certPath] : [];
      const peer = openssl.sServer(t, port, ['-cert', certPath, '-key', keyPath, ...chain]);
      await peer.printed('ACCEPT');
      const client = connect({ host: HOST, port, ...verified, ...options });
      const [error] = await event(client, 'error');
      assert.equal(error.code, code);
      assert.equal(error.port, port);
      await peer.printed('alert');
    });
  }

  test('is accepted by its IP address, through an intermediate CA', async (t) => {
    const port = await freePort();
    const { certPath, keyPath } = certificates.intermediate;
    const peer = openssl.sServer(t, port, ['-cert', certPath, '-key', keyPath, '-cert_chain', certPath]);
    await peer.printed('ACCEPT');
    const client = openClient(t, { address: () => ({ port }) }, { ca: ca.cert, servername: '127.0.0.1' });
    await event(client, 'secureConnect');
  });

  test('with another key is an error that says so', async (t) => {
    const port = await freePort();
    const peer = openssl.sServer(t, port, ['-psk', '11'.repeat(16), '-nocert']);
    await peer.printed('ACCEPT');
    // OpenSSL's server says nothing to a client whose Finished it cannot read.
    const client = connect({ host: HOST, port, ...psk, handshakeTimeout: 500 });
    const [error] = await event(client, 'error');
    assert.equal(error.code, 'ERR_DTLS_HANDSHAKE_TIMEOUT');
    assert.match(error.message, /pre-shared key/);
  });
});

describe('client certificates', { skip: openssl.missing && `skipped (${openssl.missing})` }, () => {
  const { client, otherIssuer, selfSigned } = certificates;
  const asks = { key: server?.key, cert: server?.cert, ca: ca?.cert };
  const publicKeyOf = ({ cert }) => createPublicKey(cert).export({ type: 'spki', format: 'der' });
  const presents = ({ certPath, keyPath }) => ['-CAfile', ca.certPath, '-cert', certPath, '-key', keyPath];

  for (const [what, credential, code] of [
    ['of an unknown CA', otherIssuer, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['that are self-signed', selfSigned, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['for servers', server, 'INVALID_PURPOSE'],
  ]) {
    test(`${what} are refused by our server`, async (t) => {
      const ours = await startServer(t, asks);
      const refusal = event(ours, 'clientError');
      const peer = openssl.sClient(t, ours.address().port, presents(credential));
      assert.equal((await refusal)[0].code, code);
      await peer.printed('SSL alert number');
    });
  }

  for (const [cipher, hash] of [
    ['ECDHE-ECDSA-AES128-GCM-SHA256', 'SHA384'],
    ['ECDHE-ECDSA-AES256-GCM-SHA384', 'SHA256'],
  ]) {
    // The client chooses the hash, whatever the hash of the suite is (RFC 5246 section 7.4.8).
    test(`are proved with ${hash} under ${cipher}`, async (t) => {
      const ours = await startServer(t, { ...asks, sigalgs: 'ECDSA+SHA256:ECDSA+SHA384' });
      const accepted = event(ours, 'secureConnection');
      const choice = ['-cipher', cipher, '-client_sigalgs', `ECDSA+${hash}`, '-sigalgs', `ECDSA+${hash}`];
      openssl.sClient(t, ours.address().port, [...presents(client), ...choice]);
      const [socket] = await accepted;
      assert.equal(socket.authorized, true);
      assert.equal(socket.getCipher().name, cipher);
    });
  }

  test('that openssl s_client does not have are required by our server', async (t) => {
    const ours = await startServer(t, asks);
    const refusal = event(ours, 'clientError');
    const peer = openssl.sClient(t, ours.address().port, []);
    assert.equal((await refusal)[0].code, 'ERR_DTLS_NO_PEER_CERTIFICATE');
    await peer.printed('alert handshake failure');
  });

  for (const [name, own] of [
    ['ECDSA', client],
    ['RSA', certificates.serverRsa],
  ]) {
    test(`of ours are verified by openssl s_server, ${name}`, async (t) => {
      const port = await freePort();
      const purpose = name === 'RSA' ? ['-purpose', 'any'] : [];
      const args = [...presents(server), '-Verify', '3', '-verify_return_error', ...purpose];
      const peer = openssl.sServer(t, port, args);
      await peer.printed('ACCEPT');
      const { key, cert } = own;
      const options = { ca: ca.cert, servername: 'localhost', key, cert };
      const connected = openClient(t, { address: () => ({ port }) }, options);
      await event(connected, 'secureConnect');
      assert.deepEqual(connected.publicKey, publicKeyOf(server));
      connected.write('a line from us\n');
      await peer.printed('a line from us\n');
    });
  }

  test('that our client does not have are required by openssl s_server', async (t) => {
    const port = await freePort();
    const args = [...presents(server), '-Verify', '3', '-verify_return_error'];
    const peer = openssl.sServer(t, port, args);
    await peer.printed('ACCEPT');
    const connected = openClient(t, { address: () => ({ port }) }, { ca: ca.cert, servername: 'localhost' });
    const [error] = await event(connected, 'error');
    assert.equal(error.code, 'ERR_DTLS_ALERT_RECEIVED');
  });
});
