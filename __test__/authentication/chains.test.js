'use strict';

// The same verdict as node:tls's on every chain of the table in support/chains.js, in both roles: a client that judges a
// server, and a server that judges a client.

const assert = require('node:assert/strict');
const net = require('node:net');
const { describe, test } = require('node:test');
const tls = require('node:tls');

const { NAME, chains } = require('../support/chains.js');
const { HOST, event, openClient, startServer } = require('../support/endpoints.js');
const { byAwsLc } = require('../support/verifier.js');
const { certificate, extensions, newKey, rsaPublicKey } = require('../support/x509.js');

/** Whom the peer of the one that judges is not to doubt. */
const host = certificate({ subject: 'CN=judge', extensions: [extensions.alternativeNames(`dns:${NAME}`)] });
const judge = { key: host.keyPem, cert: host.pem };

/** OpenSSL's level of 112 bits, which newer versions of Node have by default. Who shows something shows anything. */
const STRICT = { ciphers: 'DEFAULT@SECLEVEL=2', maxVersion: 'TLSv1.2' };
const LAX = { ciphers: 'DEFAULT@SECLEVEL=0', maxVersion: 'TLSv1.2' };

const shown = ({ chain }) => ({ key: chain[0].keyPem, cert: chain.map(({ pem }) => pem).join('') });
const trusting = ({ ca, crl }) => ({ ca, crl, rejectUnauthorized: false });
const verdict = (socket) =>
  socket.authorized ? 'authorized' : (socket.authorizationError?.code ?? socket.authorizationError);

const OURS = {
  async client(t, entry) {
    const server = await startServer(t, shown(entry));
    const client = openClient(t, server, { ...trusting(entry), servername: entry.servername });
    const failure = event(client, 'error').then(([error]) => error.code);
    return Promise.race([event(client, 'secureConnect').then(() => verdict(client)), failure]);
  },

  async server(t, entry) {
    const server = await startServer(t, { ...judge, ...trusting(entry), requestCert: true });
    const failure = event(server, 'clientError').then(([error]) => error.code);
    openClient(t, server, { ...shown(entry), ca: host.pem, servername: NAME }).on('error', () => {});
    return Promise.race([event(server, 'secureConnection').then(([socket]) => verdict(socket)), failure]);
  },
};

const THEIRS = {
  async client(t, entry) {
    const port = await listen(t, { ...shown(entry), ...LAX });
    const options = { port, host: HOST, ...trusting(entry), ...STRICT };
    // RFC 6066 section 3 does not allow an address as a server name. node:tls compares the host then.
    const expected = net.isIP(entry.servername)
      ? { checkServerIdentity: (_host, peer) => tls.checkServerIdentity(entry.servername, peer) }
      : { servername: entry.servername };
    const client = tls.connect({ ...options, ...expected });
    t.after(() => client.destroy());
    const failure = event(client, 'error').then(([error]) => error.code);
    return Promise.race([event(client, 'secureConnect').then(() => verdict(client)), failure]);
  },

  async server(t, entry) {
    const secure = {};
    const port = await listen(t, { ...judge, ...trusting(entry), requestCert: true, ...STRICT }, secure);
    const client = tls.connect({ port, host: HOST, ...shown(entry), ...LAX, rejectUnauthorized: false });
    t.after(() => client.destroy());
    client.on('error', () => {});
    return secure.verdict;
  },
};

/** A server of node:tls; the port that it listens on. */
async function listen(t, options, seen = {}) {
  const server = tls.createServer(options);
  seen.verdict = Promise.race([
    event(server, 'secureConnection').then(([socket]) => {
      socket.on('error', () => {});
      return verdict(socket);
    }),
    event(server, 'tlsClientError').then(([error]) => error.code),
  ]);
  server.on('tlsClientError', () => {});
  server.listen(0, HOST);
  t.after(() => server.close());
  await event(server, 'listening');
  return server.address().port;
}

const table = [...chains()];

for (const role of ['client', 'server']) {
  describe(`a ${role} judges as node:tls does`, () => {
    for (const entry of table.filter(({ roles }) => roles.includes(role))) {
      test(entry.title, async (t) => {
        const theirs = await THEIRS[role](t, entry);
        if (!byAwsLc) {
          // Mbed TLS cannot enforce everything, and refuses what it cannot, some of it at the call.
          const ours = await OURS[role](t, entry).catch(({ code }) => code);
          assert.ok(ours !== 'authorized' || theirs === 'authorized', `${ours}, ${theirs}`);
          return;
        }
        const ours = await OURS[role](t, entry);
        if (entry.differs) assert.deepEqual({ theirs, ours }, { ...entry.differs });
        else assert.equal(ours, theirs);
      });
    }
  });
}

test('an enormous key in a chain is refused before it is used (CVE-2026-135391)', async (t) => {
  const names = [extensions.alternativeNames(`dns:${NAME}`)];
  const root = certificate({ subject: 'CN=Root', extensions: [extensions.basicConstraints(true)] });
  for (const [bits, code] of [
    [8192, 'CERT_SIGNATURE_FAILURE'],
    [16384, 'ERR_DTLS_WEAK_CERTIFICATE'],
  ]) {
    const recipe = { subject: 'CN=Enormous', issuer: root, identifiers: false };
    const basics = [extensions.basicConstraints(true)];
    const enormous = certificate({ ...recipe, spki: rsaPublicKey(bits), extensions: basics });
    const rsa = newKey('rsa', { modulusLength: 2048 });
    const own = certificate({ issuer: { subject: enormous.subject, key: rsa }, identifiers: false, extensions: names });
    const options = shown({ chain: [own, enormous] });
    if (!byAwsLc && bits > 8192) {
      // Mbed TLS has no room for such a number, so that not even our server can send this chain.
      await assert.rejects(startServer(t, options), { code: 'ERR_DTLS_INVALID_CERT' });
      continue;
    }
    const server = await startServer(t, options);
    const [error] = await event(openClient(t, server, { ca: root.pem, servername: NAME }), 'error');
    assert.equal(error.code, code, `${bits}: ${error.message}`);
  }
});

test('the table has many chains', () => {
  assert.ok(table.length >= 60, `${table.length}`);
  assert.ok(
    new Set(table.map(({ title, roles }) => `${title} ${roles}`)).size === table.length,
    'each has its own title',
  );
});
