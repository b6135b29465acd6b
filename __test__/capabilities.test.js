'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const dtls = require('..');
const { BOB, connectedPair, event, openClient, startServer } = require('./support/endpoints.js');
const { NAMES, inOlderVersion } = require('./support/older-version.js');

test('every suite is accepted by the name under which it is listed', () => {
  const names = dtls.getCiphers();
  assert.equal(new Set(names).size, names.length);
  assert(names.includes('PSK-AES128-CCM8'));
  for (const name of names) {
    const credentials = name.includes('PSK') ? { psk: BOB.psk } : {};
    try {
      dtls.createServer({ psk: 'secret', ...credentials, ciphers: name });
    } catch (error) {
      // A server without a certificate cannot use a suite for certificates, but the name is known.
      assert.equal(error.code, 'ERR_DTLS_NO_USABLE_CIPHER', name);
      assert.doesNotMatch(name, /PSK/);
    }
  }
});

test("a connection's suite is listed", async (t) => {
  const { client } = await connectedPair(t);
  assert(dtls.getCiphers().includes(client.getCipher().name));
});

test('curves are listed best first, and the list is a copy', () => {
  assert.equal(dtls.getCurves()[0], 'P-256');
  dtls.getCurves().length = 0;
  assert(dtls.getCurves().includes('X25519'));
});

test('constants and versions are in the order of their names', () => {
  for (const table of [dtls.constants, dtls.versions]) {
    const names = Object.keys(table);
    assert(names.length > 1);
    assert.deepEqual(names, names.toSorted());
  }
});

test('constants and versions cannot be changed', () => {
  assert.equal(dtls.constants.ALERT_CLOSE_NOTIFY, 0);
  assert.equal(dtls.constants.MAX_PSK_LENGTH, 64);
  assert(Object.isFrozen(dtls.constants));
  assert(Object.isFrozen(dtls.versions));
  assert.equal(dtls.versions['mbed-dtls'], require('../package.json').version);
  assert.match(dtls.versions.mbedtls, /^2\.28\.\d+$/);
});

test('a build has AWS-LC, DTLS 1.3 and its suites, or none of the three', () => {
  const { 'aws-lc': awsLc, dtls: spoken } = dtls.versions;
  const hasNewer = dtls.getCiphers().includes('TLS_AES_128_GCM_SHA256');
  assert.equal(spoken, hasNewer ? '1.2, 1.3' : '1.2');
  if (hasNewer) assert.match(awsLc, /^(AWS-LC )?\d+\.\d+\.\d+/);
  else assert.equal(awsLc, undefined);
});

test("an error's errno is among the constants", async (t) => {
  inOlderVersion(t, NAMES);
  const server = await startServer(t);
  const client = openClient(t, server, { ...BOB, psk: 'not the secret of bob' });
  const [error] = await event(client, 'error');
  assert.equal(error.errno, dtls.constants.MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE);
  assert.equal(error.alert, dtls.constants.ALERT_BAD_RECORD_MAC);
});
