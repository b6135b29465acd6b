'use strict';

// Connections that leave one server, or client, and go on in another.

const assert = require('node:assert/strict');
const { createSecretKey, randomBytes } = require('node:crypto');
const { describe, test } = require('node:test');
const { buffer } = require('node:stream/consumers');
const { Readable } = require('node:stream');

const { createServer, importConnection } = require('../..');
const certificates = require('../support/certificates.js');
const { BOB, HOST, connectedPair, echo, event, messages, startServer } = require('../support/endpoints.js');
const { SAVED, fileInOlderVersion } = require('../support/older-version.js');

fileInOlderVersion(SAVED);

const KEY = randomBytes(32);
const OPTIONS = { psk: { bob: BOB.psk } };

/** A server on the port of another one that has just closed, with its connections. */
async function importInto(t, port, source, options = OPTIONS, listener = echo) {
  const server = createServer(options, listener);
  const result = await server.importConnections(source, { key: KEY });
  server.listen(port, HOST);
  t.after(() => new Promise((resolve) => server.close(resolve)));
  await event(server, 'listening');
  return { server, result };
}

async function exported(server) {
  const closed = event(server, 'close');
  const bytes = await buffer(server.exportConnections({ key: KEY }));
  await closed;
  return bytes;
}

function rejectsWith(code, promise) {
  return assert.rejects(promise, (error) => error.code === code || assert.fail(error));
}

describe('A server that exports its connections', () => {
  test('closes, its sockets close without a word to their peers, and they go on elsewhere', async (t) => {
    const { server, socket, client } = await connectedPair(t);
    socket.data = { name: 'Bob', seen: [1, 2] };
    const { port } = server.address();
    const closes = Promise.all([event(socket, 'closing'), event(socket, 'close')]);
    const bytes = await exported(server);
    assert.deepEqual(await closes, [[], [false]]);
    assert.equal(socket.exported, true);
    assert.equal(server.getConnections(), 0);

    const order = [];
    const other = createServer(OPTIONS, echo);
    for (const name of ['connection', 'secureConnection', 'listening']) other.on(name, () => order.push(name));
    const events = Promise.all([event(other, 'secureConnection'), event(other, 'listening')]);
    assert.deepEqual(await other.importConnections(bytes, { key: KEY }), { imported: 1, refused: 0 });
    other.listen(port, HOST);
    t.after(() => other.close());
    const [[arrived]] = await events;
    assert.deepEqual(order, ['connection', 'secureConnection', 'listening']);
    assert.equal(arrived.pskIdentity.toString(), 'bob');
    assert.deepEqual(arrived.data, { name: 'Bob', seen: [1, 2] });
    assert.deepEqual(
      [arrived.resumed, arrived.authorized, arrived.connected, arrived.getCipher(), arrived.remotePort],
      [true, socket.authorized, true, client.getCipher(), client.localPort],
    );
    const answer = messages(client, 1);
    client.write('still here');
    assert.deepEqual(await answer, ['still here']);
  });

  const skip = !certificates.available && 'skipped (openssl not found)';
  test('passes on what a handshake has found out', { skip }, async (t) => {
    const { ca, server: own, client: theirs } = certificates;
    const options = { key: own.key, cert: own.cert, ca: ca.cert, ALPNProtocols: ['coap', 'h2'] };
    const { server, socket, client } = await connectedPair(t, {
      serverOptions: { psk: undefined, ...options },
      clientOptions: {
        ...{ psk: undefined, pskIdentity: undefined, ALPNProtocols: ['coap'] },
        ...{ key: theirs.key, cert: theirs.cert, ca: ca.cert, servername: 'localhost' },
      },
    });
    const { port } = server.address();
    const [fingerprint, publicKey] = [socket.getPeerCertificate().fingerprint256, socket.publicKey];
    const arriving = new Promise((resolve) => {
      exported(server).then((bytes) => importInto(t, port, bytes, options, (arrived) => resolve(arrived)));
    });
    const arrived = await arriving;
    assert.equal(arrived.getPeerCertificate().fingerprint256, fingerprint);
    assert.deepEqual(arrived.publicKey, publicKey);
    assert.deepEqual(
      [arrived.authorized, arrived.authorizationError, arrived.alpnProtocol, arrived.servername],
      [true, null, 'coap', 'localhost'],
    );
    client.write('data');
    const [message] = await event(arrived, 'data');
    assert.equal(message.toString(), 'data');
  });

  test('passes on messages that nobody has read', async (t) => {
    const { server, socket, client } = await connectedPair(t);
    const { port } = server.address();
    const sent = Array.from({ length: 40 }, (_, index) => `message ${index}`);
    let count = 0;
    const arrived = new Promise((resolve) => {
      socket.on('receive', () => ++count === sent.length && resolve());
    });
    for (const message of sent) client.write(message);
    await arrived;
    const bytes = await exported(server);
    const received = new Promise((resolve) => {
      importInto(t, port, bytes, OPTIONS, (arrived) => resolve(messages(arrived, sent.length)));
    });
    assert.deepEqual(await received, sent);
  });

  test('passes on connection IDs', async (t) => {
    const options = { ...OPTIONS, connectionId: 8 };
    const { server, socket, client } = await connectedPair(t, {
      serverOptions: options,
      clientOptions: { connectionId: 0 },
    });
    const { connectionId } = socket;
    const { port } = server.address();
    const bytes = await exported(server);
    const { server: other, result } = await importInto(t, port, bytes, options);
    assert.deepEqual(result, { imported: 1, refused: 0 });
    assert.deepEqual(Object.values(other.sockets)[0].connectionId, connectionId);
    const answer = messages(client, 1);
    client.write('with an ID');
    assert.deepEqual(await answer, ['with an ID']);
  });

  test('says goodbye to those that cannot go on elsewhere', async (t) => {
    const { server, client } = await connectedPair(t, { clientOptions: { ciphers: 'PSK-CHACHA20-POLY1305' } });
    client.resume();
    const end = event(client, 'end');
    const stream = server.exportConnections({ key: KEY });
    await buffer(stream);
    assert.equal(stream.connections, 0);
    await end;
  });

  test('keeps all of them when one has data that JSON cannot express', async (t) => {
    const { server, socket } = await connectedPair(t);
    socket.data = 1n;
    await assert.rejects(buffer(server.exportConnections({ key: KEY })), TypeError);
    assert.equal(socket.connected && server.listening, true);
  });

  test('refuses keys that are none, and only exports while it listens', async (t) => {
    const { server } = await connectedPair(t);
    const code = (expected) => ({ code: expected });
    assert.throws(() => server.exportConnections(), code('ERR_INVALID_ARG_TYPE'));
    assert.throws(() => server.exportConnections({}), code('ERR_INVALID_ARG_TYPE'));
    assert.throws(() => server.exportConnections({ key: 'password' }), code('ERR_INVALID_ARG_TYPE'));
    assert.throws(() => server.exportConnections({ key: Buffer.alloc(31) }), code('ERR_INVALID_ARG_VALUE'));
    assert.throws(() => server.exportConnections({ key: KEY, keys: 1 }), code('ERR_INVALID_ARG_VALUE'));
    assert.throws(() => createServer(OPTIONS).exportConnections({ key: KEY }), code('ERR_SERVER_NOT_RUNNING'));
    await rejectsWith('ERR_INVALID_ARG_TYPE', server.importConnections(1, { key: KEY }));
    await rejectsWith('ERR_INVALID_ARG_TYPE', server.importConnections(Readable.from([1]), { key: KEY }));
    assert.ok(server.exportConnections({ key: createSecretKey(KEY) }));
  });
});

describe('A server that imports connections', () => {
  test('takes all of them or none', async (t) => {
    const { server } = await connectedPair(t);
    const bytes = await exported(server);
    const other = createServer(OPTIONS);
    const taking = (source, key = KEY) => other.importConnections(source, { key });
    await rejectsWith('ERR_DTLS_EXPORT_WRONG_KEY', taking(bytes, randomBytes(32)));
    for (let length = 0; length < bytes.length; length++) {
      await rejectsWith('ERR_DTLS_EXPORT_INCOMPLETE', taking(bytes.subarray(0, length)));
    }
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] ^= 1;
      await assert.rejects(taking(changed), /ERR_DTLS_EXPORT|DtlsError/);
    }
    const [another] = [Buffer.from(bytes)];
    another[9] = 2;
    await rejectsWith('ERR_DTLS_EXPORT_VERSION', taking(another));
    await rejectsWith('ERR_DTLS_EXPORT_DAMAGED', taking(Buffer.concat([bytes, Buffer.of(0)])));
    await rejectsWith('ERR_DTLS_EXPORT_DAMAGED', taking(randomBytes(200)));
    assert.deepEqual(other.stats.connections, 0);
    const byByte = Readable.from(Array.from(bytes, (byte) => Buffer.of(byte)));
    assert.deepEqual(await taking(byByte), { imported: 1, refused: 0 });
    assert.deepEqual(await taking(bytes), { imported: 0, refused: 1 }, 'an association lives once');
  });

  test('goes on at once when it listens already', async (t) => {
    const { server } = await connectedPair(t);
    const bytes = await exported(server);
    const { server: other } = await connectedPair(t);
    const connection = event(other, 'secureConnection');
    assert.deepEqual(await other.importConnections(bytes, { key: KEY }), { imported: 1, refused: 0 });
    const [socket] = await connection;
    assert.equal(socket.connected, true);
    assert.equal(other.getConnections(), 2);
  });

  test('has room for no more than maxConnections', async (t) => {
    const { server } = await connectedPair(t);
    const bytes = await exported(server);
    const full = await connectedPair(t, { serverOptions: { maxConnections: 1 } });
    assert.deepEqual(await full.server.importConnections(bytes, { key: KEY }), { imported: 0, refused: 1 });
  });
});

describe('One connection', () => {
  test('is exported alone, and the server goes on', async (t) => {
    const { server, socket, client } = await connectedPair(t);
    const bytes = await socket.exportConnection({ key: KEY });
    await event(socket, 'close');
    assert.deepEqual([socket.exported, server.listening, server.getConnections()], [true, true, 0]);
    await rejectsWith('ERR_DTLS_NOT_CONNECTED', socket.exportConnection({ key: KEY }));
    server.on('secureConnection', echo);
    assert.deepEqual(await server.importConnections(bytes, { key: KEY }), { imported: 1, refused: 0 });
    const answer = messages(client, 1);
    client.write('back again');
    assert.deepEqual(await answer, ['back again']);
  });

  test('is exported when all is delivered that has been taken from the UDP socket', async (t) => {
    const { socket, client } = await connectedPair(t);
    const heard = [];
    const exporting = new Promise((resolve) => {
      socket.on('data', (message) => {
        heard.push(Number(message));
        // A batch is 64 messages. What comes behind it when it has taken its time is taken, and waits.
        if (heard.length % 64 === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
        if (heard.length === 65) resolve(socket.exportConnection({ key: KEY }));
      });
    });
    const sent = Array.from({ length: 200 }, (_, number) => number);
    for (const number of sent) client.write(String(number));
    await exporting;
    // Node takes one after the other.
    assert.deepEqual(heard, socket._endpoint.isDirect ? sent : sent.slice(0, 65));
  });

  test('is not exported with a suite whose nonces could repeat', async (t) => {
    const { socket } = await connectedPair(t, { clientOptions: { ciphers: 'PSK-CHACHA20-POLY1305' } });
    await rejectsWith('ERR_DTLS_UNRESTORABLE_CIPHER', socket.exportConnection({ key: KEY }));
    assert.equal(socket.connected, true);
  });

  test('tells who writes to it that the message was not sent', async (t) => {
    const { socket } = await connectedPair(t);
    const exporting = socket.exportConnection({ key: KEY });
    await new Promise(process.nextTick);
    const error = await new Promise((resolve) => socket.write('too late', resolve));
    assert.match(error.code, /^ERR_(DTLS_EXPORTED|STREAM_DESTROYED)$/);
    await exporting;
  });

  test('is refused on the other side', async (t) => {
    const { server, client } = await connectedPair(t);
    const clients = await client.exportConnection({ key: KEY });
    const servers = await exported(server);
    assert.throws(() => importConnection(servers, { key: KEY }, BOB), {
      code: 'ERR_DTLS_EXPORT_DAMAGED',
      message: 'The exported connection cannot go on here: it is the other side of the connection',
    });
    const other = await startServer(t);
    assert.deepEqual(await other.importConnections(clients, { key: KEY }), { imported: 0, refused: 1 });
    assert.deepEqual(await other.importConnections(servers, { key: KEY }), { imported: 1, refused: 0 });
  });

  test('of a client goes on from the same port', async (t) => {
    const { socket, client } = await connectedPair(t);
    echo(socket);
    const { localPort } = client;
    client.data = 'mine';
    const closed = event(client, 'close');
    const bytes = await client.exportConnection({ key: KEY });
    await closed;
    assert.throws(() => importConnection('text', { key: KEY }, BOB), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => importConnection(bytes, { key: randomBytes(32) }, BOB), { code: 'ERR_DTLS_EXPORT_WRONG_KEY' });
    const other = importConnection(bytes, { key: KEY }, BOB);
    t.after(() => other.destroy());
    assert.equal(other.connecting, true);
    await event(other, 'secureConnect');
    assert.deepEqual([other.localPort, other.data, other.resumed], [localPort, 'mine', true]);
    const answer = messages(other, 1);
    other.write('from a new process');
    assert.deepEqual(await answer, ['from a new process']);
  });
});
