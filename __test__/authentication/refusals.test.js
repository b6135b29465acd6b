'use strict';

// Every fault of a certificate or raw public key, in both roles: the side that refuses reports a code of its own and
// sends an alert, which the other side gets. Where node:tls has a code for the fault, ours is the same.

const assert = require('node:assert/strict');
const { createPublicKey } = require('node:crypto');
const { describe, test } = require('node:test');
const tls = require('node:tls');

const certificates = require('../support/certificates.js');
const { BOB, HOST, event, freePort, openClient, startServer } = require('../support/endpoints.js');
const { impostor } = require('../support/impostor.js');
const openssl = require('../support/openssl.js');
const { revocationList } = require('../support/revocation.js');
const { WIRE, inOlderVersion } = require('../support/older-version.js');
const { connect, constants, createServer } = require('../..');

const skip = certificates.available ? false : 'openssl not found';
const own = (name) => ({ key: certificates[name].key, cert: certificates[name].cert });
const publicKeyOf = (name) => createPublicKey(certificates[name].key).export({ type: 'spki', format: 'pem' });

const CLIENT_ALONE = ['client'];
const BOTH = ['client', 'server'];

/**
 * `name` is the certificate that the peer shows; `shows` has options of the peer instead. `expects` has options of the
 * side that refuses, and `by` says which sides can refuse it. `program` says where the peer is OpenSSL's, because ours
 * does not show such a certificate. `tls` says whether node:tls has this code.
 */
const FAULTS = skip
  ? []
  : [
      {
        fault: 'a raw public key that is not the pinned one',
        by: BOTH,
        shows: { key: certificates.server.key },
        expects: { ca: undefined, peerPublicKey: publicKeyOf('client') },
        code: 'ERR_DTLS_PEER_KEY_MISMATCH',
        alert: 42,
      },
      {
        fault: 'a certificate of an unknown CA',
        by: BOTH,
        name: 'otherIssuer',
        code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
        alert: 48,
        tls: true,
      },
      {
        fault: 'a self-signed certificate',
        by: BOTH,
        name: 'selfSigned',
        code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
        alert: 48,
        tls: true,
      },
      {
        fault: 'an expired certificate',
        by: BOTH,
        name: 'expired',
        code: 'CERT_HAS_EXPIRED',
        alert: 45,
        tls: true,
      },
      {
        fault: 'a certificate that is not valid yet',
        by: BOTH,
        name: 'notYetValid',
        code: 'CERT_NOT_YET_VALID',
        alert: 46,
        tls: true,
      },
      {
        fault: 'a revoked certificate',
        by: BOTH,
        name: 'mine',
        expects: { ca: certificates.rsaCa.cert, crl: revocationList(certificates.rsaCa, [certificates.mine]) },
        code: 'CERT_REVOKED',
        alert: 44,
        tls: true,
      },
      {
        fault: 'a certificate for another DNS name',
        by: CLIENT_ALONE,
        name: 'server',
        expects: { servername: 'elsewhere.test' },
        code: 'ERR_TLS_CERT_ALTNAME_INVALID',
        alert: 42,
        tls: true,
      },
      {
        fault: 'a certificate for another IP address',
        by: CLIENT_ALONE,
        name: 'server',
        expects: { servername: '127.0.0.2' },
        code: 'ERR_TLS_CERT_ALTNAME_INVALID',
        alert: 42,
      },
      {
        fault: 'a certificate for the other role',
        by: CLIENT_ALONE,
        program: CLIENT_ALONE,
        name: 'clientAlone',
        code: 'INVALID_PURPOSE',
        alert: 43,
        tls: true,
      },
      {
        fault: 'a certificate for the other role',
        by: ['server'],
        name: 'server',
        code: 'INVALID_PURPOSE',
        alert: 43,
        tls: true,
      },
      {
        fault: 'a certificate whose key must not sign',
        by: BOTH,
        program: CLIENT_ALONE,
        name: 'encipherment',
        code: 'INVALID_PURPOSE',
        alert: 43,
      },
      {
        fault: 'a certificate that no CA has issued, but the owner of another certificate',
        by: BOTH,
        name: 'issuedByLeaf',
        code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
        alert: 48,
      },
      ...['forgedInteger', 'forgedOutside'].map((name) => ({
        fault: `a certificate of a CA that is forged (CVE-2026-49300, ${name})`,
        by: BOTH,
        program: BOTH,
        name,
        code: 'ERR_DTLS_INVALID_PEER_CERTIFICATE',
        alert: 42,
      })),
      {
        fault: "somebody else's certificate, without its key",
        by: BOTH,
        impostor: ['mine', 'borrowed'],
        shows: { ...own('mine'), mtu: 8000 },
        expects: { ca: certificates.rsaCa.cert },
        code: 'ERR_DTLS_WRONG_SIGNATURE',
        alert: 51,
      },
    ];

const shown = (entry) => entry.shows ?? own(entry.name);
const trusting = (entry) => ({ ca: certificates.ca.cert, ...entry.expects });

/** The errors of both sides, where the role says which side refuses. */
const REFUSAL = {
  async client(t, entry) {
    const server = await startServer(t, shown(entry));
    const heard = event(server, 'clientError');
    server.on('secureConnection', () => assert.fail('the server has got through'));
    const { port } = server.address();
    const reached = entry.impostor
      ? await impostor(t, port, ...entry.impostor.map((name) => certificates[name]))
      : port;
    const client = openClient(t, { address: () => ({ port: reached }) }, trusting(entry));
    const [error] = await failure(client);
    return { refusal: error, heard: (await heard)[0], port: reached };
  },

  async server(t, entry) {
    const server = await startServer(t, { ...own('server'), ...trusting(entry) });
    const refused = event(server, 'clientError');
    server.on('secureConnection', () => assert.fail('the server has let it in'));
    const { port } = server.address();
    const reached = entry.impostor
      ? await impostor(t, port, ...entry.impostor.map((name) => certificates[name]))
      : port;
    const client = openClient(t, { address: () => ({ port: reached }) }, { ca: certificates.ca.cert, ...shown(entry) });
    // In DTLS 1.3 it is connected before the server has judged it.
    const [heard] = await event(client, 'error');
    const [error, socket] = await refused;
    return { refusal: error, heard, port: socket.remotePort };
  },
};

/** The errors of both sides, where the peer is another program. */
const REFUSAL_OF_PROGRAM = {
  async client(t, entry) {
    const port = await freePort();
    const peer = openssl.sServer(t, port, shownByProgram(entry));
    await peer.printed('ACCEPT');
    const client = openClient(t, { address: () => ({ port }) }, { servername: 'localhost', ...trusting(entry) });
    const [refusal] = await failure(client);
    await peer.printed(`SSL alert number ${entry.alert}`);
    return { refusal, port };
  },

  async server(t, entry) {
    const server = await startServer(t, { ...own('server'), ...trusting(entry) });
    const refused = event(server, 'clientError');
    const peer = openssl.sClient(t, server.address().port, shownByProgram(entry));
    const [refusal, socket] = await refused;
    await peer.printed(`SSL alert number ${entry.alert}`);
    return { refusal, port: socket.remotePort };
  },
};

function shownByProgram({ name }) {
  const { certPath, keyPath } = certificates[name];
  return ['-cert', certPath, '-key', keyPath, '-cert_chain', certPath];
}

function failure(client) {
  client.on('secureConnect', () => assert.fail('the client has got through'));
  return event(client, 'error');
}

for (const role of BOTH) {
  describe(`a ${role} refuses`, { skip }, () => {
    for (const entry of FAULTS.filter(({ by }) => by.includes(role))) {
      test(entry.fault, async (t) => {
        if (entry.impostor) inOlderVersion(t, WIRE);
        const peers = entry.program?.includes(role) ? REFUSAL_OF_PROGRAM : REFUSAL;
        const { refusal, heard, port } = await peers[role](t, entry);
        assert.deepEqual([refusal.code, refusal.alert], [entry.code, entry.alert], refusal.message);
        assert.deepEqual([refusal.name, refusal.address, refusal.port], ['DtlsError', HOST, port]);
        if (heard) assert.deepEqual([heard.code, heard.alert], ['ERR_DTLS_ALERT_RECEIVED', entry.alert]);
        if (entry.tls) assert.equal(await tlsCode(t, role, entry), entry.code);
      });
    }
  });
}

/** The code of node:tls for the fault. */
async function tlsCode(t, role, entry) {
  const { ca, crl, servername = 'localhost' } = trusting(entry);
  const shows = own(entry.name);
  const asks = role === 'server' && { ...own('server'), ca, crl, requestCert: true, rejectUnauthorized: false };
  const server = tls.createServer(asks || shows);
  server.on('tlsClientError', () => {});
  server.listen(0, HOST);
  t.after(() => server.close());
  await event(server, 'listening');
  const secure = event(server, 'secureConnection');
  const trusts = role === 'client' ? { ca, crl } : { ...shows, ca: certificates.ca.cert };
  const client = tls.connect({ port: server.address().port, host: HOST, servername, ...trusts });
  t.after(() => client.destroy());
  if (role === 'client') return (await event(client, 'error'))[0].code;
  client.on('error', () => {});
  const [socket] = await secure;
  socket.on('error', () => {});
  return socket.authorizationError;
}

describe('a certificate for a different key is refused at the call', { skip }, () => {
  test('by everything that takes the two', async (t) => {
    const mixed = { key: certificates.client.key, cert: certificates.server.cert };
    const refusal = { name: 'DtlsError', code: 'ERR_DTLS_KEY_MISMATCH' };
    assert.throws(() => createServer(mixed), refusal);
    assert.throws(() => connect({ port: 5684, ...mixed }), refusal);
    const server = await startServer(t);
    assert.throws(() => server.addContext('localhost', mixed), refusal);
    assert.throws(() => server.setSecureContext(mixed), refusal);
  });
});

describe('a client that verifies nothing needs rejectUnauthorized: false', { skip }, () => {
  test('which accepts every server, and says so', async (t) => {
    const server = await startServer(t, own('selfSigned'));
    const client = openClient(t, server, { rejectUnauthorized: false });
    await event(client, 'secureConnect');
    assert.deepEqual([client.authorized, client.authorizationError], [false, 'DEPTH_ZERO_SELF_SIGNED_CERT']);
  });

  const inherited = Object.create({ rejectUnauthorized: false });
  for (const [what, options] of Object.entries({
    'no options': {},
    'undefined, as if it had not been given': { rejectUnauthorized: undefined },
    'what it inherits': inherited,
    'a servername': { servername: 'localhost' },
    'a checkServerIdentity that agrees to everything': { checkServerIdentity: () => undefined },
    'a key of its own': skip ? {} : own('client'),
  })) {
    test(`and does without it verify, with ${what}`, async (t) => {
      const server = await startServer(t, own('selfSigned'));
      const target = Object.assign(Object.create(Object.getPrototypeOf(options)), options);
      const client = connect(Object.assign(target, { host: HOST, port: server.address().port }));
      t.after(() => client.destroy());
      client.on('secureConnect', () => assert.fail('nobody has verified anything'));
      const [error] = await event(client, 'error');
      assert.equal(error.code, 'DEPTH_ZERO_SELF_SIGNED_CERT');
    });
  }

  test('and verifies with the profile of a fork, whose errors are numbers', async (t) => {
    const server = await startServer(t, own('selfSigned'));
    const client = connect({ host: HOST, port: server.address().port, compat: 'neustar' });
    t.after(() => client.destroy());
    assert.equal((await event(client, 'error'))[0], constants.MBEDTLS_ERR_X509_CERT_VERIFY_FAILED);
    assert.equal(client.connected, false);
  });

  test('which no environment variable replaces', async (t) => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    t.after(() => delete process.env.NODE_TLS_REJECT_UNAUTHORIZED);
    const server = await startServer(t, own('selfSigned'));
    const [error] = await event(openClient(t, server, {}), 'error');
    assert.equal(error.code, 'DEPTH_ZERO_SELF_SIGNED_CERT');
  });

  test('and no similar value will do', () => {
    for (const rejectUnauthorized of [0, null, '', 'false', Number.NaN]) {
      assert.throws(() => connect({ port: 5684, rejectUnauthorized }), { code: 'ERR_INVALID_ARG_TYPE' });
    }
    for (const options of [{ ca: [] }, { servername: '' }, { peerPublicKey: [] }]) {
      assert.throws(() => connect({ port: 5684, ...options }), { code: 'ERR_INVALID_ARG_VALUE' });
    }
  });

  test('and never accepts a certificate in place of a pre-shared or pinned key', async (t) => {
    const server = await startServer(t, own('server'));
    assert.equal((await event(openClient(t, server, BOB), 'error'))[0].code, 'ERR_DTLS_ALERT_RECEIVED');
    const pinned = openClient(t, server, { peerPublicKey: publicKeyOf('client') });
    assert.equal((await event(pinned, 'error'))[0].code, 'ERR_DTLS_PEER_KEY_MISMATCH');
  });
});
