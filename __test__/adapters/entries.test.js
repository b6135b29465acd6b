'use strict';

// require('mbed-dtls/particle') and its like: the one line of an application that changes.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const process = require('node:process');
const { describe, test } = require('node:test');

const { event, freePort, messages } = require('../support/endpoints.js');
const { closeAfter, fileWith, keyPair } = require('../support/legacy.js');

const ENTRIES = ['neustar', 'particle', 'trackle', 'k4', 'matasarei'];
const OURS = keyPair();
const THEIRS = keyPair();

/** A server of an entry that listens, with a raw public key. */
async function listening(t, name, options = {}) {
  const { createServer } = require(`mbed-dtls/${name}`);
  const server = closeAfter(t, createServer({ key: OURS.key, identityPskCallback: () => '', ...options }));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function client(t, name, server, options = {}) {
  const { connect } = require(`mbed-dtls/${name}`);
  const { port } = server.address();
  return closeAfter(t, connect({ host: '127.0.0.1', port, key: THEIRS.pkcs8, peerPublicKey: OURS.spki, ...options }));
}

for (const name of ENTRIES) {
  test(`the entry of ${name} makes servers and clients that talk to each other`, async (t) => {
    const server = await listening(t, name);
    server.on('secureConnection', (socket) => socket.on('data', (message) => socket.write(message)));
    const device = client(t, name, server);
    device.write('echo me');
    const [echoed] = await messages(device, 1);
    // Trackle's servers put the length before each message.
    assert.equal(echoed, name === 'trackle' ? '\x00\x07echo me' : 'echo me');
  });

  test(`the entry of ${name} is there for import as well`, async () => {
    const { createServer, connect } = await import(`mbed-dtls/${name}`);
    assert.deepEqual([typeof createServer, typeof connect], ['function', 'function']);
  });
}

/** The echo examples of neustar's and Particle's repositories, as far as they are the same. */
const ECHO = `
const opts = {
  cert: CERT,
  key: KEY,
  debug: 5,
  identityPskCallback: (id) => (id === '32323232-3232-3232-3232-323232323232' ? 'AAAAAAAAAAAAAAAA' : ''),
  handshakeTimeoutMin: 3000
};
const dtlsserver = dtls.createServer(opts, socket => {
  console.log('secure connection from ' + socket.remoteAddress + ':' + socket.remotePort);
  socket.on('data', msg => {
    socket.write(msg);
    if (msg.toString('utf8').indexOf('close') === 0) {
      console.log('closing');
      dtlsserver.close();
    }
  });
  socket.once('error', (err) => console.error('socket error ' + err));
  socket.once('close', () => console.log('closing socket from ' + socket.remoteAddress + ':' + socket.remotePort));
});
dtlsserver.on('clientError', err => console.error('clientError: ' + err));
dtlsserver.on('error', err => console.error('server error: ' + err));
dtlsserver.on('listening', () => console.log('dtls listening on ' + dtlsserver.address().port));
dtlsserver.on('newSession', (sessionId, sessionData, callback) => process.nextTick(() => callback()));
dtlsserver.on('resumeSession', (sessionId, callback) => process.nextTick(() => callback(null, null)));
dtlsserver.listen(PORT, '127.0.0.1');
`;

for (const name of ['neustar', 'particle']) {
  test(`the echo example of ${name} runs with one line changed`, { timeout: 30_000 }, async (t) => {
    const port = await freePort();
    const text = ECHO.replace('CERT', JSON.stringify('/nowhere/public.der'))
      .replace('KEY', JSON.stringify(fileWith(t, OURS.key)))
      .replace('PORT', port);
    const script = `const dtls = require('mbed-dtls/${name}');${text}`;
    const example = spawn(process.execPath, ['-e', script], { cwd: __dirname, stdio: ['ignore', 'pipe', 'ignore'] });
    t.after(() => example.kill());
    let output = '';
    example.stdout.on('data', (chunk) => {
      output += chunk;
    });
    while (!output.includes('dtls listening')) await event(example.stdout, 'data');

    const { connect } = require(`mbed-dtls/${name}`);
    const options = { host: '127.0.0.1', port, key: THEIRS.key, peerPublicKey: OURS.spki, debug: 0 };
    const device = closeAfter(t, connect(options));
    device.write('close the server');
    assert.deepEqual(await messages(device, 1), ['close the server']);
    const [code] = await event(example, 'exit');
    assert.equal(code, 0);
    assert.match(output, /secure connection from 127\.0\.0\.1.*closing\n.*closing socket from 127/s);
  });
}

test('without a profile, what a fork took says what to do', () => {
  const { createServer } = require('mbed-dtls');
  assert.throws(() => createServer({ psk: 'secret', debug: 5 }), {
    code: 'ERR_OUT_OF_RANGE',
    message: /"options\.compat"/,
  });
  assert.throws(() => createServer({ key: OURS.key, cert: 'server.pem' }), {
    code: 'ERR_INVALID_ARG_VALUE',
    message: /fs\.readFileSync/,
  });
});

describe('as in the traces of the original,', () => {
  test('a server that has never listened emits close', async (t) => {
    const { createServer } = require('mbed-dtls/neustar');
    const server = createServer({ key: OURS.key, identityPskCallback: () => '' });
    t.after(() => server.removeAllListeners());
    const closed = event(server, 'close');
    const arguments_ = await new Promise((resolve) => server.close((...args) => resolve(args)));
    assert.deepEqual(arguments_, []);
    assert.deepEqual(await closed, []);
  });

  test('a socket whose handshake fails emits error, number and text, after the clientError of its server', async (t) => {
    const server = await listening(t, 'neustar');
    const seen = [];
    server.on('connection', (socket) => {
      socket.on('error', (...args) => seen.push(['error', ...args]));
      socket.on('close', (hadError) => seen.push(['close', hadError]));
    });
    server.on('clientError', (text) => seen.push(['clientError', text]));
    const closed = new Promise((resolve) => server.on('connection', (socket) => socket.once('close', resolve)));
    const device = client(t, 'neustar', server, {
      key: null,
      peerPublicKey: null,
      psk: Buffer.from('x'),
      PSKIdent: 'bob',
    });
    device.on('error', () => {});
    await closed;
    const text = 'SSL - Unknown identity received (eg, PSK identity)';
    assert.deepEqual(seen, [
      ['clientError', text],
      ['error', -0x6c80, text],
      ['close', true],
    ]);
  });

  test("secureConnect of a server's socket has no argument, and a client's has the client", async (t) => {
    const server = await listening(t, 'neustar');
    const onServer = new Promise((resolve) =>
      server.on('connection', (socket) => socket.on('secureConnect', (...args) => resolve(args))),
    );
    const device = client(t, 'neustar', server);
    const [argument] = await event(device, 'secureConnect');
    assert.equal(argument, device);
    assert.deepEqual(await onServer, []);
  });
});
