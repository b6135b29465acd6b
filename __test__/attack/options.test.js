'use strict';

// Whoever can write to Object.prototype, by some other library's fault, does not write options of ours. Each case runs in a
// process of its own: the test runner does not want its prototypes changed either.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const path = require('node:path');
const process = require('node:process');
const { describe, test } = require('node:test');
const { promisify } = require('node:util');

const certificates = require('../support/certificates.js');

const skip = certificates.available ? false : 'openssl not found';
const VICTIM = path.join(__dirname, 'prototype', 'victim.js');

async function run(role, polluted) {
  const { stdout } = await promisify(execFile)(process.execPath, [VICTIM, role, polluted]);
  return stdout.trim();
}

describe('a client is not made to trust a stranger', { skip }, () => {
  test('in a process where nothing is wrong', async () => {
    assert.equal(await run('client', 'nothing'), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  const names = [
    'peerPublicKey',
    'rejectUnauthorized',
    'verifyPeer',
    'checkServerIdentity',
    'ca',
    'CACert',
    'servername',
  ];
  for (const name of [
    ...names,
    'psk',
    'pskIdentity',
    'pskCallback',
    'omitServerCertificate',
    'crl',
    'pfx',
    'compat',
    'asksForPsk',
    'leavesName',
  ]) {
    test(`by Object.prototype.${name}`, async () => {
      assert.equal(await run('client', name), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    });
  }
});

describe('a server is not made to let a stranger in', { skip }, () => {
  test('in a process where nothing is wrong', async () => {
    assert.equal(await run('server', 'nothing'), 'refused');
  });

  const names = ['rejectUnauthorized', 'requestCert', 'verifyPeer', 'peerPublicKey', 'ca', 'psk', 'pskCallback'];
  for (const name of [...names, 'identityPskCallback', 'psk_cb', 'SNICallback', 'compat', 'insecureLegacyAlerts']) {
    test(`by Object.prototype.${name}`, async () => {
      assert.equal(await run('server', name), 'refused');
    });
  }
});
