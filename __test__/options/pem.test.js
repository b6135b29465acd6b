'use strict';

// PEM as node:tls takes it, because files hold it.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { test } = require('node:test');
const tls = require('node:tls');

const { connect, createServer } = require('../..');
const { ca, server } = require('../support/certificates.js');
const { fileWith } = require('../support/legacy.js');
const { event, openClient, startServer } = require('../support/endpoints.js');
const openssl = require('../support/openssl.js');

const text = (pem) => pem.toString();
const withBlanks = (pem) => text(pem).replace(/-----$/gm, '----- \t');
const oldLabel = (pem) => text(pem).replaceAll(' CERTIFICATE-----', ' X509 CERTIFICATE-----');

function trusted(t) {
  const args = ['x509', '-in', fileWith(t, ca.cert), '-addtrust', 'serverAuth', '-trustout'];
  return execFileSync('openssl', args, { encoding: 'utf8' });
}

for (const [name, change] of [
  ['with blanks behind BEGIN and END', withBlanks],
  ['with Windows line ends and blanks', (pem) => withBlanks(pem).replace(/\n/g, '\r\n')],
  ['of an X509 CERTIFICATE', oldLabel],
  ['with a NUL behind it, as strings of C have', (pem) => `${pem}\0`],
]) {
  test(`PEM ${name} is accepted where node:tls accepts it`, async (t) => {
    const own = { key: withBlanks(server.key), cert: change(server.cert) };
    tls.createSecureContext({ ...own, ca: change(ca.cert) });
    const endpoint = await startServer(t, own);
    const client = openClient(t, endpoint, { ca: Buffer.from(change(ca.cert)), servername: 'localhost' });
    await event(client, 'secureConnect');
  });
}

test('a TRUSTED CERTIFICATE of OpenSSL is one that is trusted', { skip: openssl.missing }, async (t) => {
  const anchor = trusted(t);
  assert.match(anchor, /TRUSTED CERTIFICATE/);
  const endpoint = await startServer(t, { key: server.key, cert: server.cert });
  const client = openClient(t, endpoint, { ca: anchor, servername: 'localhost' });
  await event(client, 'secureConnect');
});

test('what is broken under these labels is still refused', () => {
  for (const body of ['', 'AA==', 'MIIBAA==', 'MIT/////', Buffer.alloc(200, 0x30).toString('base64')]) {
    for (const label of ['TRUSTED CERTIFICATE', 'X509 CERTIFICATE']) {
      const pem = `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
      assert.throws(() => connect({ port: 1, ca: pem }), { code: 'ERR_DTLS_INVALID_CA' });
      assert.throws(() => createServer({ key: server.key, cert: pem }), { code: 'ERR_DTLS_INVALID_CERT' });
    }
  }
});
