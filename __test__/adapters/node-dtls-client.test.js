'use strict';

// The API of node-dtls-client, as its users call it.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { test } = require('node:test');

const { dtls } = require('mbed-dtls/node-dtls-client');
const { HOST, echo, event, freePort, startServer } = require('../support/endpoints.js');

const PSK = { Client_identity: 'secret' };

function open(t, port, options, callback) {
  const socket = dtls.createSocket({ type: 'udp4', address: HOST, port, psk: PSK, ...options }, callback);
  t.after(() => socket.close());
  return socket;
}

test('the package itself has it too, for an npm alias', () => {
  assert.equal(require('mbed-dtls').dtls, dtls);
});

test("messages travel after 'connected', and close() ends the connection", async (t) => {
  const server = await startServer(t, { psk: PSK }, echo);
  const { port } = server.address();
  const heard = t.mock.fn();
  const listenPort = await freePort();
  const socket = open(
    t,
    port,
    { listenPort, ciphers: ['TLS_PSK_WITH_AES_128_CBC_SHA', 'TLS_PSK_WITH_AES_128_CCM_8'] },
    heard,
  );
  assert(socket instanceof dtls.Socket);
  assert.throws(() => socket.send(Buffer.from('early')), /not finished/);
  const secure = event(server, 'secureConnection');
  await event(socket, 'connected');
  const [peer] = await secure;
  assert.equal(peer.remotePort, listenPort);
  assert.equal(peer.getCipher().name, 'PSK-AES128-CCM8');
  const sent = new Promise((resolve) => socket.send(Buffer.from('hello'), (...results) => resolve(results)));
  assert.deepEqual(await sent, [null, 5]);
  const [message, rinfo] = await event(socket, 'message');
  assert.equal(`${message}`, 'hello');
  assert.deepEqual(rinfo, { address: HOST, family: 'IPv4', port, size: 5 });
  assert.equal(heard.mock.callCount(), 1);
  const goodbye = event(peer, 'close');
  await new Promise((resolve) => socket.close(resolve));
  await goodbye;
  assert.throws(() => socket.send(Buffer.from('late')), /closed/);
});

test("a server that says goodbye leads to 'close'", async (t) => {
  const server = await startServer(t, { psk: PSK }, (socket) => socket.end());
  const socket = open(t, server.address().port);
  await event(socket, 'close');
});

test("a wrong key leads to 'error', and to no 'close' after it", async (t) => {
  const server = await startServer(t, { psk: { Client_identity: 'another' } });
  const socket = open(t, server.address().port);
  const closed = t.mock.fn();
  socket.on('close', closed);
  const [error] = await event(socket, 'error');
  assert.equal(error.code, 'ERR_DTLS_ALERT_RECEIVED');
  await new Promise(setImmediate);
  assert.equal(closed.mock.callCount(), 0);
});

test("a silent peer leads to 'error' after the timeout, with node-dtls-client's text", async (t) => {
  const silent = dgram.createSocket('udp4').bind(0, HOST);
  t.after(() => silent.close());
  await event(silent, 'listening');
  const hellos = t.mock.fn();
  silent.on('message', hellos);
  const [error] = await event(open(t, silent.address().port, { timeout: 400 }), 'error');
  assert.match(error.message, /DTLS handshake timed out/);
  assert.equal(error.code, 'ERR_DTLS_NO_ANSWER');
  // It sends its hello again meanwhile, which node-dtls-client did not.
  assert(hellos.mock.callCount() > 1);
});

test('close() before the handshake is over gives it up', async (t) => {
  const silent = dgram.createSocket('udp4').bind(0, HOST);
  t.after(() => silent.close());
  await event(silent, 'listening');
  const socket = open(t, silent.address().port);
  await event(silent, 'message');
  await new Promise((resolve) => socket.close(resolve));
});

test('options that are wrong are refused with the texts of node-dtls-client', () => {
  const good = { type: 'udp4', address: HOST, port: 5684, psk: PSK };
  const refused = (options, text) => assert.throws(() => dtls.createSocket(options), text);
  refused(undefined, /No connection options/);
  refused({ ...good, type: 'udp5' }, /"type"/);
  refused({ ...good, address: '' }, /remote address/);
  refused({ ...good, port: 0 }, /remote port/);
  refused({ ...good, listenPort: 70_000 }, /listen port/);
  refused({ ...good, psk: {} }, /PSK dictionary/);
  refused({ ...good, ciphers: ['TLS_PSK_WITH_3DES_EDE_CBC_SHA'] }, { code: 'ERR_DTLS_INVALID_CIPHER' });
});

test('it stays with DTLS 1.2', async (t) => {
  const server = await startServer(t, { psk: PSK, maxVersion: 'DTLSv1.3' });
  const secure = event(server, 'secureConnection');
  open(t, server.address().port);
  assert.equal((await secure)[0].getProtocol(), 'DTLSv1.2');
});
