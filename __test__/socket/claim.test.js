'use strict';

// Operators want to know which device has failed. What it says of itself is on the error and on the socket, unproved.

const assert = require('node:assert/strict');
const { X509Certificate, createPublicKey } = require('node:crypto');
const { test } = require('node:test');
const { inspect } = require('node:util');

const { BOB, event, openClient, startServer } = require('../support/endpoints.js');
const certificates = require('../support/certificates.js');
const { refused } = require('../support/outcomes.js');

for (const [name, client, code] of [
  ['an unknown identity', { psk: BOB.psk, pskIdentity: 'eve' }, 'ERR_DTLS_UNKNOWN_PSK_IDENTITY'],
  ['an identity with a wrong key', { psk: 'not the secret', pskIdentity: 'bob' }, 'ERR_DTLS_WRONG_PSK'],
]) {
  test(`${name} is on the error and on the socket, and no key is`, async (t) => {
    const server = await startServer(t);
    const failure = event(server, 'clientError');
    openClient(t, server, client).on('error', () => {});
    const [error, socket] = await failure;
    assert.equal(error.code, code);
    assert.equal(error.pskIdentity.toString(), client.pskIdentity);
    assert.equal(socket.claim.pskIdentity.toString(), client.pskIdentity);
    assert.equal(socket.pskIdentity, undefined, 'nothing was confirmed');
    for (const key of [BOB.psk, client.psk]) {
      assert(!inspect(error, { depth: 9, showHidden: true }).includes(key));
      assert(!inspect(error, { depth: 9 }).includes(Buffer.from(key).toString('hex').slice(0, 16)));
    }
  });
}

test('subject and public key of a refused certificate are on the errors of whoever refuses', async (t) => {
  const { key: ownKey, cert } = certificates.server;
  const { clientError } = await refused(t, { key: ownKey, cert }, { ca: certificates.otherCa.cert });
  const shown = new X509Certificate(certificates.server.cert);
  assert.equal(clientError.subject, shown.subject);
  const key = createPublicKey(certificates.server.cert).export({ format: 'der', type: 'spki' });
  assert.deepEqual(clientError.publicKey, key);
});

test('an error without a handshake claims nothing', async (t) => {
  const server = await startServer(t);
  const client = openClient(t, server);
  await event(client, 'secureConnect');
  assert.equal(client.claim, null);
});
