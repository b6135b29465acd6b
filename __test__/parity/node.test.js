'use strict';

// What node:tls, node:net and node:dgram have, done here.

const assert = require('node:assert/strict');
const net = require('node:net');
const { test } = require('node:test');
const { promisify } = require('node:util');

const { connect, createDgramSocket, createSecureContext, createServer, promises } = require('../..');
const certificates = require('../support/certificates.js');
const {
  BOB,
  HOST,
  connectedPair,
  event,
  freePort,
  isFree,
  openClient,
  startServer,
} = require('../support/endpoints.js');

const ASYNC_DISPOSE = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');

test('an AbortSignal ends a connection at any time, and one that is over is left alone', async (t) => {
  const server = await startServer(t);
  const reason = new Error('enough');
  for (const when of ['before', 'during', 'after']) {
    const controller = new AbortController();
    if (when === 'before') controller.abort(reason);
    const client = openClient(t, server, { ...BOB, signal: controller.signal });
    const failed = event(client, 'error');
    if (when === 'after') await event(client, 'secureConnect');
    if (when !== 'before') controller.abort(reason);
    const [error] = await failed;
    assert.deepEqual([error.name, error.code, error.cause], ['AbortError', 'ABORT_ERR', reason]);
  }
  const controller = new AbortController();
  const client = openClient(t, server, { ...BOB, signal: controller.signal });
  await event(client, 'secureConnect');
  client.resume().end();
  await event(client, 'close');
  controller.abort();
});

test('an AbortSignal closes a server and a datagram socket', async () => {
  for (const isAborted of [true, false]) {
    const controller = new AbortController();
    if (isAborted) controller.abort();
    const server = createServer({ psk: 'x' });
    const closed = event(server, 'close');
    server.listen({ port: 0, host: HOST, signal: controller.signal }, () => controller.abort());
    await closed;
    assert.equal(server.listening, false);
  }
  const controller = new AbortController();
  const socket = createDgramSocket({ psk: 'x', signal: controller.signal });
  controller.abort();
  await event(socket, 'close');
});

test('promises.connect() and promises.listen() wait, and fail with the error', async () => {
  const server = await promises.listen(createServer({ psk: { bob: BOB.psk } }), 0, HOST);
  assert.equal(server.listening, true);
  const { port } = server.address();
  const client = await promises.connect({ host: HOST, port, ...BOB });
  assert.equal(client.connected, true);
  assert.equal(client.listenerCount('error'), 0);
  assert.deepEqual([client.getX509Certificate(), client.getCertificate()], [undefined, {}]);
  await assert.rejects(promises.connect(port, HOST, { psk: 'another key', pskIdentity: 'bob' }), {
    code: /^ERR_DTLS_/,
  });
  await assert.rejects(promises.listen(createServer({ psk: 'x' }), port, HOST), { code: 'EADDRINUSE' });
  await assert.rejects(promises.connect({}), { code: 'ERR_MISSING_OPTION' });
  assert.equal(await promisify(server.getConnections).call(server), 1);

  // What `await using` calls.
  await client[ASYNC_DISPOSE]();
  assert.equal(client.closed, true);
  await client[ASYNC_DISPOSE]();
  await server[ASYNC_DISPOSE]();
  assert.equal(server.listening, false);
  assert.equal(await isFree(port), true);
  await server[ASYNC_DISPOSE]();
});

test('a client is disposed of in the middle of its handshake', async () => {
  const client = connect({ host: HOST, port: await freePort(), ...BOB });
  await client[ASYNC_DISPOSE]();
  assert.equal(client.destroyed, true);
});

test('secureContext takes the place of key and cert on both sides', { skip: !certificates.available }, async (t) => {
  const { ca, p384: own, p384Ca, server: shown } = certificates;
  const secureContext = createSecureContext({ key: shown.key, cert: shown.cert, ca: p384Ca.cert });
  const context = createSecureContext({ key: own.key, cert: own.cert, ca: ca.cert });
  const pair = await connectedPair(t, {
    serverOptions: { secureContext, psk: undefined },
    clientOptions: { secureContext: context, servername: 'localhost', psk: undefined, pskIdentity: undefined },
  });
  assert.equal(pair.client.authorized, true);
  assert.equal(pair.socket.authorized, true);
  assert.match(pair.socket.getPeerX509Certificate().subject, /localhost/);
  // Each side knows its own certificate as the other sees it.
  for (const [side, peer] of [
    [pair.socket, pair.client],
    [pair.client, pair.socket],
  ]) {
    assert.equal(side.getX509Certificate().fingerprint256, peer.getPeerX509Certificate().fingerprint256);
    assert.deepEqual(side.getCertificate().raw, peer.getPeerCertificate().raw);
  }
  assert.throws(() => createServer({ secureContext, key: shown.key }), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.throws(() => createServer({ secureContext: {} }), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('blockList keeps peers out of a server, and a client from connecting', async (t) => {
  const blockList = new net.BlockList();
  const server = await startServer(t, { psk: { bob: BOB.psk }, blockList });
  assert.equal(await event(openClient(t, server), 'secureConnect').then(() => true), true);
  blockList.addAddress(HOST);
  const { datagramsReceived } = server.stats;
  const kept = openClient(t, server, { ...BOB, handshakeTimeout: 200 });
  const [silence] = await event(kept, 'error');
  assert.equal(silence.code, 'ERR_DTLS_NO_ANSWER');
  assert.equal(server.stats.datagramsReceived, datagramsReceived);
  const [refusal] = await event(openClient(t, server, { ...BOB, blockList }), 'error');
  assert.equal(refusal.code, 'ERR_IP_BLOCKED');
});

test('a server resolves its host by its own lookup, and two share an address with reuseAddr', async (t) => {
  const lookup = (host, _family, callback) => callback(host === 'here.test' ? null : new Error(host), HOST, 4);
  const options = { psk: { bob: BOB.psk }, lookup, reuseAddr: true };
  const first = await promises.listen(createServer(options), 0, 'here.test');
  const { address, port } = first.address();
  assert.equal(address, HOST);
  const second = await promises.listen(createServer(options), port, 'here.test');
  for (const server of [first, second]) await server[ASYNC_DISPOSE]();
  t.diagnostic(`both had port ${port}`);
});

test("'tlsClientError' follows 'clientError', with the same arguments", async (t) => {
  const server = await startServer(t);
  const order = [];
  server.on('clientError', (...args) => order.push(args));
  const failed = event(server, 'tlsClientError');
  openClient(t, server, { psk: 'another key', pskIdentity: 'bob' }).on('error', () => {});
  order.push(await failed);
  assert.deepEqual(order[0], order[1]);
  assert.equal(order[0][1].encrypted, true);
});

test('options with wrong values are refused', () => {
  for (const [name, value] of Object.entries({
    signal: {},
    blockList: [HOST],
    lookup: 'dns',
    reuseAddr: 1,
    reusePort: 'yes',
    enableTrace: 1,
  })) {
    assert.throws(() => connect({ port: 1, ...BOB, [name]: value }), { code: 'ERR_INVALID_ARG_TYPE' }, name);
  }
});
