'use strict';

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const path = require('node:path');
const { test } = require('node:test');
const { promisify } = require('node:util');

const { defaultVersion } = require('../support/older-version.js');

const PACKAGE = path.join(__dirname, '..', '..');

/** A server that traces, a client that does not, and what happens to a connection: junk, a message both ways, its end. */
const PROGRAM = `
const dgram = require('node:dgram');
const { connect, createServer } = require(${JSON.stringify(PACKAGE)});
const [level, psk] = process.argv.slice(1);
const debug = level === undefined ? {} : { debug: Number(level) };
const server = createServer({ psk: { 'sen"sor': 'key' }, ...debug });
server.on('secureConnection', (socket) => {
  socket.on('data', (message) => socket.write(message));
  socket.on('close', () => server.close());
});
server.on('clientError', () => server.close());
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const junk = dgram.createSocket('udp4');
  junk.send('no record', port, '127.0.0.1', () => {
    junk.close();
    const client = connect({ host: '127.0.0.1', port, psk: psk ?? 'key', pskIdentity: 'sen"sor', debug: 0 });
    client.on('secureConnect', () => client.write('four'));
    client.on('data', () => client.end());
    client.on('error', () => {});
  });
});
`;

async function trace(args, env = {}) {
  const { NODE_DEBUG, ...rest } = process.env;
  const options = { env: { ...rest, ...env }, timeout: 20_000 };
  const { stderr } = await promisify(execFile)(process.execPath, ['-e', PROGRAM, '--', ...args], options);
  // Node has lines of its own in the same place.
  return stderr.split('\n').filter((line) => line.startsWith('mbed-dtls '));
}

const LINE = /^mbed-dtls \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z server 127\.0\.0\.1:\d+ (?:"sen\\"sor" )?(.*)$/;
const texts = (lines) => lines.map((line) => LINE.exec(line)?.[1] ?? assert.fail(line));

/** What is not the same in both versions, in the one that is talked by default: messages, and the alert after a wrong key. */
const OF_VERSION = {
  'DTLSv1.2': {
    messages: ['<- HelloVerifyRequest', '-> ClientKeyExchange', '-> ChangeCipherSpec'],
    alert: 'bad_record_mac',
  },
  'DTLSv1.3': { messages: ['<- HelloRetryRequest'], alert: 'decrypt_error' },
}[defaultVersion()];

test('each level of the trace shows what those below it do not', async () => {
  const [none, ...levels] = await Promise.all(['0', '1', '2', '3', '4'].map((level) => trace([level])));
  assert.deepEqual(none, []);
  const [failures, lives, messages, datagrams] = levels.map(texts);
  assert.deepEqual(failures, []);
  assert.match(
    lives.join('\n'),
    /^handshake begins\nhandshake ends after \d+ ms: TLS_\w+\n-> alert close_notify\n<- alert close_notify\nconnection ends: Peer$/,
  );
  for (const message of ['-> ClientHello', '<- ServerHello', ...OF_VERSION.messages]) {
    assert.ok(messages.includes(message), message);
    assert.ok(!lives.includes(message));
  }
  for (const message of ['-> application data, 4 bytes', '<- application data, 4 bytes'])
    assert.ok(messages.includes(message));
  assert.ok(datagrams.includes('-> datagram dropped: 9 bytes are no records'));
  assert.ok(datagrams.some((line) => /^<- a datagram, \d+ bytes$/.test(line)));
  assert.ok(!messages.some((line) => /datagram/.test(line)));
});

test('a failure is in every trace, with the identity that the peer claims, and no key is in any', async () => {
  for (const level of ['1', '4']) {
    const lines = await trace([level, 'another key']);
    const failure = lines.find((line) => line.includes('handshake fails'));
    assert.match(failure, /"sen\\"sor" handshake fails: The client's pre-shared key is not the one of its identity/);
    if (level === '4') assert.ok(texts(lines).includes(`<- alert ${OF_VERSION.alert}`));
    assert.ok(!lines.join().includes('another key'));
  }
});

test('NODE_DEBUG=mbed-dtls traces everything, unless the option says otherwise', async () => {
  const everything = texts(await trace([], { NODE_DEBUG: 'mbed-dtls' }));
  assert.ok(everything.some((line) => line.startsWith('-> datagram dropped')));
  assert.deepEqual(await trace(['0'], { NODE_DEBUG: 'mbed-dtls' }), []);
  assert.deepEqual(await trace([], { NODE_DEBUG: 'net' }), []);
});

/** Two clients of one server, of which one end of each traces itself. */
const ONE_OF_MANY = `
const { connect, createServer } = require(${JSON.stringify(PACKAGE)});
const server = createServer({ psk: { first: 'key', second: 'key' } });
server.on('secureConnection', (socket) => {
  if (socket.pskIdentity.equals(Buffer.from('first'))) socket.enableTrace();
  socket.write('four');
});
const talk = (pskIdentity, then) => {
  const client = connect({ host: '127.0.0.1', port: server.address().port, psk: 'key', pskIdentity });
  if (pskIdentity === 'second') client.enableTrace();
  client.on('data', (message) => client.end(message));
  client.on('close', then);
};
server.listen(0, '127.0.0.1', () => talk('first', () => talk('second', () => server.close())));
`;

test('socket.enableTrace() traces one connection, and a client traces its handshake with it', async () => {
  const { stderr } = await promisify(execFile)(process.execPath, ['-e', ONE_OF_MANY], { timeout: 20_000 });
  const lines = stderr.split('\n').filter((line) => line.startsWith('mbed-dtls '));
  const shown = lines.map((line) => line.replace(/^mbed-dtls \S+ (\w+) 127\.0\.0\.1:\d+ /, '$1 '));
  const ofServer = shown.filter((line) => line.startsWith('server '));
  const ofClient = shown.filter((line) => line.startsWith('client '));
  // What is encrypted has another name in each version.
  const isEncrypted = (line) => / encrypted (alert|record), \d+ bytes$/.test(line);
  assert.ok(ofServer.some((line) => isEncrypted(line) && line.startsWith('server -> ')));
  assert.ok(ofServer.some((line) => isEncrypted(line) && line.startsWith('server <- ')));
  const told = ofServer.filter((line) => !isEncrypted(line));
  assert.deepEqual(told, [
    'server <- application data, 4 bytes',
    'server -> application data, 4 bytes',
    'server -> alert close_notify',
    'server <- alert close_notify',
    'server connection ends: Peer',
  ]);
  // The first one, and that with the cookie.
  assert.equal(ofClient.filter((line) => line === 'client <- ClientHello').length, 2);
  assert.ok(ofClient.includes('client -> application data, 4 bytes'));
  assert.deepEqual([...ofServer, ...ofClient].length, lines.length);
});
