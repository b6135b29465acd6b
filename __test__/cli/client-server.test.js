'use strict';

// `mbed-dtls server` and `mbed-dtls client`: datagrams between standard streams and peers, ours and OpenSSL's.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { test } = require('node:test');

const { Command, makeKeys, run, startServer } = require('../support/cli');
const { HOST, event, freePort, isFree } = require('../support/endpoints');
const openssl = require('../support/openssl');

const PSK = ['--psk', 'device-1.psk'];

test('each line goes to the server, and each echo comes back as a line', async (t) => {
  const cwd = makeKeys(t, 'psk');
  const server = await startServer(t, [...PSK, '--echo'], { cwd });
  const input = 'hello\r\nw\u00f6rld\n\nno newline at the end';
  const { code, stdout, stderr } = await run(t, ['client', server.address, ...PSK, '--count', '4'], { cwd, input });
  assert.equal(code, 0, stderr);
  assert.equal(stdout, 'hello\nw\u00f6rld\n\nno newline at the end\n');
  assert.match(stderr, /^connected to 127\.0\.0\.1:\d+: DTLSv1\.[23], (ECDHE-PSK-|TLS_AES_)/);
  await server.printed(/closed: 4 datagrams came/);
  assert.equal(server.stdout, stdout);
});

test('with --raw, the whole input is one datagram, and every byte comes back', async (t) => {
  const cwd = makeKeys(t, 'psk');
  const server = await startServer(t, [...PSK, '--echo'], { cwd });
  const input = Buffer.from(Array.from({ length: 1024 }, (_, index) => index & 0xff));
  const client = new Command(t, ['client', server.address, ...PSK, '--raw', '--count', '1'], { cwd });
  client.child.stdout.setEncoding('latin1');
  client.child.stdin.end(input);
  const { code, stdout } = await client.end();
  assert.equal(code, 0);
  assert.deepEqual(Buffer.from(stdout, 'latin1'), input);
});

test('lines of the server go to every client', async (t) => {
  const cwd = makeKeys(t, 'psk');
  const server = await startServer(t, PSK, { cwd });
  const clients = [1, 2].map(() => new Command(t, ['client', server.address, ...PSK, '--count', '1'], { cwd }));
  for (const client of clients) await client.printed(/connected to/);
  await server.printed(/connected[\s\S]*connected/);
  server.child.stdin.write('to everybody\n');
  for (const client of clients) assert.deepEqual((await client.end()).stdout, 'to everybody\n');
});

test('a datagram that never comes is exit code 1 with --count, and 0 without it', async (t) => {
  const cwd = makeKeys(t, 'psk');
  const server = await startServer(t, PSK, { cwd });
  const args = ['client', server.address, ...PSK, '--wait', '0.2'];
  const counted = await run(t, [...args, '--count', '1'], { cwd, input: 'hello\n' });
  assert.equal(counted.code, 1);
  assert.match(counted.stderr, /0 of 1 datagram came\n.*--wait/);
  assert.equal((await run(t, args, { cwd, input: 'hello\n' })).code, 0);
});

test('--json says what happens on both sides, one object a line', async (t) => {
  const cwd = makeKeys(t, 'psk');
  const server = await startServer(t, [...PSK, '--echo', '--json', '--once'], { cwd });
  const input = Buffer.concat([Buffer.from('hello\n'), Buffer.from([0xff, 0x00, 0x0a])]);
  const client = await run(t, ['client', server.address, ...PSK, '--json', '--count', '2'], { cwd, input });
  const lines = (text) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  const peer = server.address;
  const [connected, hello, bytes, closed] = lines(client.stdout);
  assert.equal(connected.event, 'connected');
  assert.match(connected.protocol, /^DTLSv1\.[23]$/);
  assert.deepEqual(hello, { event: 'message', peer, text: 'hello' });
  assert.deepEqual(bytes, { event: 'message', peer, base64: '/wA=' });
  assert.deepEqual(closed, { event: 'closed', peer, received: 2 });
  const events = lines((await server.end()).stdout);
  assert.deepEqual(
    events.map(({ event: name }) => name),
    ['listening', 'connected', 'message', 'message', 'closed'],
  );
  assert.equal(events[1].pskIdentity, 'device-1');
});

test('keys can come from the environment, and from the arguments with a warning', async (t) => {
  const cwd = makeKeys(t, 'psk', 'certificates');
  const read = (name) => fs.readFileSync(path.join(cwd, name), 'utf8').trim();
  const psk = read('device-1.psk');
  const env = { MBED_DTLS_PSK: psk, MBED_DTLS_KEY: read('server.key') };
  const server = await startServer(t, ['--cert', 'server.crt', '--echo'], { cwd, env });
  const args = ['client', server.address, '--count', '1', '--ca', 'ca.crt'];
  const fromEnvironment = await run(t, args, { cwd, env: { MBED_DTLS_PSK: psk }, input: 'x\n' });
  assert.equal(fromEnvironment.code, 0, fromEnvironment.stderr);
  assert.doesNotMatch(fromEnvironment.stderr, /warning/);
  const fromArguments = await run(t, [...args, '--psk-key', psk], { cwd, input: 'x\n' });
  assert.equal(fromArguments.code, 0, fromArguments.stderr);
  assert.match(fromArguments.stderr, /warning: --psk-key shows the key to everybody/);
  const byCertificate = await run(t, args, { cwd, input: 'x\n' });
  assert.equal(byCertificate.code, 0, byCertificate.stderr);
  assert.match(byCertificate.stderr, /certificate "CN=localhost"/);
});

test('an encrypted key is read with the passphrase of the environment', async (t) => {
  const cwd = makeKeys(t, 'certificates');
  const { createPrivateKey } = require('node:crypto');
  const key = createPrivateKey(fs.readFileSync(path.join(cwd, 'server.key')));
  const pem = key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'opensesame' });
  fs.writeFileSync(path.join(cwd, 'encrypted.key'), pem);
  const args = ['--key', 'encrypted.key', '--cert', 'server.crt'];
  await startServer(t, args, { cwd, env: { MBED_DTLS_PASSPHRASE: 'opensesame' } });
  for (const env of [{}, { MBED_DTLS_PASSPHRASE: 'wrong' }]) {
    const { code, stderr } = await run(t, ['server', `${HOST}:0`, ...args], { cwd, env });
    assert.equal(code, 2);
    assert.match(stderr, /MBED_DTLS_PASSPHRASE/);
    assert.doesNotMatch(stderr, /wrong/);
  }
});

test('a port in use, and an address of others, are said to be so', async (t) => {
  const cwd = makeKeys(t, 'psk');
  const socket = dgram.createSocket('udp4').bind(0, HOST);
  t.after(() => socket.close());
  await event(socket, 'listening');
  const inUse = await run(t, ['server', `${HOST}:${socket.address().port}`, ...PSK], { cwd });
  assert.equal(inUse.code, 1);
  assert.match(inUse.stderr, /another program has this UDP port \(EADDRINUSE\)\nChoose another port/);
  const foreign = await run(t, ['server', '192.0.2.1:0', ...PSK, '--json'], { cwd });
  assert.equal(foreign.code, 1);
  assert.equal(JSON.parse(foreign.stdout).error.code, 'EADDRNOTAVAIL');
});

// What a server has, what a client has, and what becomes of the client.
const REFUSALS = [
  [
    'another key',
    ['--psk', 'device-1.psk'],
    ['--psk-key', 'device-1:00'],
    /ERR_DTLS_ALERT_RECEIVED.*\nCheck that key and identity/,
  ],
  ['an unknown identity', ['--psk', 'device-1.psk'], ['--psk-key', 'nobody:00'], /ERR_DTLS_ALERT_RECEIVED/],
  [
    'no credentials of its own',
    ['--key', 'server.key', '--cert', 'server.crt', '--ca', 'ca.crt'],
    ['--ca', 'ca.crt'],
    /ERR_DTLS_ALERT_RECEIVED/,
  ],
  [
    'no trust in the CA',
    ['--key', 'server.key', '--cert', 'server.crt'],
    [],
    /UNABLE_TO_VERIFY_LEAF_SIGNATURE.*\nName the certificate .*--ca/,
  ],
  [
    'another name in mind',
    ['--key', 'server.key', '--cert', 'server.crt'],
    ['--ca', 'ca.crt', '--servername', 'bank.example'],
    /ERR_TLS_CERT_ALTNAME_INVALID.*\n.*--servername/,
  ],
  [
    'suites that the server lacks',
    ['--psk', 'device-1.psk', '--ciphers', 'PSK-AES128-CCM8'],
    ['--psk', 'device-1.psk', '--ciphers', 'PSK-AES256-GCM-SHA384'],
    /ERR_DTLS_ALERT_RECEIVED.*\n.*nothing in common/,
  ],
];
for (const [what, serverArgs, clientArgs, message] of REFUSALS) {
  test(`a client with ${what} ends with exit code 1 and says why`, async (t) => {
    const cwd = makeKeys(t, 'psk', 'certificates');
    // The files of both kinds have different names.
    const server = await startServer(t, serverArgs, { cwd });
    const { code, stdout, stderr } = await run(t, ['client', server.address, ...clientArgs], { cwd });
    assert.equal(code, 1, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n {4}at /);
    await server.printed(/refused: .*\((ERR_DTLS|UNABLE|CERT)/);
  });
}

test('with --insecure, a client accepts any server and warns', async (t) => {
  const cwd = makeKeys(t, 'certificates');
  const server = await startServer(t, ['--key', 'server.key', '--cert', 'server.crt', '--echo'], { cwd });
  const { code, stderr } = await run(t, ['client', server.address, '--insecure', '--count', '1'], {
    cwd,
    input: 'x\n',
  });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /warning: with --insecure anybody can be the server/);
});

test('nobody at the port, and no such host, are said to be so', async (t) => {
  const cwd = makeKeys(t, 'psk');
  const nobody = await run(t, ['client', `${HOST}:${await freePort()}`, ...PSK, '--timeout', '0.5'], { cwd });
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /nobody listens on that port \(ECONNREFUSED\)\nCheck the port/);
  const nowhere = await run(t, ['client', 'no-such-host.invalid:5684', ...PSK], { cwd });
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.stderr, /\((ENOTFOUND|EAI_AGAIN)\)\n.*IP address/);
});

test('a line that no datagram can hold is named by its number, and nothing of it is sent', async (t) => {
  const cwd = makeKeys(t, 'psk');
  const server = await startServer(t, PSK, { cwd });
  const { code, stderr } = await run(t, ['client', server.address, ...PSK], {
    cwd,
    input: `first\n${'x'.repeat(16385)}\n`,
  });
  assert.equal(code, 2);
  assert.match(stderr, /line 2 of the input has more than 16384 bytes/);
  await server.printed(/closed: 1 datagram came/);
  assert.equal(server.stdout, 'first\n');
});

test('a server that says goodbye ends the client', async (t) => {
  const cwd = makeKeys(t, 'psk');
  const server = await startServer(t, PSK, { cwd });
  const client = new Command(t, ['client', server.address, ...PSK], { cwd });
  await client.printed(/connected to/);
  server.child.kill('SIGTERM');
  assert.equal((await server.end()).code, 0);
  const { code, stderr } = await client.end();
  assert.equal(code, 0);
  assert.match(stderr, /closed: 0 datagrams came/);
  assert(await isFree(Number(server.port)));
});

test("OpenSSL's s_client talks to the server", { skip: openssl.missing }, async (t) => {
  const cwd = makeKeys(t, 'certificates');
  const server = await startServer(t, ['--key', 'server.key', '--cert', 'server.crt', '--ca', 'ca.crt', '--echo'], {
    cwd,
  });
  const file = (name) => path.join(cwd, name);
  const trust = ['-CAfile', file('ca.crt'), '-verify_return_error', '-verify_hostname', 'localhost'];
  const peer = openssl.sClient(t, server.port, [
    ...trust,
    '-key',
    file('device-1.key'),
    '-cert',
    file('device-1.crt'),
    '-quiet',
  ]);
  await server.printed(/connected: DTLSv1\.[23], .*certificate "CN=device-1"/);
  peer.say('hello from OpenSSL');
  await peer.printed('hello from OpenSSL');
  await server.printed(/^hello from OpenSSL$/m);
});

test("the client talks to OpenSSL's s_server", { skip: openssl.missing }, async (t) => {
  const cwd = makeKeys(t, 'psk');
  const [identity, key] = fs.readFileSync(path.join(cwd, 'device-1.psk'), 'utf8').trim().split(':');
  const port = await freePort();
  const cipher = ['-cipher', 'PSK-AES128-CCM8:@SECLEVEL=0'];
  const peer = openssl.sServer(t, port, ['-nocert', '-psk', key, '-psk_identity', identity, ...cipher]);
  await peer.printed('ACCEPT');
  const client = new Command(t, ['client', `${HOST}:${port}`, ...PSK, '--count', '1'], { cwd });
  client.child.stdin.write('hello\n');
  await peer.printed('hello');
  peer.say('hello from OpenSSL');
  const { code, stdout, stderr } = await client.end();
  assert.equal(code, 0, stderr);
  assert.match(stdout, /hello from OpenSSL/);
});

test('with --dashboard, a page shows who is connected, and it goes with the server', async (t) => {
  const cwd = makeKeys(t, 'psk');
  const server = await startServer(t, [...PSK, '--dashboard', '0'], { cwd });
  const [, url] = await server.printed(/dashboard at (http:\/\/127\.0\.0\.1:\d+\/)/);
  const client = new Command(t, ['client', server.address, ...PSK], { cwd });
  await server.printed(/connected/);
  const { rows } = await (await fetch(`${url}api/connections?limit=1`)).json();
  assert.equal(rows[0].identity.name, 'device-1');
  client.child.kill();
  server.child.kill('SIGTERM');
  assert.equal((await server.end()).code, 0);
  await assert.rejects(fetch(url));
});

test('a dashboard that cannot be shown ends the server with a reason', async (t) => {
  const cwd = makeKeys(t, 'psk');
  const taken = net.createServer().listen(0, HOST);
  t.after(() => taken.close());
  await event(taken, 'listening');
  const args = ['server', `${HOST}:0`, ...PSK, '--dashboard'];
  const { code, stderr } = await run(t, [...args, `${HOST}:${taken.address().port}`], { cwd });
  assert.equal(code, 1);
  assert.match(stderr, /the dashboard cannot be shown: .*EADDRINUSE.*\n.*--dashboard/);
  assert.equal((await run(t, [...args, 'here'], { cwd })).code, 2);
});
