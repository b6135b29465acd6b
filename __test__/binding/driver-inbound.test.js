'use strict';

// How the native object takes datagrams: from JavaScript, from its socket, and through other nodes. Nothing here waits: what one
// end has sent over loopback has arrived when the call is over.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { End, boundPair, pair, settle } = require('../support/native-ends.js');
const { parcelOf } = require('../support/parcels.js');

const text = (messages) => messages.map(([, message]) => message);
const names = (count, first = 0) => Array.from({ length: count }, (_, index) => `message ${first + index}`);

/** The hello of a client, which nobody has answered. */
const helloOf = (client) => {
  client.native.connect('192.0.2.9', 1);
  return client.transmits()[0].datagram;
};

describe('a datagram that Node hands in', () => {
  test('is taken alone, or with what else has arrived, as the caller says', (t) => {
    const { server, client, seal, send } = boundPair(t);
    const datagram = seal('by hand');
    send(names(3));
    assert.deepEqual(text(server.take(datagram, client, false)), ['by hand']);
    assert.equal(server.hasMore, 0);
    const next = seal('by hand again');
    assert.deepEqual(text(server.take(next, client, true)), ['by hand again', ...names(3)]);
    assert.equal(server.hasMore, 1);
    assert.equal(server.native.receiveMore(true), undefined);
    assert.deepEqual([server.count, server.hasMore], [0, 0]);
  });

  test('is one of 64 that a batch has at most', (t) => {
    const { server, client, seal, send } = boundPair(t);
    const datagram = seal('by hand');
    send(names(130));
    assert.deepEqual(text(server.take(datagram, client, true)), ['by hand', ...names(63)]);
    assert.equal(server.hasMore, 1);
    assert.deepEqual(text(server.messages(server.native.receiveMore(true))), names(64, 63));
    assert.deepEqual(text(server.messages(server.native.receiveMore(true))), names(3, 127));
  });

  test('comes behind those that have been held', (t) => {
    const { server, client, seal, send } = boundPair(t);
    send(names(2));
    server.native.hold();
    assert.deepEqual([server.count, server.hasMore], [0, 1]);
    const datagram = seal('by hand');
    assert.equal(server.native.receive(datagram, client.address, client.port, false), undefined);
    assert.deepEqual([server.count, server.hasMore], [0, 1]);
    send(['not held']);
    assert.deepEqual(text(server.messages(server.native.receiveMore(false))), [...names(2), 'by hand']);
    assert.equal(server.hasMore, 1);
    assert.equal(server.native.receiveMore(false), undefined);
    assert.equal(server.hasMore, 0);
    assert.deepEqual(text(server.messages(server.native.receiveMore(true))), ['not held']);
  });

  test('takes the oldest out of 1024 that have been held', (t) => {
    const { server, client, seal, send } = boundPair(t);
    for (let first = 0; first < 1060; first += 106) {
      send(names(106, first));
      server.native.hold();
    }
    const [one, two] = ['one', 'two'].map(seal);
    assert.deepEqual(text(server.take(one, client, false)), ['message 0']);
    assert.deepEqual([server.count, server.hasMore], [1, 1]);
    assert.deepEqual(text(server.take(two, client, false)), ['message 1']);
    const rest = [];
    while (server.hasMore === 1) rest.push(...text(server.messages(server.native.receiveMore(false))));
    assert.deepEqual(rest, [...names(1022, 2), 'one', 'two']);
    while (server.native.receiveMore(true) !== undefined) rest.push(...text(server.messages(Buffer.alloc(0))));
    assert.equal(rest.length, 1060);
  });

  test('has an address, or is refused', () => {
    const server = End.server();
    assert.throws(() => server.native.receive(Buffer.alloc(1), 'nowhere', 1, false), {
      code: 'ERR_INVALID_IP_ADDRESS',
    });
    assert.equal(server.native.stats().datagramsReceived, 0);
  });
});

describe('a batch', () => {
  test('has the connection of each message, and the length of its datagram', () => {
    const { server, client, own, at } = pair();
    const datagram = client.native.send(own, Buffer.from('a message'));
    const record = 13 + 8 + 'a message'.length + 16;
    assert.equal(datagram.length <= record, true);
    assert.deepEqual(server.take(datagram, client), [[at, 'a message', datagram.length]]);
    assert.deepEqual([server.count, server.hasMore], [1, 0]);
  });

  test('begins anew with each call', () => {
    const { server, client, own } = pair();
    for (const message of ['one', 'two', 'three']) {
      assert.deepEqual(text(server.take(client.native.send(own, Buffer.from(message)), client)), [message]);
    }
    assert.equal(server.native.receiveMore(true), undefined);
    assert.deepEqual([server.count, server.hasMore], [0, 0]);
  });

  test('is ended by the first message that has to be an event, and goes on with the rest', (t) => {
    const server = End.server().bind(t);
    const client = End.client().bind(t);
    const own = client.native.connect(server.address, server.port);
    // The message follows the client's last flight at once, and the server has not said yet that it is secure.
    while (client.native.payloadLimit(own) === 0) {
      client.native.receiveMore(true);
      if (client.native.payloadLimit(own) === 0) server.native.receiveMore(true);
    }
    for (const message of ['one', 'two', 'three']) client.native.send(own, Buffer.from(message));
    const batches = [];
    while (batches.length < 20) {
      const messages = text(server.messages(server.native.receiveMore(true)));
      const events = server.events().map(({ kind, data }) => (kind === 'data' ? `event ${data}` : kind));
      batches.push([...events, ...messages]);
      if (server.hasMore === 0) break;
    }
    assert.deepEqual(
      batches.filter((batch) => batch.length > 0),
      [
        ['connection', 'secure', 'event one'],
        ['two', 'three'],
      ],
    );
  });

  test('has messages as events as long as what came before has not been read', () => {
    const server = End.server();
    const client = End.client();
    const own = client.native.connect(server.address, server.port);
    settle(client, server);
    const [one, two] = ['one', 'two'].map((message) => client.native.send(own, Buffer.from(message)));
    assert.deepEqual(server.take(one, client), []);
    assert.deepEqual(
      server.events().map(({ kind }) => kind),
      ['connection', 'secure', 'data'],
    );
    assert.deepEqual(text(server.take(two, client)), ['two']);
  });

  test('is handed over when handshakes have taken its time, which messages do not', (t) => {
    for (const [batchTime, batches] of [
      [0, [1, 1, 1]],
      [0.001, [1, 1, 1]],
      [1e6, [3]],
    ]) {
      const server = End.server().bind(t, { batchTime });
      const hellos = Array.from({ length: 3 }, () => helloOf(End.client()));
      const stranger = End.server().bind(t);
      stranger.native.sendParcel(parcelOf(hellos.map((datagram) => ({ ...addressOf(server), datagram }))));
      const counts = [];
      for (let before = 0; ; ) {
        server.native.receiveMore(true);
        const { datagramsReceived: received } = server.native.stats();
        if (received === before) break;
        counts.push(received - before);
        before = received;
        assert.equal(server.hasMore, 1);
      }
      assert.deepEqual(counts, batches, `${batchTime} ms`);
    }
    const { server, send } = boundPair(t, { batchTime: 0 });
    send(names(5));
    assert.deepEqual(text(server.messages(server.native.receiveMore(true))), names(5));
  });

  test('has its answers leave for eight together', (t) => {
    // A server that hears itself has what it answers in the same batch, when it has left before the batch is over.
    for (const [hellos, heard] of [
      [7, 7],
      [8, 16],
      [9, 18],
    ]) {
      const server = End.server().bind(t);
      const datagram = helloOf(End.client());
      server.native.sendParcel(parcelOf(Array.from({ length: hellos }, () => ({ ...addressOf(server), datagram }))));
      server.native.receiveMore(true);
      assert.equal(server.native.stats().datagramsReceived, heard, `${hellos} hellos`);
    }
  });

  test('of a native object without a socket has nothing behind it', () => {
    const { server, client, own } = pair();
    assert.deepEqual(text(server.take(client.native.send(own, Buffer.from('one')), client, true)), ['one']);
    assert.equal(server.hasMore, 0);
    server.native.hold();
    assert.deepEqual([server.count, server.hasMore], [0, 1]);
    assert.equal(server.native.receiveMore(true), undefined);
    assert.equal(server.hasMore, 0);
  });
});

const addressOf = ({ address, port }) => ({ address, port });
