'use strict';

// What `mbed-dtls inspect` finds out about servers of known configuration, ours and OpenSSL's, and what it makes of
// answers that are no DTLS.

const assert = require('node:assert/strict');
const path = require('node:path');
const { describe, test } = require('node:test');

const { getCiphers, getCurves } = require('../..');
const {
  Answer,
  SERVER_HELLO,
  readCertificates,
  readServerHello,
  readServerKeyExchange,
} = require('../../lib/cli/hello');
const { SUITES, WEAK_KINDS } = require('../../lib/cli/suites');
const { Command, makeKeys, run, startServer, startStranger } = require('../support/cli');
const { HOST, freePort } = require('../support/endpoints');
const openssl = require('../support/openssl');
const { byAwsLc } = require('../support/verifier.js');

const CERTIFICATE = ['--key', 'server.key', '--cert', 'server.crt'];

test('it asks about every suite that this package offers, by the same names', () => {
  const names = [...SUITES.values()];
  assert.equal(new Set(names).size, names.length);
  // It offers DTLS 1.2, which the suites of DTLS 1.3 are not for.
  assert.deepEqual(
    getCiphers().filter((name) => !names.includes(name) && !name.startsWith('TLS_')),
    [],
  );
  // All that the package offers is sound.
  for (const [kind, pattern] of WEAK_KINDS)
    assert.deepEqual(
      getCiphers().filter((name) => pattern.test(name)),
      [],
      kind,
    );
});

test('it knows weak suites by their names', () => {
  const kinds = (name) => WEAK_KINDS.filter(([, pattern]) => pattern.test(name)).map(([kind]) => kind);
  assert.deepEqual(kinds('NULL-SHA256'), ['without encryption', 'with RSA key exchange']);
  assert.deepEqual(kinds('AECDH-AES256-SHA'), ['without authentication', 'with SHA-1 or MD5']);
  assert.deepEqual(kinds('AES128-GCM-SHA256'), ['with RSA key exchange']);
  assert.deepEqual(kinds('ECDHE-RSA-DES-CBC3-SHA'), ['with DES or 3DES', 'with SHA-1 or MD5']);
  assert.deepEqual(kinds('EXP-RC4-MD5'), ['for export', 'with RC4', 'with SHA-1 or MD5']);
  assert.deepEqual(kinds('DHE-RSA-AES128-GCM-SHA256'), []);
});

async function inspect(t, address, args, options) {
  const { code, stdout, stderr } = await run(t, ['inspect', address, '--json', ...args], options);
  return { code, stderr, ...JSON.parse(stdout) };
}

test('of a server with pre-shared keys it finds the suites, in order, and the groups, without a key', async (t) => {
  const cwd = makeKeys(t, 'psk');
  const server = await startServer(t, ['--psk', 'device-1.psk', '--dtls', '1.2'], { cwd });
  const found = await inspect(t, server.address, []);
  assert.equal(found.code, 0, found.stderr);
  assert.deepEqual(found.versions, { 'DTLSv1.3': false, 'DTLSv1.2': true, DTLSv1: false });
  assert.equal(found.cookie, true);
  assert.deepEqual(
    found.suites.accepted,
    getCiphers().filter((name) => /PSK/.test(name)),
  );
  assert.equal(found.suites.order, 'server');
  assert.equal(found.suites.accepted.length + found.suites.refused.length, SUITES.size);
  // The tool speaks DTLS 1.2, which has no post-quantum group.
  assert.deepEqual(new Set([...found.groups.accepted, 'X25519MLKEM768']), new Set([...getCurves(), 'X25519MLKEM768']));
  assert.deepEqual(found.groups.unknown, []);
  assert.deepEqual(found.credentials, []);
  assert.equal(found.connection, null);
  // Nothing of the many hellos is left on the server.
  const { code, stderr } = await run(t, ['ping', server.address, '--psk', 'device-1.psk', '--count', '0'], { cwd });
  assert.equal(code, 0, stderr);
});

test('of a server with a certificate it finds the certificate, and whether a connection works', async (t) => {
  const cwd = makeKeys(t, 'certificates');
  const args = [
    ...CERTIFICATE,
    '--ca',
    'ca.crt',
    '--ciphers',
    'ECDHE-ECDSA-AES128-CCM8:ECDHE-ECDSA-AES128-SHA256',
    '--alpn',
    'coap',
  ];
  const server = await startServer(t, args, { cwd });
  const found = await inspect(t, server.address, ['--ca', 'ca.crt', '--alpn', 'coap,h2'], { cwd });
  assert.deepEqual(found.suites.accepted, ['ECDHE-ECDSA-AES128-CCM8', 'ECDHE-ECDSA-AES128-SHA256']);
  assert.equal(found.clientCertificate, true);
  assert.equal(found.extensions.alpn, 'coap');
  assert.equal(found.extensions.extendedMasterSecret, true);
  const certificate = found.credentials.find(({ kind }) => kind === 'certificate');
  assert.equal(certificate.subject, 'CN=localhost');
  assert.equal(certificate.issuer, 'CN=mbed-dtls keygen CA');
  assert.equal(certificate.key, 'ec prime256v1');
  // The same key, without its certificate.
  assert.equal(found.extensions.rawPublicKey, true);
  // The server wants a certificate of its clients.
  assert.equal(found.connection.ok, false);
  assert.equal(found.ok, false);
  assert.equal(found.code, 1);
  const own = ['--ca', 'ca.crt', '--key', 'device-1.key', '--cert', 'device-1.crt', '--alpn', 'coap'];
  const connected = await inspect(t, server.address, own, { cwd });
  assert.equal(connected.code, 0, connected.stderr);
  assert.equal(connected.connection.suite, 'ECDHE-ECDSA-AES128-CCM8');
});

test('of a server of DTLS 1.3 alone it finds the version and the cookie, and does not call it a danger', {
  skip: !byAwsLc && 'this build has no DTLS 1.3',
}, async (t) => {
  const cwd = makeKeys(t, 'psk');
  const server = await startServer(t, ['--psk', 'device-1.psk', '--dtls', '1.3'], { cwd });
  const found = await inspect(t, server.address, []);
  assert.equal(found.code, 0, found.stderr);
  assert.deepEqual(found.versions, { 'DTLSv1.3': true, 'DTLSv1.2': false, DTLSv1: false });
  assert.deepEqual([found.cookie, found.refusal], [true, null]);
  const { stdout } = await run(t, ['inspect', server.address]);
  assert.match(stdout, /versions +DTLSv1\.3; not DTLSv1\.2, DTLSv1\n +cookie +asked for/);
});

test('a certificate that nobody vouches for is said to be so, and is no failure where nobody asked', async (t) => {
  const cwd = makeKeys(t, 'certificates');
  const server = await startServer(t, CERTIFICATE, { cwd });
  const { code, stdout, stderr } = await run(t, ['inspect', server.address]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /connection +does not work: .*UNABLE_TO_VERIFY_LEAF_SIGNATURE|connection +does not work: /);
  assert.match(stdout, /subject +CN=localhost/);
  assert.match(stdout, /refused +suites without encryption/);
});

test('of a server with a raw public key it finds the key', async (t) => {
  const cwd = makeKeys(t, 'rpk');
  const server = await startServer(t, ['--key', 'server.key', '--peer-key', 'device-1.pub'], { cwd });
  const found = await inspect(t, server.address, []);
  assert.equal(found.code, 0, found.stderr);
  assert.equal(found.extensions.rawPublicKey, true);
  const [{ kind, publicKey }] = found.credentials;
  assert.equal(kind, 'raw public key');
  const { createHash, createPublicKey } = require('node:crypto');
  const { readFileSync } = require('node:fs');
  const der = createPublicKey(readFileSync(path.join(cwd, 'server.pub'))).export({ type: 'spki', format: 'der' });
  assert.equal(publicKey, `sha256:${createHash('sha256').update(der).digest('base64')}`);
});

describe("OpenSSL's s_server", { skip: openssl.missing }, () => {
  async function startOpenssl(t, args, version) {
    const cwd = makeKeys(t, 'certificates');
    const file = (name) => path.join(cwd, name);
    const port = await freePort();
    const peer = openssl.sServer(t, port, ['-key', file('server.key'), '-cert', file('server.crt'), ...args], version);
    await peer.printed('ACCEPT');
    return { cwd, address: `${HOST}:${port}` };
  }

  test('is found to accept exactly the suites that it was told, weak ones included', async (t) => {
    const suites = [
      'ECDHE-ECDSA-CHACHA20-POLY1305',
      'ECDHE-ECDSA-AES128-SHA',
      'AECDH-AES128-SHA',
      'ECDHE-ECDSA-NULL-SHA',
    ];
    const { cwd, address } = await startOpenssl(t, ['-cipher', `${suites.join(':')}:@SECLEVEL=0`]);
    const found = await inspect(t, address, ['--ca', 'ca.crt'], { cwd });
    assert.equal(found.code, 0, found.stderr);
    assert.deepEqual(new Set(found.suites.accepted), new Set(suites));
    assert.equal(found.suites.order, 'client');
    assert.equal(found.connection.suite, 'ECDHE-ECDSA-CHACHA20-POLY1305');
    assert.equal(found.extensions.sessionTickets, true);
    assert.equal(found.extensions.encryptThenMac, true);
    const { stdout } = await run(t, ['inspect', address]);
    assert.match(stdout, /WEAK +suites without encryption: ECDHE-ECDSA-NULL-SHA\n/);
    assert.match(stdout, /WEAK +suites without authentication: AECDH-AES128-SHA\n/);
    assert.match(stdout, /WEAK +suites with SHA-1 or MD5: /);
  });

  test('is found to have exactly the groups that it was told', async (t) => {
    const args = ['-cipher', 'ECDHE-ECDSA-AES128-GCM-SHA256:AECDH-AES128-SHA:@SECLEVEL=0', '-groups', 'P-384:X25519'];
    const { address } = await startOpenssl(t, args);
    const { groups } = await inspect(t, address, []);
    assert.deepEqual(new Set(groups.accepted), new Set(['P-384', 'X25519']));
    assert(groups.refused.includes('P-521'));
  });

  test('is found to speak DTLS 1.0 or 1.2 or both, as it was told', async (t) => {
    const cipher = ['-cipher', 'ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0'];
    for (const [version, expected] of [
      ['-dtls', { 'DTLSv1.3': false, 'DTLSv1.2': true, DTLSv1: true }],
      ['-dtls1', { 'DTLSv1.3': false, 'DTLSv1.2': false, DTLSv1: true }],
    ]) {
      const { address } = await startOpenssl(t, cipher, version);
      assert.deepEqual((await inspect(t, address, [])).versions, expected, version);
    }
  });
});

/** One handshake message in one record of DTLS 1.2. */
function record(type, body, { length = body.length, offset = 0 } = {}) {
  const u24 = (number) => [number >> 16, (number >> 8) & 0xff, number & 0xff];
  const header = [type, ...u24(length), 0, 1, ...u24(offset), ...u24(body.length)];
  const size = header.length + body.length;
  return Buffer.from([22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, size >> 8, size & 0xff, ...header, ...body]);
}

test('a server that answers with something else is said to do so, with exit code 1', async (t) => {
  for (const answer of [
    () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
    () => Buffer.from([22]),
    (message) => message.subarray(0, 20),
    () => record(2, Buffer.alloc(10), { length: 0xffffff }),
    () => record(2, Buffer.alloc(10), { length: 12, offset: 11 }),
    () => [record(2, Buffer.alloc(10), { length: 40 }), record(2, Buffer.alloc(10), { length: 41 })],
    () => [record(2, Buffer.alloc(3)), record(14, Buffer.alloc(0))],
    () => record(3, Buffer.from([0xfe, 0xfd, 200])),
  ]) {
    const { code, stderr } = await run(t, ['inspect', await startStranger(t, answer), '--timeout', '0.5']);
    assert.equal(code, 1, `${answer}: ${stderr}`);
    assert.match(stderr, /the server answered with .*\n.*DTLS server\?/);
    assert.doesNotMatch(stderr, /\n {4}at /);
  }
});

test('a server that asks for cookies for ever does not keep the tool', async (t) => {
  const request = record(3, Buffer.from([0xfe, 0xfd, 1, 7]));
  const { code, stderr } = await run(t, ['inspect', await startStranger(t, () => request), '--timeout', '0.5']);
  assert.equal(code, 1);
  assert.match(stderr, /the server does not answer/);
});

test('a server that refuses everything is said to do so', async (t) => {
  const alert = Buffer.from([21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 2, 40]);
  const { code, stdout } = await run(t, ['inspect', await startStranger(t, () => alert)]);
  assert.equal(code, 0);
  assert.match(stdout, /hello +refused with alert 40/);
  assert.match(stdout, /versions +not DTLSv1\.3, DTLSv1\.2, DTLSv1/);
});

test('nobody at the port is exit code 1, and Ctrl-C ends it at once', {
  skip: process.platform === 'win32',
}, async (t) => {
  const silent = await startStranger(t, () => []);
  const nobody = await run(t, ['inspect', silent, '--timeout', '0.3']);
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /the server does not answer.*\nCheck host and port/);
  let heard;
  const hello = new Promise((resolve) => {
    heard = resolve;
  });
  const address = await startStranger(t, (message) => {
    heard(message);
    return [];
  });
  const command = new Command(t, ['inspect', address, '--timeout', '60']);
  await hello;
  command.child.kill('SIGINT');
  const { code, stderr } = await command.end();
  assert.equal(code, 1);
  assert.match(stderr, /ended before all questions were answered/);
});

test('no mutation of an answer makes its readers fail with anything but a SyntaxError', () => {
  const hello = Buffer.concat([
    Buffer.from([0xfe, 0xfd]),
    Buffer.alloc(32),
    Buffer.from([0, 0xc0, 0x2b, 0, 0, 5, 0xff, 0x01, 0, 1, 0]),
  ]);
  const original = record(2, hello);
  // Always the same numbers, so that what fails once fails again.
  let seed = 1;
  const random = (limit) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return Math.floor((seed / 2 ** 32) * limit);
  };
  let read = 0;
  let refused = 0;
  for (let round = 0; round < 20_000; round++) {
    const datagram = Buffer.from(original);
    for (let change = 0; change <= round % 4; change++) datagram[random(datagram.length)] = random(256);
    try {
      const answer = new Answer();
      answer.add(datagram.subarray(0, datagram.length - (round % 3)));
      const body = answer.message(SERVER_HELLO);
      if (body !== null) readServerHello(body);
      readCertificates(datagram.subarray(20), false);
      readServerKeyExchange(datagram.subarray(20), 'ECDHE-PSK-AES128-GCM-SHA256');
      read += 1;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      refused += 1;
    }
  }
  assert.equal(read + refused, 20_000);
  assert(read > 0 && refused > 0);
});
