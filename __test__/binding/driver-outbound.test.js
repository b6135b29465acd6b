'use strict';

// How the native object sends payloads: by its own socket, through Node, or not at all.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { registers: layout } = require('../../lib/transport/layout.js');
const { End, boundPair, meet, pair, settle } = require('../support/native-ends.js');

const { TRANSMITS } = layout;
const text = (messages) => messages.map(([, message]) => message);
const received = (end) => text(end.messages(end.native.receiveMore(true)));

describe('a payload', () => {
  test('is a datagram for Node to send where there is no socket', () => {
    const { server, client, own, at } = pair();
    const datagram = client.native.send(own, Buffer.from('a message'));
    assert(Buffer.isBuffer(datagram));
    assert.deepEqual(server.take(datagram, client), [[at, 'a message', datagram.length]]);
    assert.equal(client.waits(TRANSMITS), false);
  });

  test('is sent where there is one, and the length of the datagram is known', (t) => {
    const { server, client, own, at } = boundPair(t);
    const length = client.native.send(own, Buffer.from('a message'));
    assert.equal(typeof length, 'number');
    assert.deepEqual(server.messages(server.native.receiveMore(true)), [[at, 'a message', length]]);
  });

  test('is for Node to send when others wait in its queue, or the system does not take it', (t) => {
    const { server, client, own } = boundPair(t);
    client.native.setCongested(true);
    assert(Buffer.isBuffer(client.native.send(own, Buffer.from('behind others'))));
    assert.deepEqual(received(server), []);
    client.native.setCongested(false);
    assert.equal(typeof client.native.send(own, Buffer.from('a message')), 'number');
    assert.deepEqual(received(server), ['a message']);

    // No datagram goes to port 0.
    const nowhere = Object.assign(End.client(), { address: '127.0.0.1', port: 0 });
    const { at: gone } = meet(server, nowhere);
    assert(Buffer.isBuffer(server.native.send(gone, Buffer.from('a message'))));
  });

  test('is counted as sent, and stays, where its peer has yet to prove its address', () => {
    const ids = { connectionId: 4 };
    const { server, client, own, at } = pair({ server: ids, client: ids });
    const moved = { address: '192.0.2.77', port: 1 };
    server.take(client.native.send(own, Buffer.from('from another address')), moved);
    const { connection, ...event } = server.events().find(({ kind }) => kind === 'moved');
    const old = { oldAddress: client.address, oldPort: client.port };
    assert.deepEqual([connection, event], [at, { kind: 'moved', ...moved, ...old }]);
    server.transmits();
    const sendTo = () => server.transmits().map(({ address }) => address);
    // Where the peer seems to be, as far as the limit allows, and where it has been (RFC 9853 section 5).
    for (const addresses of [[moved.address, client.address], [client.address], [client.address]]) {
      const length = server.native.send(at, Buffer.alloc(100));
      assert(length > 100 && length < 160, `${length}`);
      assert.deepEqual(sendTo(), addresses);
    }
    assert.equal(server.native.stats().datagramsWithheld, 2);
    server.native.sendBatch(Buffer.alloc(100), Uint32Array.of(at, 100), 1);
    assert.deepEqual([sendTo(), server.native.stats().datagramsWithheld], [[client.address], 3]);
  });

  test('is refused where there is no connection, and where it is too long', () => {
    const { client, own } = pair();
    const limit = client.native.payloadLimit(own);
    assert(limit > 1000 && limit <= 16_384, `${limit}`);
    client.native.send(own, Buffer.alloc(limit));
    assert.throws(() => client.native.send(own, Buffer.alloc(limit + 1)), {
      code: 'ERR_DTLS_PAYLOAD_TOO_LARGE',
      message: `Payload of ${limit + 1} bytes exceeds the record limit of ${limit}`,
    });
    assert.throws(() => client.native.send(own + 1, Buffer.alloc(1)), {
      code: 'ERR_DTLS_NOT_CONNECTED',
      message: 'The connection is closed, or its handshake is not over',
    });
    assert.equal(client.native.payloadLimit(own + 1), 0);
    assert.equal(End.client().native.payloadLimit(1), 0);
  });
});

describe('a batch of payloads', () => {
  /** Payloads that lie end to end, and whose each is. */
  const batchOf = (...entries) => {
    let end = 0;
    const numbers = entries.flatMap(([connection, message]) => {
      end += message.length;
      return [connection, end];
    });
    return [Buffer.from(entries.map(([, message]) => message).join('')), Uint32Array.from(numbers), entries.length];
  };

  test('leaves in its order, and leaves nothing behind', (t) => {
    const { server, client, own } = boundPair(t);
    client.native.sendBatch(...batchOf([own, 'one'], [own, ''], [own, 'three and more']));
    client.native.sendBatch(...batchOf([own, 'four']));
    assert.equal(client.waits(TRANSMITS), false);
    assert.deepEqual(received(server), ['one', '', 'three and more', 'four']);
    assert.equal(client.native.stats().messagesSent, 4);
  });

  test('ends where its sender says', (t) => {
    const { server, client, own } = boundPair(t);
    const [payloads, entries] = batchOf([own, 'one'], [own, 'two'], [own, 'three']);
    client.native.sendBatch(payloads, entries, 2);
    client.native.sendBatch(payloads, entries, 0);
    client.native.sendBatch(payloads, entries.subarray(0, 1), 5);
    assert.deepEqual(received(server), ['one', 'two']);
  });

  test('is for Node to send without a socket, and when others wait in its queue', (t) => {
    const { server, client, own } = pair();
    client.native.sendBatch(...batchOf([own, 'one'], [own, 'two']));
    assert.equal(client.waits(TRANSMITS), true);
    const messages = client.transmits().flatMap(({ address, datagram, port }) => {
      assert.deepEqual([address, port], [server.address, server.port]);
      return text(server.take(datagram, client));
    });
    assert.deepEqual(messages, ['one', 'two']);

    const bound = boundPair(t);
    bound.client.native.setCongested(true);
    bound.client.native.sendBatch(...batchOf([bound.own, 'one'], [bound.own, 'two']));
    assert.deepEqual([bound.client.transmits().length, received(bound.server)], [2, []]);
  });

  test('loses what is for a connection that has ended, and nothing else', () => {
    const { server, client, own } = pair();
    client.native.sendBatch(...batchOf([own + 1, 'lost'], [own, 'kept'], [own + 1, 'lost as well']));
    const messages = client.transmits().flatMap(({ datagram }) => text(server.take(datagram, client)));
    assert.deepEqual(messages, ['kept']);
  });

  test('goes to several peers', () => {
    const server = End.server();
    const clients = [3, 4].map((last) => Object.assign(End.client(), { address: `192.0.2.${last}` }));
    const handles = clients.map((client) => meet(server, client).at);
    server.native.sendBatch(...batchOf([handles[0], 'to the first'], [handles[1], 'to the second']));
    const sent = server.transmits().map(({ address, datagram }) => {
      const client = clients.find((one) => one.address === address);
      return text(client.take(datagram, server));
    });
    assert.deepEqual(sent, [['to the first'], ['to the second']]);
    settle(server, clients[0]);
  });
});
