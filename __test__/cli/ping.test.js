'use strict';

// What `mbed-dtls ping` measures: handshakes, round trips and loss, against servers that echo, lose and stay silent.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { createServer } = require('../..');
const { spread } = require('../../lib/cli/measures');
const { Command, makeKeys, run, startServer } = require('../support/cli');
const { HOST, event, freePort } = require('../support/endpoints');
const { defaultVersion } = require('../support/older-version.js');

const PSK = ['--psk', 'device-1.psk'];
const KEY = ['--psk-key', 'device-1:0102'];

/** A server of this process that does what `answer` says with each message. */
async function startOwnServer(t, answer) {
  const server = createServer({ psk: { 'device-1': Buffer.from([1, 2]) } }, (socket) => {
    let number = 0;
    socket.on('data', (message) => answer(socket, message, number++));
    socket.on('error', () => {});
  });
  server.listen(0, HOST);
  t.after(() => new Promise((resolve) => server.close(resolve)));
  await event(server, 'listening');
  return `${HOST}:${server.address().port}`;
}

test('the median is the middle one, or lies between the two in the middle', () => {
  assert.deepEqual(spread([3, 1, 2]), { min: 1, median: 2, max: 3 });
  assert.deepEqual(spread([10, 1, 2, 3]), { min: 1, median: 2.5, max: 10 });
  assert.deepEqual(spread([]), {});
});

test('it prints the times of handshakes and round trips', async (t) => {
  const cwd = makeKeys(t, 'psk');
  const { address } = await startServer(t, [...PSK, '--echo'], { cwd });
  const args = ['ping', address, ...PSK, '--handshakes', '3', '--count', '4', '--interval', '0', '--size', '1000'];
  const { code, stdout, stderr } = await run(t, args, { cwd });
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  assert.match(
    stdout,
    /^127\.0\.0\.1:\d+: DTLSv1\.[23], (ECDHE-PSK-|TLS_AES_)\S+\nhandshakes {3}3, min\/median\/max [\d.]+\/[\d.]+\/[\d.]+ ms\nround trips {2}4 sent, 4 answered, 0 % lost, min\/median\/max [\d.]+\/[\d.]+\/[\d.]+ ms\n$/,
  );
});

test('a server answers clients of both versions, unless it is to speak one alone', {
  skip: defaultVersion() === 'DTLSv1.2' && 'only DTLS 1.2 is spoken here',
}, async (t) => {
  const cwd = makeKeys(t, 'psk');
  const ping = ({ address }, version, ...more) =>
    run(t, ['ping', address, ...PSK, '--dtls', version, '--count', '1', ...more], { cwd });
  const both = await startServer(t, [...PSK, '--echo'], { cwd });
  for (const version of ['1.3', '1.2']) {
    const { stdout, stderr } = await ping(both, version);
    assert.match(stdout, new RegExp(`: DTLSv${version}, `), stderr);
  }
  for (const [version, other] of [
    ['1.2', '1.3'],
    ['1.3', '1.2'],
  ]) {
    const alone = await startServer(t, [...PSK, '--echo', '--dtls', version], { cwd });
    assert.match((await ping(alone, version)).stdout, new RegExp(`: DTLSv${version}, `));
    const { code, stderr } = await ping(alone, other, '--timeout', '1');
    assert.equal(code, 1);
    assert.match(stderr, /ERR_DTLS_/);
  }
});

test('lost messages are counted, and the exit code stays 0', async (t) => {
  const address = await startOwnServer(t, (socket, message, number) => number % 2 === 0 && socket.write(message));
  const args = ['ping', address, ...KEY, '--count', '6', '--interval', '0', '--wait', '0.5', '--json'];
  const { code, stdout } = await run(t, args);
  assert.equal(code, 0);
  const { ok, handshake, roundTrip } = JSON.parse(stdout);
  assert.equal(ok, true);
  assert.equal(handshake.count, 1);
  const { sent, answered, loss, min, median, max } = roundTrip;
  assert.deepEqual({ sent, answered, loss }, { sent: 6, answered: 3, loss: 0.5 });
  assert(0 < min && min <= median && median <= max && max < 500);
});

test('an echo that comes twice counts once, and other datagrams are told apart', async (t) => {
  const address = await startOwnServer(t, (socket, message) => {
    for (const answer of [message, message, Buffer.from('news')]) socket.write(answer);
  });
  const { code, stdout } = await run(t, ['ping', address, ...KEY, '--count', '3', '--interval', '0.1', '--json']);
  assert.equal(code, 0);
  const { answered, strange } = JSON.parse(stdout).roundTrip;
  assert.equal(answered, 3);
  // What comes after the last echo is not waited for.
  assert(strange >= 4, String(strange));
});

test('a server that does not echo is exit code 1, with a hint, and 0 with --count 0', async (t) => {
  const address = await startOwnServer(t, () => {});
  const silent = await run(t, ['ping', address, ...KEY, '--count', '2', '--interval', '0', '--wait', '0.2']);
  assert.equal(silent.code, 1);
  assert.match(silent.stderr, /none of 2 messages was answered\nUse --count 0/);
  const handshakeOnly = await run(t, ['ping', address, ...KEY, '--count', '0']);
  assert.equal(handshakeOnly.code, 0);
  assert.doesNotMatch(handshakeOnly.stdout, /round trips/);
});

test('--coap sends pings of CoAP, which are answered with a reset', async (t) => {
  const seen = [];
  const address = await startOwnServer(t, (socket, message) => {
    seen.push(message);
    const answer = Buffer.from(message);
    answer[0] = 0x70;
    socket.write(answer);
  });
  const { code, stdout } = await run(t, [
    'ping',
    address,
    ...KEY,
    '--coap',
    '--count',
    '2',
    '--interval',
    '0',
    '--json',
  ]);
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).roundTrip.answered, 2);
  // RFC 7252 section 4.3: version 1, confirmable, no token, code 0.00, and a message id.
  for (const message of seen) assert(message.length === 4 && message[0] === 0x40 && message[1] === 0);
  assert.notDeepEqual(seen[0], seen[1]);
});

test('a server that closes the connection meanwhile is exit code 1', async (t) => {
  const address = await startOwnServer(t, (socket) => socket.end());
  const { code, stderr } = await run(t, ['ping', address, ...KEY]);
  assert.equal(code, 1);
  assert.match(stderr, /the server has closed the connection/);
});

test('Ctrl-C prints what has been measured until then', { skip: process.platform === 'win32' }, async (t) => {
  const cwd = makeKeys(t, 'psk');
  const server = await startServer(t, [...PSK, '--echo'], { cwd });
  const ping = new Command(t, ['ping', server.address, ...PSK, '--count', '100000', '--interval', '0.01'], { cwd });
  await server.printed(/connected/);
  while (server.stdout.split('\n').length < 3) await event(server.child, 'printed');
  ping.child.kill('SIGINT');
  const { code, stdout } = await ping.end();
  assert.equal(code, 0);
  assert.match(stdout, /round trips {2}\d+ sent, [1-9]\d* answered/);
  await server.printed(/closed/);
});

test('a refused handshake is exit code 1, and JSON has its code', async (t) => {
  const address = await startOwnServer(t, () => {});
  const refused = await run(t, ['ping', address, '--psk-key', 'device-1:ff', '--json']);
  assert.equal(refused.code, 1);
  assert.equal(JSON.parse(refused.stdout).error.code, 'ERR_DTLS_ALERT_RECEIVED');
  const silent = await run(t, ['ping', `${HOST}:${await freePort()}`, ...KEY, '--timeout', '0.5', '--json']);
  assert.equal(silent.code, 1);
  assert.equal(JSON.parse(silent.stdout).error.code, 'ECONNREFUSED');
});
