'use strict';

// What a client without `ca` trusts: the certificates that its Node trusts.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const path = require('node:path');
const { describe, test } = require('node:test');
const tls = require('node:tls');
const { promisify } = require('node:util');

const certificates = require('../support/certificates.js');
const { HOST, event, openClient, startServer } = require('../support/endpoints.js');

const skip = certificates.available ? false : 'openssl not found';
const own = (name) => ({ key: certificates[name].key, cert: certificates[name].cert });

/** The fate of a client without `ca` in a process of its own. */
async function outcome(server, { env = {}, before = '' } = {}) {
  const script = `
    ${before}
    const { connect } = require(${JSON.stringify(path.join(__dirname, '..', '..'))});
    const client = connect({ host: '${HOST}', port: ${server.address().port} });
    client.on('secureConnect', () => { console.log(client.authorized); client.destroy(); });
    client.on('error', (error) => console.log(error.code));`;
  const inherited = { ...process.env };
  delete inherited.NODE_EXTRA_CA_CERTS;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], {
    env: { ...inherited, ...env },
  });
  return stdout.trim();
}

describe('without ca, a client trusts', { skip }, () => {
  test("Node's root certificates, all of which the engine can read, and no others", async (t) => {
    const server = await startServer(t, own('server'));
    assert.equal(await outcome(server), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    // They are tried one by one, because the engine skips what it cannot read in a text of several.
    const client = openClient(t, server, { ca: [...tls.rootCertificates, certificates.ca.cert] });
    await event(client, 'secureConnect');
  });

  test('the certificates in NODE_EXTRA_CA_CERTS', async (t) => {
    const server = await startServer(t, own('server'));
    const env = { NODE_EXTRA_CA_CERTS: certificates.ca.certPath };
    assert.equal(await outcome(server, { env }), 'true');
    const other = { NODE_EXTRA_CA_CERTS: certificates.otherCa.certPath };
    assert.equal(await outcome(server, { env: other }), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    const none = { NODE_EXTRA_CA_CERTS: path.join(certificates.directory, 'nowhere.crt') };
    assert.equal(await outcome(server, { env: none }), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  const changes = tls.setDefaultCACertificates === undefined && 'tls.setDefaultCACertificates() is not in this Node.js';
  test('the certificates that tls.setDefaultCACertificates() has set', { skip: changes }, async (t) => {
    const server = await startServer(t, own('server'));
    const file = JSON.stringify(certificates.ca.certPath);
    const before = `require('node:tls').setDefaultCACertificates([require('node:fs').readFileSync(${file}, 'utf8')]);`;
    assert.equal(await outcome(server, { before }), 'true');
  });
});

test('a client with ca of its own does not trust them', { skip }, async (t) => {
  const server = await startServer(t, own('server'));
  const [error] = await event(openClient(t, server, { ca: certificates.otherCa.cert }), 'error');
  assert.equal(error.code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
});
