'use strict';

// Certificate revocation lists.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const certificates = require('../support/certificates.js');
const { attempt } = require('../support/outcomes.js');
const { revocationList } = require('../support/revocation.js');
const { byAwsLc } = require('../support/verifier.js');
const { createServer } = require('../..');

const skip = certificates.available ? false : 'openssl not found';

const own = (name) => ({ key: certificates[name].key, cert: certificates[name].cert });

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
    const code = byAwsLc ? 'CRL_SIGNATURE_FAILURE' : 'UNABLE_TO_GET_CRL';
    assert.equal((await attempt(t, own('server'), { crl: forged })).outcome.code, code);
  });

  test('that cannot be read is refused at once', () => {
    const crl = Buffer.from('no list');
    assert.throws(() => createServer({ psk: 'secret', crl }), { code: 'ERR_DTLS_INVALID_CRL' });
  });
});
