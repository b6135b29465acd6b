'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { getCiphers } = require('../..');
const { capture, decrypt, hasTshark } = require('../support/capture.js');
const certificates = require('../support/certificates.js');
const cli = require('../support/cli.js');
const { read } = require('../support/reader.js');
const { BOB, HOST, connectedPair, echo, event, openClient, startServer } = require('../support/endpoints.js');
const { NAMES, fileInOlderVersion } = require('../support/older-version.js');

fileInOlderVersion(NAMES);

const LINE = /^CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}\n$/;

test('both sides log the same line before the handshake is over, and each has listeners for its own', async (t) => {
  const server = await startServer(t);
  const order = [];
  const lines = [];
  server.on('keylog', (line, socket) => {
    order.push('server');
    lines.push([line, socket.remotePort]);
  });
  server.on('connection', (socket) => socket.on('keylog', (line) => lines.push([line, socket.remotePort])));
  server.on('secureConnection', () => order.push('secure'));
  const client = openClient(t, server);
  client.on('keylog', (line) => {
    order.push('client');
    lines.push([line, client.localPort]);
  });
  await Promise.all([event(server, 'secureConnection'), event(client, 'secureConnect')]);
  assert.equal(order.filter((name) => name === 'client').length, 1);
  assert.ok(order.indexOf('server') < order.indexOf('secure'));
  assert.equal(lines.length, 3);
  for (const [line, port] of lines) {
    assert.match(line.toString(), LINE);
    assert.deepEqual(line, lines[0][0]);
    assert.equal(port, client.localPort);
  }
});

test('without a listener no key leaves the engine, and with one no later than it listens', async (t) => {
  const { server } = await connectedPair(t);
  assert.equal(server._endpoint._logsKeys, false);
  const log = () => {};
  server.on('keylog', log);
  assert.equal(server._endpoint._logsKeys, true);
  server.off('keylog', log);
  assert.equal(server._endpoint._logsKeys, false);
});

test('as long as a socket listens, keys leave the engine although the server listens no more', async (t) => {
  const server = await startServer(t);
  server.once('connection', (socket) => socket.on('keylog', () => {}));
  openClient(t, server);
  await event(server, 'secureConnection');
  const log = () => {};
  server.on('keylog', log);
  server.off('keylog', log);
  assert.equal(server._endpoint._logsKeys, true);
});

test('a handshake that fails by its pre-shared key has logged its keys', async (t) => {
  const server = await startServer(t);
  const logged = event(server, 'keylog');
  const failed = event(server, 'clientError');
  const client = openClient(t, server, { psk: 'another key', pskIdentity: 'bob' });
  client.on('error', () => {});
  const [line] = await logged;
  assert.match(line.toString(), LINE);
  const [error] = await failed;
  assert.equal(error.code, 'ERR_DTLS_WRONG_PSK');
});

test('the tools write the keys of their connections to SSLKEYLOGFILE, for their owner alone', async (t) => {
  const directory = cli.temporaryDirectory(t);
  const file = path.join(directory, 'keys.log');
  const server = await startServer(t);
  server.on('secureConnection', echo);
  const lines = [];
  server.on('keylog', (line) => lines.push(line));
  await ping(t, server, file);
  assert.deepEqual(fs.readFileSync(file), Buffer.concat(lines));
  if (process.platform !== 'win32') assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  const refused = await ping(t, server, path.join(directory, 'no such directory', 'keys.log'));
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /SSLKEYLOGFILE: cannot write .* \(ENOENT\)/);
});

function pick(entry) {
  return { key: entry?.key, cert: entry?.cert };
}

function ping(t, server, file) {
  const env = { MBED_DTLS_PSK: `bob:${Buffer.from(BOB.psk).toString('hex')}`, SSLKEYLOGFILE: file };
  return cli.run(t, ['ping', `${HOST}:${server.address().port}`, '--count', '1'], { env });
}

/** Suites of RFC 8442, and ChaCha20-Poly1305 in DTLS: version 4.0 of tshark does not read them, and we do it here. */
const UNKNOWN_TO_TSHARK = /CHACHA20|ECDHE-PSK.*(GCM|CCM)/;

const lacking = hasTshark ? null : 'tshark is not installed (npm run setup -- --interop)';
const { ca, server: ec, serverRsa: rsa } = certificates;
const certified = { ca: ca?.cert, servername: 'localhost' };

for (const { name, credentials, families, needsCertificates = true } of [
  {
    name: 'pre-shared keys',
    credentials: { server: { psk: { bob: BOB.psk } }, client: BOB },
    families: /PSK/,
    needsCertificates: false,
  },
  { name: 'EC certificates', credentials: { server: pick(ec), client: certified }, families: /ECDSA/ },
  { name: 'RSA certificates', credentials: { server: pick(rsa), client: certified }, families: /ECDHE-RSA/ },
]) {
  const skip = lacking ?? (needsCertificates && !certificates.available && 'openssl was not found');
  test(`tshark decrypts captures of all suites with ${name}, by the keys of either side`, { skip }, async (t) => {
    const suites = getCiphers().filter((suite) => families.test(suite));
    const server = await startServer(t, { ...credentials.server, ciphers: suites });
    const { port, connections, file } = await capture(t, server.address().port);
    const keys = { server: [], client: [] };
    server.on('keylog', (line) => keys.server.push(line));
    const expected = [];
    server.on('secureConnection', (socket) => socket.on('data', (message) => socket.write(`to ${message}`)));
    for (const suite of suites) {
      const client = openClient(t, { address: () => ({ port }) }, { ...credentials.client, ciphers: [suite] });
      client.on('keylog', (line) => keys.client.push(line));
      await event(client, 'secureConnect');
      client.write(`from ${suite}`);
      await event(client, 'data');
      const payloads = [`from ${suite}`, `to from ${suite}`];
      if (UNKNOWN_TO_TSHARK.test(suite)) {
        assert.deepEqual(read(connections.get(client.localPort), keys.client.at(-1), suite), payloads);
      } else {
        expected.push(...payloads);
      }
    }
    // Both sides have logged the same lines, so that one reading of the capture speaks for both.
    assert.equal(keys.server.length, suites.length);
    assert.deepEqual(keys.client, keys.server);
    const { payloads, messages } = await decrypt(file(), keys.client);
    const missed = expected.filter((payload) => !payloads.includes(payload));
    assert.deepEqual(missed, []);
    assert.ok(messages.has(20), 'Finished messages are read, too');
    if (needsCertificates) return;
    assert.deepEqual((await decrypt(file(), [])).payloads, [], 'and nothing is read without keys');
  });
}
