'use strict';

// checkServerIdentity, in the form of node:tls.

const assert = require('node:assert/strict');
const { createPublicKey } = require('node:crypto');
const { describe, test } = require('node:test');
const tls = require('node:tls');

const certificates = require('../support/certificates.js');
const { attempt } = require('../support/outcomes.js');

const skip = certificates.available ? false : 'openssl not found';

const own = (name) => ({ key: certificates[name].key, cert: certificates[name].cert });

describe('checkServerIdentity', { skip }, () => {
  test("replaces the engine's comparison of names", async (t) => {
    const asked = [];
    const checkServerIdentity = (servername, cert) => {
      asked.push(servername, cert.subject.CN);
    };
    const { client, outcome } = await attempt(t, own('wrongName'), { servername: 'localhost', checkServerIdentity });
    assert.equal(outcome, 'secure');
    assert.equal(client.authorized, true);
    assert.deepEqual(asked, ['localhost', 'elsewhere.test']);
    const { checkServerIdentity: usual } = tls;
    assert.equal((await attempt(t, own('server'), { checkServerIdentity: usual })).outcome, 'secure');
  });

  test('refuses with its own error', async (t) => {
    const { checkServerIdentity } = tls;
    const { outcome } = await attempt(t, own('wrongName'), { servername: 'localhost', checkServerIdentity });
    assert.equal(outcome.code, 'ERR_TLS_CERT_ALTNAME_INVALID');
    assert.equal(outcome.cause.host, 'localhost');
    const mine = Object.assign(new Error('not this one'), { code: 'MINE' });
    assert.equal((await attempt(t, own('server'), { checkServerIdentity: () => mine })).outcome.code, 'MINE');
  });

  test('does not replace the verification of the chain, nor end the process when it throws', async (t) => {
    const trusting = { checkServerIdentity: () => {} };
    const { outcome } = await attempt(t, own('otherIssuer'), trusting);
    assert.equal(outcome.code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    const checkServerIdentity = () => {
      throw new Error('broken');
    };
    const thrown = await attempt(t, own('server'), { checkServerIdentity });
    assert.equal(thrown.outcome.code, 'ERR_DTLS_LOOKUP_FAILED');
    assert.equal(thrown.outcome.cause.message, 'broken');
  });

  test('only sets authorizationError with rejectUnauthorized: false', async (t) => {
    const { checkServerIdentity } = tls;
    const options = { servername: 'localhost', checkServerIdentity, rejectUnauthorized: false };
    const { client, outcome } = await attempt(t, own('wrongName'), options);
    assert.equal(outcome, 'secure');
    assert.deepEqual([client.authorized, client.authorizationError], [false, 'ERR_TLS_CERT_ALTNAME_INVALID']);
  });

  test('does not let in an unexpected raw public key', async (t) => {
    const { key } = certificates.server;
    const options = { peerPublicKey: publicKeyOf('client'), checkServerIdentity: () => {} };
    const { outcome } = await attempt(t, { key }, { ca: undefined, ...options });
    assert.equal(outcome.code, 'ERR_DTLS_PEER_KEY_MISMATCH');
  });
});

function publicKeyOf(name) {
  return createPublicKey(certificates[name].key).export({ type: 'spki', format: 'pem' });
}
