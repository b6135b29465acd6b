'use strict';

const assert = require('node:assert/strict');
const { createPublicKey } = require('node:crypto');
const { describe, test } = require('node:test');
const tls = require('node:tls');

const certificates = require('./support/certificates.js');
const { event, openClient, startServer } = require('./support/endpoints.js');
const { byAwsLc } = require('./support/verifier.js');
const { revocationList } = require('./support/revocation.js');
const { createServer } = require('..');

const skip = certificates.available ? false : 'openssl not found';
const own = (name) => ({ key: certificates[name].key, cert: certificates[name].cert });

/** 'secure', or the error of the side that asks. */
async function attempt(t, serverOptions, clientOptions, side = 'client') {
  const server = await startServer(t, serverOptions);
  const refusal = event(server, 'clientError').then(([error]) => error);
  const client = openClient(t, server, { ca: certificates.ca.cert, ...clientOptions });
  const failure = event(client, 'error').then(([error]) => (side === 'client' ? error : refusal));
  const outcome = await Promise.race([event(client, 'secureConnect').then(() => 'secure'), failure]);
  return { client, outcome };
}

describe('a revocation list', { skip }, () => {
  const list = (...args) => revocationList(certificates.ca, ...args);

  test('refuses the certificates that are on it, on both sides', async (t) => {
    const { server, client } = certificates;
    const crl = list([server, client]);
    assert.equal((await attempt(t, own('server'), { crl })).outcome.code, 'CERT_REVOKED');
    const asks = { ...own('serverRsa'), ca: certificates.ca.cert, crl: [crl] };
    assert.equal((await attempt(t, asks, own('client'), 'server')).outcome.code, 'CERT_REVOKED');
    assert.equal((await attempt(t, own('serverRsa'), { crl })).outcome, 'secure');
  });

  test('is required of every issuer, as soon as there is one', async (t) => {
    const other = revocationList(certificates.otherCa, []);
    assert.equal((await attempt(t, own('server'), { crl: other })).outcome.code, 'UNABLE_TO_GET_CRL');
    assert.equal((await attempt(t, own('intermediate'), { crl: list([]) })).outcome.code, 'UNABLE_TO_GET_CRL');
    const crl = [list([]), revocationList(certificates.intermediateCa, []), other];
    assert.equal((await attempt(t, own('intermediate'), { crl })).outcome, 'secure');
  });

  test('must be genuine and up to date', async (t) => {
    const old = list([], ['20200101000000Z', '20200102000000Z']);
    assert.equal((await attempt(t, own('server'), { crl: old })).outcome.code, 'CRL_HAS_EXPIRED');
    const early = list([], ['20480101000000Z', '20490101000000Z']);
    assert.equal((await attempt(t, own('server'), { crl: early })).outcome.code, 'CRL_NOT_YET_VALID');
    const genuine = list([]).toString();
    const [head, ...lines] = genuine.split('\n');
    const der = Buffer.from(lines.slice(0, -2).join(''), 'base64');
    der[der.length - 1] ^= 1;
    const forged = `${head}\n${der.toString('base64')}\n-----END X509 CRL-----\n`;
    assert.equal(
      (await attempt(t, own('server'), { crl: forged })).outcome.code,
      byAwsLc ? 'CRL_SIGNATURE_FAILURE' : 'UNABLE_TO_GET_CRL',
    );
  });

  test('that cannot be read is refused at once', () => {
    const crl = Buffer.from('no list');
    assert.throws(() => createServer({ psk: 'secret', crl }), { code: 'ERR_DTLS_INVALID_CRL' });
  });
});

describe('checkServerIdentity', { skip }, () => {
  test("takes the place of the engine's comparison", async (t) => {
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

  test('is a matter of authorizationError with rejectUnauthorized: false', async (t) => {
    const { checkServerIdentity } = tls;
    const options = { servername: 'localhost', checkServerIdentity, rejectUnauthorized: false };
    const { client, outcome } = await attempt(t, own('wrongName'), options);
    assert.equal(outcome, 'secure');
    assert.deepEqual([client.authorized, client.authorizationError], [false, 'ERR_TLS_CERT_ALTNAME_INVALID']);
  });

  test('lets no unexpected raw public key in', async (t) => {
    const { key } = certificates.server;
    const options = { peerPublicKey: publicKeyOf('client'), checkServerIdentity: () => {} };
    const { outcome } = await attempt(t, { key }, { ca: undefined, ...options });
    assert.equal(outcome.code, 'ERR_DTLS_PEER_KEY_MISMATCH');
  });
});

function publicKeyOf(name) {
  return createPublicKey(certificates[name].key).export({ type: 'spki', format: 'pem' });
}
