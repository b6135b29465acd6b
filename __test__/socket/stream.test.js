'use strict';

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { describe, test } = require('node:test');
const { Duplex } = require('node:stream');
const { pipeline } = require('node:stream/promises');

const {
  BOB,
  HOST,
  connectedPair,
  event,
  eventsUntilClose,
  messages,
  openClient,
  startServer,
} = require('../support/endpoints.js');

describe('one write is one datagram', () => {
  test('and one datagram is one message, both ways', async (t) => {
    const { socket, client } = await connectedPair(t);
    assert(socket instanceof Duplex);
    const sent = ['one', 'two', '', 'four', 'x'.repeat(1000)];
    for (const [from, to] of [
      [client, socket],
      [socket, client],
    ]) {
      const received = messages(to, sent.length);
      for (const message of sent) from.write(message);
      assert.deepEqual(await received, sent);
    }
  });

  test('of a corked stream too', async (t) => {
    const { socket, client } = await connectedPair(t);
    const received = messages(socket, 3);
    client.cork();
    for (const message of ['one', 'two', 'three']) client.write(message);
    client.uncork();
    assert.deepEqual(await received, ['one', 'two', 'three']);
  });

  test('of strings, Buffers and Uint8Arrays', async (t) => {
    const { socket, client } = await connectedPair(t);
    const received = messages(socket, 3);
    client.write('grüß', 'utf8');
    client.write('6869', 'hex');
    client.write(new Uint8Array([104, 105]));
    assert.deepEqual(await received, ['grüß', 'hi', 'hi']);
  });

  test('and its callback is called', async (t) => {
    const { client } = await connectedPair(t);
    await new Promise((resolve, reject) => {
      client.write('hello', (error) => (error ? reject(error) : resolve()));
    });
  });
});

test('nothing is sent twice', async (t) => {
  const { server, socket, client } = await connectedPair(t);
  const before = server.stats;
  const received = messages(socket, 3);
  for (const message of ['one', 'two', 'three']) client.write(message);
  await received;
  client.end();
  await connectionsClosed(server);
  // Three messages and a close_notify.
  assert.equal(server.stats.datagramsReceived - before.datagramsReceived, 4);
  assert.equal(server.stats.recordsDropped, before.recordsDropped);
});

describe('what is written before the end of the handshake', () => {
  test('arrives after it, in order', async (t) => {
    const server = await startServer(t);
    const client = openClient(t, server);
    for (const message of ['one', 'two', 'three']) client.write(message);
    const [socket] = await event(server, 'secureConnection');
    assert.deepEqual(await messages(socket, 3), ['one', 'two', 'three']);
  });

  test('arrives before the end that follows it', async (t) => {
    const server = await startServer(t);
    const client = openClient(t, server);
    client.end('only this');
    const [socket] = await event(server, 'secureConnection');
    const received = messages(socket, 1);
    const seen = eventsUntilClose(socket, 'end');
    assert.deepEqual(await received, ['only this']);
    assert.deepEqual(await seen, ['end', 'close false']);
  });

  test('on a server works as well', async (t) => {
    const server = await startServer(t);
    server.on('connection', (socket) => socket.write('welcome'));
    const client = openClient(t, server);
    assert.deepEqual(await messages(client, 1), ['welcome']);
  });

  test('fails with the handshake', async (t) => {
    const server = await startServer(t, { psk: { alice: 'secret' } });
    const client = openClient(t, server);
    client.on('error', () => {});
    const error = await new Promise((resolve) => {
      client.write('hello', resolve);
    });
    assert.equal(error.code, 'ERR_DTLS_ALERT_RECEIVED');
  });
});

describe('a payload that does not fit', () => {
  const LIMIT = 16_384;

  /** A pair that notes whether anything happens to its streams. */
  async function watchedPair(t) {
    const pair = await connectedPair(t);
    pair.seen = [];
    for (const stream of [pair.socket, pair.client]) {
      for (const name of ['error', 'closing', 'close', 'end']) stream.on(name, () => pair.seen.push(name));
    }
    return pair;
  }

  /** Both streams still carry messages, and nothing has happened to them. */
  async function assertAlive({ socket, client, seen }) {
    for (const [from, to] of [
      [client, socket],
      [socket, client],
    ]) {
      const received = messages(to, 1);
      from.write('still here');
      assert.deepEqual(await received, ['still here']);
    }
    assert.deepEqual(seen, []);
  }

  test('is an error with both numbers to its callback, and the streams go on', async (t) => {
    const pair = await watchedPair(t);
    for (const from of [pair.client, pair.socket]) {
      for (const message of [Buffer.alloc(LIMIT + 1), 'ü'.repeat(LIMIT), new Uint8Array(60_000)]) {
        const error = await new Promise((resolve) => from.write(message, resolve));
        assert.equal(error.code, 'ERR_DTLS_PAYLOAD_TOO_LARGE');
        const length = Buffer.byteLength(message);
        assert.equal(error.message, `Payload of ${length} bytes exceeds the record limit of ${LIMIT}`);
        assert.equal(error.port, from.remotePort);
      }
      await assertAlive(pair);
    }
  });

  test('is one for send(), too', async (t) => {
    const pair = await watchedPair(t);
    const error = await new Promise((resolve) => pair.client.send(Buffer.alloc(LIMIT + 1), resolve));
    assert.equal(error.code, 'ERR_DTLS_PAYLOAD_TOO_LARGE');
    await assertAlive(pair);
  });

  test("without a callback is a 'writeError', and without a listener a warning", async (t) => {
    const pair = await watchedPair(t);
    for (const from of [pair.client, pair.socket]) {
      const warned = event(process, 'warning');
      from.write(Buffer.alloc(20_000));
      const [warning] = await warned;
      assert.deepEqual([warning.name, warning.code], ['DtlsWarning', 'ERR_DTLS_PAYLOAD_TOO_LARGE']);
      const failed = event(from, 'writeError');
      from.write(Buffer.alloc(20_000));
      assert.equal((await failed)[0].code, 'ERR_DTLS_PAYLOAD_TOO_LARGE');
      await assertAlive(pair);
    }
  });

  test('does not disturb those before and behind it, nor their order', async (t) => {
    const pair = await watchedPair(t);
    const { socket, client } = pair;
    const received = messages(socket, 3);
    const order = [];
    client.cork();
    for (const [name, length] of Object.entries({ one: 3, two: 20_000, three: 5, four: LIMIT })) {
      client.write(Buffer.alloc(length, name), (error) => order.push(error ? `${name} failed` : name));
    }
    client.uncork();
    assert.deepEqual(
      (await received).map(({ length }) => length),
      [3, 5, LIMIT],
    );
    assert.deepEqual(order, ['one', 'two failed', 'three', 'four']);
    await assertAlive(pair);
  });

  test('written before the end of the handshake fails after it, alone, even if it is the same Buffer twice', async (t) => {
    const server = await startServer(t);
    const client = openClient(t, server, { ...BOB, maxFragmentLength: 512 });
    const outcomes = [];
    const note = (error) => outcomes.push(error?.code ?? 'sent');
    const long = Buffer.alloc(513);
    for (const message of ['one', long, long, Buffer.alloc(512), 'x'.repeat(513)]) client.write(message, note);
    const [socket] = await event(server, 'secureConnection');
    const received = await messages(socket, 2);
    assert.deepEqual(
      received.map(({ length }) => length),
      [3, 512],
    );
    client.write('last', note);
    await messages(socket, 1);
    const failed = 'ERR_DTLS_PAYLOAD_TOO_LARGE';
    assert.deepEqual(outcomes, ['sent', failed, failed, 'sent', failed, 'sent']);
  });

  test('as the last words of a stream is an error of its own, and the stream ends as it would', async (t) => {
    const { socket, client } = await connectedPair(t);
    const failed = event(client, 'writeError');
    const seen = eventsUntilClose(socket, 'data', 'end', 'error');
    const ended = new Promise((resolve) => client.end(Buffer.alloc(20_000), resolve));
    assert.equal((await failed)[0].code, 'ERR_DTLS_PAYLOAD_TOO_LARGE');
    assert.equal((await ended) ?? null, null);
    assert.deepEqual(await seen, ['end', 'close false']);
  });
});

describe('a write that cannot be sent for another reason', () => {
  test('after end() is an error of the stream, as of every stream', async (t) => {
    const { client } = await connectedPair(t);
    client.end();
    const failed = event(client, 'error');
    const error = await new Promise((resolve) => client.write('late', resolve));
    assert.equal(error.code, 'ERR_STREAM_WRITE_AFTER_END');
    assert.equal((await failed)[0], error);
  });

  test('after destroy() is an error to its callback', async (t) => {
    const { socket } = await connectedPair(t);
    socket.destroy();
    for (const message of ['late', Buffer.alloc(20_000)]) {
      const error = await new Promise((resolve) => socket.write(message, resolve));
      assert.equal(error.code, 'ERR_STREAM_DESTROYED');
    }
  });

  test('is no chunk at all, and throws', async (t) => {
    const { client } = await connectedPair(t);
    assert.throws(() => client.write(null), { code: 'ERR_STREAM_NULL_VALUES' });
    assert.throws(() => client.write(5), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => client.write('x'.repeat(20_000), 'no encoding'), { code: 'ERR_UNKNOWN_ENCODING' });
  });
});

describe('an application that does not read', () => {
  test('gets what has arrived, in order, when it begins to read', async (t) => {
    const { socket, client } = await connectedPair(t);
    const sent = Array.from({ length: 100 }, (_, index) => `message ${index}`);
    socket.pause();
    for (const message of sent) client.write(message);
    client.end();
    await event(client, 'close');
    const received = messages(socket, sent.length);
    const seen = eventsUntilClose(socket, 'end');
    socket.resume();
    assert.deepEqual(await received, sent);
    assert.deepEqual(await seen, ['end', 'close false']);
    assert.equal(socket.messagesDropped, 0);
  });

  test('loses what comes beyond receiveQueueLimit, and that is counted', async (t) => {
    const { server, socket, client } = await connectedPair(t, { serverOptions: { receiveQueueLimit: 5000 } });
    socket.pause();
    const count = 100;
    for (let index = 0; index < count; index++) client.write(Buffer.alloc(500, index));
    client.end();
    await connectionsClosed(server);
    const received = [];
    for await (const message of socket) received.push(message[0]);
    // The stream takes 16 messages, and the queue 5000 / (500 + 128) more.
    assert.deepEqual(
      received,
      Array.from({ length: 23 }, (_, index) => index),
    );
    assert.equal(socket.messagesDropped, count - received.length);
  });

  test('does not keep any number of empty messages', async (t) => {
    const { server, socket, client } = await connectedPair(t, { serverOptions: { receiveQueueLimit: 1280 } });
    socket.pause();
    for (let index = 0; index < 50; index++) client.write('');
    client.end();
    await connectionsClosed(server);
    const seen = eventsUntilClose(socket, 'data');
    socket.resume();
    assert.equal((await seen).length, 16 + 10 + 1);
  });
});

test('messages can be read by asynchronous iteration', async (t) => {
  const { socket, client } = await connectedPair(t);
  client.write('one');
  client.end('two');
  const received = [];
  for await (const message of socket) received.push(message.toString());
  assert.deepEqual(received, ['one', 'two']);
});

test('setEncoding() makes strings of messages', async (t) => {
  const { socket, client } = await connectedPair(t);
  socket.setEncoding('utf8');
  client.write('grüß');
  assert.deepEqual(await event(socket, 'data'), ['grüß']);
});

test('a socket can be piped to itself', async (t) => {
  const server = await startServer(t, { psk: BOB.psk }, (socket) => socket.pipe(socket));
  const client = openClient(t, server);
  client.write('hello');
  assert.deepEqual(await messages(client, 1), ['hello']);
  client.end();
  await event(client, 'close');
});

test('pipeline() ends when the peer does', async (t) => {
  const { socket, client } = await connectedPair(t);
  const done = pipeline(socket, socket);
  client.write('hello');
  assert.deepEqual(await messages(client, 1), ['hello']);
  client.end();
  await done;
});

test('a writer is told to wait when the system does not take more', async (t) => {
  const udp = dgram.createSocket('udp4').bind(0, HOST);
  t.after(() => udp.close());
  const { socket, client } = await connectedPair(t, { clientOptions: { socket: udp } });
  const waiting = [];
  udp.getSendQueueSize = () => 1_000_000;
  udp.send = (...args) => waiting.push(args);

  const written = t.mock.fn();
  client.write('hello', written);
  // The high-water mark differs between versions of Node; a message of its size may exceed a record.
  while (client.write(Buffer.alloc(10_000))) assert(client.writableLength <= client.writableHighWaterMark);
  await new Promise(setImmediate);
  assert.equal(written.mock.callCount(), 0);
  assert.equal(waiting.length, 1);

  delete udp.getSendQueueSize;
  delete udp.send;
  udp.send(...waiting[0]);
  await event(client, 'drain');
  assert.equal(written.mock.callCount(), 1);
  assert.deepEqual(await messages(socket, 1), ['hello']);
});

/** Waits until the server has seen the end of all of them. */
async function connectionsClosed(server) {
  while (server.getConnections() > 0) await new Promise(setImmediate);
}
