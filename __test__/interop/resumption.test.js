'use strict';

// Resumption by session id, which node-mbed-dtls called renegotiation, with OpenSSL's client.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');

const { event, messages, startServer } = require('../support/endpoints.js');
const { keyPair } = require('../support/legacy.js');
const openssl = require('../support/openssl.js');

const PSK = { psk: 'secret', ciphers: 'PSK-AES128-GCM-SHA256', sendClose: false };
const CLIENT = [
  '-psk_identity',
  'bob',
  '-psk',
  Buffer.from('secret').toString('hex'),
  '-cipher',
  'PSK-AES128-GCM-SHA256',
];

/** What a client and the server keep of a first connection. */
async function firstConnection(t, server, args = []) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-'));
  t.after(() => fs.rmSync(directory, { recursive: true }));
  const file = path.join(directory, 'session.pem');
  const secure = event(server, 'secureConnection');
  const peer = openssl.sClient(t, server.address().port, [...CLIENT, ...args, '-sess_out', file]);
  const [socket] = await secure;
  const { session } = socket;
  const received = messages(socket, 1);
  peer.say('hello');
  await received;
  socket.sendClose = true;
  socket.end();
  await peer.exit();
  return { file, session };
}

async function comeBack(t, server, file, args = []) {
  const secure = event(server, 'secureConnection');
  const peer = openssl.sClient(t, server.address().port, [...CLIENT, ...args, '-sess_in', file]);
  const [socket] = await secure;
  return { peer, socket };
}

describe('a client that comes back with its session', { skip: openssl.missing }, () => {
  for (const [title, answer] of Object.entries({
    'at once': (callback, session) => callback(null, session),
    later: (callback, session) => setTimeout(callback, 30, null, session),
    'from JSON': (callback, session) => setImmediate(callback, null, JSON.parse(JSON.stringify(session))),
  })) {
    test(`resumes it when 'renegotiate' answers ${title}, and can be saved and restored again`, async (t) => {
      const server = await startServer(t, PSK);
      const asked = [];
      let kept;
      server.on('renegotiate', (id, socket, callback) => {
        asked.push([id, socket.connected]);
        answer(callback, kept);
      });
      const first = await firstConnection(t, server);
      kept = first.session;
      const { peer, socket } = await comeBack(t, server, first.file);
      assert.deepEqual(asked, [[kept.id.toString('hex'), false]]);
      assert.equal(socket.resumed, true);
      assert.equal(socket.pskIdentity.toString(), 'bob');
      const received = messages(socket, 1);
      peer.say('resumed');
      assert.deepEqual(await received, ['resumed\n']);

      const { session, remoteAddress: address, remotePort: port } = socket;
      const listensOn = server.address().port;
      await new Promise((resolve) => server.close(resolve));
      const next = await startServer(t, PSK);
      await new Promise((resolve) => next.close(resolve));
      await new Promise((resolve) => next.listen(listensOn, '127.0.0.1', resolve));
      assert.equal(next.resumeSocket({ address, port }, session), true);
      const again = messages(Object.values(next.sockets)[0], 1);
      peer.say('restored');
      assert.deepEqual(await again, ['restored\n']);
    });
  }

  for (const [title, change] of Object.entries({
    'no session': () => null,
    'a session with another id': (session) => ({ ...session, id: Buffer.alloc(32, 1) }),
    'a session of another suite': (session) => ({ ...session, ciphersuite: 0xc0a8 }),
    'a session of another name': (session) => ({ ...session, servername: 'b.test' }),
    'a session that does not say whether its master secret is extended': (session) => ({
      ...session,
      extended_master_secret: undefined,
    }),
    'a session whose master secret is not extended': (session) => ({ ...session, extended_master_secret: false }),
    nonsense: () => 'nonsense',
    'a session without master secret': (session) => ({ ...session, master: undefined }),
  })) {
    test(`gets a full handshake when 'renegotiate' answers with ${title}`, async (t) => {
      const server = await startServer(t, PSK);
      let kept;
      server.on('renegotiate', (_id, _socket, callback) => callback(null, change(kept)));
      const first = await firstConnection(t, server);
      kept = first.session;
      const { peer, socket } = await comeBack(t, server, first.file);
      assert.equal(socket.resumed, false);
      const received = messages(socket, 1);
      peer.say('full');
      assert.deepEqual(await received, ['full\n']);
    });
  }

  for (const [title, answer] of Object.entries({
    'an error': (callback, failure) => callback(failure),
    'a late error': (callback, failure) => setImmediate(callback, failure),
    'an exception': (_callback, failure) => {
      throw failure;
    },
    'a promise that is rejected': (_callback, failure) => Promise.reject(failure),
  })) {
    test(`is refused when 'renegotiate' answers with ${title}`, async (t) => {
      const server = await startServer(t, PSK);
      const failure = new Error('database down');
      server.on('renegotiate', (_id, _socket, callback) => answer(callback, failure));
      const first = await firstConnection(t, server);
      const refused = event(server, 'clientError');
      openssl.sClient(t, server.address().port, [...CLIENT, '-sess_in', first.file]);
      const [error] = await refused;
      assert.equal(error.code, 'ERR_DTLS_LOOKUP_FAILED');
      assert.equal(error.cause, failure);
    });
  }

  test("ends without an error, with neustar's profile, when 'renegotiate' answers with one", async (t) => {
    const { psk, ...options } = PSK;
    const legacy = { compat: 'neustar', key: keyPair().key, identityPskCallback: () => psk };
    const server = await startServer(t, { ...options, ...legacy });
    server.on('renegotiate', (_id, _socket, callback) => callback(new Error('database down')));
    const first = await firstConnection(t, server);
    const seen = [];
    server.on('clientError', (text) => seen.push(['clientError', text]));
    const closed = new Promise((resolve) => {
      server.on('connection', (socket) => {
        socket.on('error', (...args) => seen.push(['error', ...args]));
        socket.on('close', (hadError) => resolve([...seen, ['close', hadError]]));
      });
    });
    openssl.sClient(t, server.address().port, [...CLIENT, '-sess_in', first.file]);
    assert.deepEqual(await closed, [['close', false]]);
  });

  test('is asked for after the context of its name and its protocol, which are negotiated anew', async (t) => {
    const asked = [];
    const server = await startServer(t, {
      ...PSK,
      SNICallback(name) {
        asked.push(name);
      },
      ALPNCallback({ protocols }) {
        asked.push(protocols);
        return protocols[1];
      },
    });
    let kept;
    server.on('renegotiate', (_id, _socket, callback) => {
      asked.push('session');
      callback(null, kept);
    });
    const hello = ['-servername', 'a.test', '-alpn', 'coap,lwm2m'];
    const first = await firstConnection(t, server, hello);
    kept = first.session;
    asked.length = 0;
    const { peer, socket } = await comeBack(t, server, first.file, hello);
    assert.deepEqual(asked, ['a.test', ['coap', 'lwm2m'], 'session']);
    assert.equal(socket.resumed, true);
    assert.equal(socket.alpnProtocol, 'lwm2m');
    await peer.printed('ALPN protocol: lwm2m');
  });

  test('resumes it under the name that it was made under, and under no other', async (t) => {
    for (const [made, offered] of [
      ['a.test', 'a.test'],
      ['a.test', 'b.test'],
      ['a.test', null],
      [null, 'a.test'],
    ]) {
      const server = await startServer(t, PSK);
      let kept;
      server.on('renegotiate', (_id, _socket, callback) => callback(null, JSON.parse(JSON.stringify(kept))));
      const named = (name) => (name === null ? ['-noservername'] : ['-servername', name]);
      const first = await firstConnection(t, server, named(made));
      kept = first.session;
      assert.equal(kept.servername, made ?? undefined);
      const { socket } = await comeBack(t, server, first.file, named(offered));
      assert.equal(socket.resumed, made === offered, `made under ${made}, offered under ${offered}`);
      assert.equal(socket.servername, offered ?? false);
    }
  });
});
