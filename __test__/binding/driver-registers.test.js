'use strict';

// What the registers say after a call: what waits, until when, and the time.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { registers: layout } = require('../../lib/transport/layout.js');
const { End, boundPair, meet, pair, settle } = require('../support/native-ends.js');

const { CONNECTION_IDS, DROPS, EVENTS, TRACE, TRANSMITS, WAITING } = layout;

const waiting = (end) => end.registers[WAITING];

/** Waits so many milliseconds, while nothing else happens. */
const pause = (milliseconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

describe('what waits', () => {
  test('is nothing at first, and nothing when all of it has been taken', () => {
    const server = End.server();
    server.native.handleTimeout();
    assert.equal(waiting(server), 0);
    const { client, server: met } = pair();
    assert.deepEqual([waiting(client), waiting(met)], [0, 0]);
  });

  test('is a datagram', () => {
    const client = End.client();
    client.native.connect('192.0.2.1', 1);
    assert.equal(waiting(client), TRANSMITS);
    const { address, datagram, port } = client.native.pollTransmit();
    assert.deepEqual([address, port, datagram.length > 100], ['192.0.2.1', 1, true]);
    assert.equal(waiting(client), 0);
    assert.equal(client.native.pollTransmit(), null);
  });

  test('is an event that needs an object, which no brief one is', () => {
    const server = End.server();
    const client = End.client();
    client.native.connect(server.address, server.port);
    settle(client, server);
    assert.deepEqual([waiting(client), waiting(server)], [0, 0]);
    assert.deepEqual(
      server.events().map(({ kind }) => kind),
      ['connection', 'secure'],
    );
    assert.equal(server.native.pollEvent(), null);

    const watched = End.client();
    watched.native.logKeys(true);
    watched.native.connect(server.address, server.port);
    watched.address = '192.0.2.3';
    settle(watched, server);
    assert.equal(waiting(watched), EVENTS);
    const kinds = watched.events().map(({ kind }) => kind);
    assert.deepEqual([...new Set(kinds)].sort(), ['keylog', 'secure']);
    assert.equal(waiting(watched), 0);
  });

  test('is a line of the trace', () => {
    const client = End.client({ debug: 4 });
    client.native.connect('192.0.2.1', 1);
    assert.equal(waiting(client), TRANSMITS | TRACE);
    client.transmits();
    assert.equal(waiting(client), TRACE);
    const lines = [];
    for (let line = client.native.pollTrace(); line !== null; line = client.native.pollTrace()) lines.push(line);
    assert.match(lines.join('\n'), /192\.0\.2\.1/);
    assert.equal(waiting(client), 0);
  });

  test('is what was dropped, for whoever watches', () => {
    const server = End.server();
    const garbage = Buffer.from('no record');
    server.take(garbage, { address: '192.0.2.7', port: 7 });
    assert.deepEqual([waiting(server), server.native.pollDrop()], [0, null]);
    server.native.watchDrops(true);
    server.take(garbage, { address: '192.0.2.7', port: 7 });
    assert.equal(waiting(server), DROPS);
    const { address, count, port, reason } = server.native.pollDrop();
    assert.deepEqual([address, port, count, reason], ['192.0.2.7', 7, 1, 'noRecord']);
    assert.equal(waiting(server), 0);
    server.native.watchDrops(false);
    server.take(garbage, { address: '192.0.2.7', port: 7 });
    assert.equal(waiting(server), 0);
  });

  test('is connection IDs to make, where the application does', () => {
    const server = End.server({ connectionId: 2 });
    server.native.expectConnectionIds(2);
    assert.equal(server.native.supplyConnectionIds(Buffer.from([1, 2, 1, 2, 3, 4, 5, 6])), 3);
    const ids = [];
    for (const [last, waits] of [
      [2, 0],
      [3, CONNECTION_IDS],
    ]) {
      const client = End.client({ connectionId: 0 });
      client.address = `192.0.2.${last}`;
      const { at } = meet(server, client);
      ids.push(server.native.connectionIds(at).own.toString('hex'));
      assert.equal(waiting(server), waits);
    }
    assert.deepEqual(ids.sort(), ['0102', '0304']);
    assert.equal(server.native.supplyConnectionIds(Buffer.from([5, 6])), 0);
    assert.equal(waiting(server), 0);
  });
});

describe('the clock', () => {
  test('has milliseconds since the native object was made, and moves with each call', () => {
    const before = performance.now();
    const server = End.server();
    pause(3);
    server.native.handleTimeout();
    const first = server.now;
    assert(first >= 3 && first <= performance.now() - before, `${first}`);
    pause(2);
    server.native.abort(77);
    assert(server.now >= first + 2 && server.now <= performance.now() - before);
    for (const act of [
      () => server.native.receiveMore(false),
      () => server.native.handleJobs(),
      () => server.native.pollParcel(),
      () => server.native.sendBatch(Buffer.alloc(0), new Uint32Array(0), 0),
      () => assert.throws(() => server.native.send(77, Buffer.from('x')), { code: 'ERR_DTLS_NOT_CONNECTED' }),
    ]) {
      const last = server.now;
      act();
      assert(server.now > last, `${act}`);
    }
  });

  test('says when something is due, which is never without connections', () => {
    const client = End.client({ handshakeTimeoutMin: 700 });
    client.native.handleTimeout();
    assert.equal(client.due, Infinity);
    client.native.connect('192.0.2.1', 1);
    assert(Math.abs(client.due - client.now - 700) < 1, `${client.due - client.now}`);
  });

  test('has a flight repeated when it is due', () => {
    const client = End.client({ handshakeTimeoutMin: 20 });
    client.native.connect('192.0.2.1', 1);
    const [first] = client.transmits();
    const { due } = client;
    do {
      pause(5);
      client.native.handleTimeout();
      assert.equal(waiting(client), client.now < due ? 0 : TRANSMITS);
    } while (client.now < due);
    const [again] = client.transmits();
    // The number of the record is another one.
    assert.deepEqual(again.datagram.subarray(13), first.datagram.subarray(13));
    assert.equal(client.native.stats().retransmissions, 1);
  });
});

describe('the memory that both sides share', () => {
  test('has the length that the layout asks for, or is refused', () => {
    const client = End.client();
    const brief = client.brief.bytes;
    const length = layout.LENGTH * 8;
    for (const bytes of [0, length - 8, length - 1, length + 1, length + 8]) {
      assert.throws(
        () => End.client({}, { registers: Buffer.alloc(bytes) }),
        { code: 'ERR_DTLS_INTERNAL', message: `${bytes} bytes of registers are not ${length}` },
        `${bytes}`,
      );
    }
    for (const bytes of [0, 100, 16 + 448, brief.length - 1, brief.length + 1]) {
      assert.throws(
        () => End.client({}, { brief: Buffer.alloc(bytes) }),
        { code: 'ERR_DTLS_INTERNAL', message: `${bytes} bytes do not fit brief events` },
        `${bytes}`,
      );
    }
  });
});

describe('a UDP socket of the native object', () => {
  test('takes what waits, unless it is congested', (t) => {
    const { server, client, own } = boundPair(t);
    client.native.setCongested(true);
    client.native.close(own);
    assert.equal(waiting(client), TRANSMITS);
    client.native.setCongested(false);
    client.native.handleTimeout();
    assert.equal(waiting(client), 0);
    server.native.receiveMore(true);
    assert.deepEqual(
      server.events().map(({ kind, reason }) => [kind, reason]),
      [['closed', 'peer']],
    );
  });

  test('is another one after it has been released, and knows nothing of the congestion before', (t) => {
    const server = End.server().bind(t);
    const client = End.client();
    client.native.setCongested(true);
    client.bind(t);
    client.native.connect(server.address, server.port);
    assert.equal(waiting(client), 0);
    server.native.receiveMore(true);
    assert.equal(server.native.stats().datagramsReceived, 1);
    client.native.releaseUdp();
    client.native.receiveMore(true);
    client.native.connect(server.address, server.port);
    assert.equal(waiting(client), TRANSMITS);
  });

  test('forgets what it has held when it is released', (t) => {
    const { server, send } = boundPair(t);
    send(['held']);
    server.native.hold();
    server.native.releaseUdp();
    server.bind(t);
    assert.equal(server.native.receiveMore(false), undefined);
    assert.equal(server.native.stats().messagesReceived, 0);
  });

  test('is at an address, or there is none', () => {
    const server = End.server();
    for (const address of ['nowhere', '', '192.0.2.1', '2001:db8::1']) {
      assert.equal(server.native.bindUdp(address, 0, false, false, 1), null, address);
    }
    assert.equal(server.native.udpDescriptor(), null);
  });
});
