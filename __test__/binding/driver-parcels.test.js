'use strict';

// Datagrams between nodes, as the native object packs, takes and answers them.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { registers: layout } = require('../../lib/transport/layout.js');
const { End, boundPair, meet, pair, settle } = require('../support/native-ends.js');
const { parcelOf } = require('../support/parcels.js');

const { PARCELS, TRANSMITS, WAITING } = layout;
const IDS = { connectionId: 4 };
const text = (messages) => messages.map(([, message]) => message);

/** A node with a connection, and another one that datagrams come to. */
function nodes() {
  const { server: home, client, own, at } = pair({ server: { ...IDS, nodeId: 1 }, client: IDS });
  const other = End.server({ ...IDS, nodeId: 2 });
  return { home, other, client, own, at, seal: (message) => client.native.send(own, Buffer.from(message)) };
}

const parcels = (end) => {
  const polled = [];
  for (let parcel = end.native.pollParcel(); parcel !== null; parcel = end.native.pollParcel()) polled.push(parcel);
  return polled;
};

describe('a datagram of another node', () => {
  test('is packed for it, with where it came from', () => {
    const { home, other, client, seal } = nodes();
    other.native.forwardTo(Uint8Array.of(1), 1400);
    assert.deepEqual(other.take(seal('one'), client), []);
    assert.equal(other.registers[WAITING], PARCELS);
    const datagram = seal('two');
    other.take(datagram, { address: '192.0.2.99', port: 99 });
    const [parcel, ...rest] = parcels(other);
    assert.deepEqual([parcel.node, parcel.isReply, rest.length], [1, false, 0]);
    assert.equal(other.registers[WAITING], 0);
    const unpacked = other.native.unpack(parcel.datagrams);
    assert.deepEqual(
      unpacked.map(({ address, port }) => [address, port]),
      [
        [client.address, client.port],
        ['192.0.2.99', 99],
      ],
    );
    assert.deepEqual(unpacked[1].datagram, datagram);
    const { datagramsForwarded, datagramsReceived, datagramBytesReceived } = other.native.stats();
    const bytes = unpacked.reduce((sum, one) => sum + one.datagram.length, 0);
    assert.deepEqual([datagramsForwarded, datagramsReceived, datagramBytesReceived], [2, 2, bytes]);
    assert.deepEqual(text(home.messages(home.native.injectParcel(parcel.datagrams, undefined, false))), ['one']);
    assert.equal(home.native.stats().datagramsInjected, 2);
  });

  test('stays where no other node is known, or its parcel would be too long', () => {
    const { other, client, seal } = nodes();
    other.take(seal('one'), client);
    assert.deepEqual(parcels(other), []);
    assert.equal(other.native.stats().datagramsDropped, 1);
    other.native.forwardTo(Uint8Array.of(1), 10);
    other.take(seal('two'), client);
    other.take(seal('three'), client);
    assert.equal(parcels(other).length, 2);
    other.native.forwardTo(new Uint8Array(0), 10);
    other.take(seal('four'), client);
    assert.deepEqual(parcels(other), []);
  });

  test('is taken as if it had come here', () => {
    const { home, client, at, seal } = nodes();
    const datagram = seal('injected');
    const messages = home.messages(home.native.inject(datagram, client.address, client.port));
    assert.deepEqual(messages, [[at, 'injected', datagram.length]]);
    assert.equal(home.hasMore, 0);
    assert.equal(home.native.inject(Buffer.from('no record'), client.address, client.port), undefined);
    assert.equal(home.native.stats().datagramsInjected, 2);
    assert.throws(() => home.native.inject(datagram, 'nowhere', 1), { code: 'ERR_INVALID_IP_ADDRESS' });
  });

  test('comes with 63 others at most, and leaves those that wait where they are', (t) => {
    const { server, client, seal, send } = boundPair(t);
    const from = { address: client.address, port: client.port };
    const datagrams = Array.from({ length: 70 }, (_, index) => ({ ...from, datagram: seal(`${index}`) }));
    send(['held']);
    server.native.hold();
    assert.equal(server.hasMore, 1);
    const batch = server.native.injectParcel(parcelOf(datagrams), undefined, false);
    assert.deepEqual(
      text(server.messages(batch)),
      Array.from({ length: 64 }, (_, index) => `${index}`),
    );
    assert.equal(server.hasMore, 1);
    assert.deepEqual(text(server.messages(server.native.receiveMore(false))), ['held']);
    while (server.hasMore === 1) server.native.receiveMore(false);
    server.native.injectParcel(parcelOf([{ ...from, datagram: seal('last') }]), undefined, false);
    assert.equal(server.hasMore, 0);
  });
});

describe('a peer that is heard through a node', () => {
  const relayed = (message, { home, client, seal, local, relay = 2 }) => {
    const parcel = parcelOf([{ address: client.address, port: client.port, datagram: seal(message), local }]);
    return text(home.messages(home.native.injectParcel(parcel, relay, false)));
  };

  test('is answered through it, until it is heard directly', () => {
    const all = nodes();
    const { home, other, client, at, seal } = all;
    home.native.forwardTo(Uint8Array.of(2), 1400);
    assert.deepEqual(relayed('one', { ...all, local: '203.0.113.7' }), ['one']);
    const length = home.native.send(at, Buffer.from('answer'));
    assert.equal(typeof length, 'number');
    assert.equal(home.registers[WAITING], PARCELS);
    home.native.sendBatch(Buffer.from('more'), Uint32Array.of(at, 4), 1);
    home.native.close(at);
    assert.equal(home.waits(TRANSMITS), false);
    const [parcel, ...rest] = parcels(home);
    assert.deepEqual([parcel.node, parcel.isReply, rest.length], [2, true, 0]);
    const unpacked = other.native.unpack(parcel.datagrams);
    assert.deepEqual(
      unpacked.map(({ address, port }) => [address, port]),
      Array(3).fill([client.address, client.port]),
    );
    assert.equal(unpacked[0].datagram.length, length);
    assert.deepEqual(
      unpacked.flatMap(({ datagram }) => text(client.take(datagram, home))),
      ['answer', 'more'],
    );
    assert.deepEqual(
      client.events().map(({ reason }) => reason),
      ['peer'],
    );
    assert.throws(() => seal('late'), { code: 'ERR_DTLS_NOT_CONNECTED' });
  });

  test('is answered directly again once it is heard directly, which nothing forged is', () => {
    const all = nodes();
    const { home, client, at, seal } = all;
    relayed('one', all);
    home.take(Buffer.from('no record'), client);
    assert.equal(typeof home.native.send(at, Buffer.from('relayed')), 'number');
    assert.equal(parcels(home).length, 1);
    home.take(seal('direct'), client);
    assert(Buffer.isBuffer(home.native.send(at, Buffer.from('direct'))));
    assert.deepEqual(parcels(home), []);
  });

  test('is answered directly where the parcel names no relay', () => {
    const all = nodes();
    relayed('one', { ...all, relay: null });
    assert(Buffer.isBuffer(all.home.native.send(all.at, Buffer.from('direct'))));
    assert.deepEqual(parcels(all.home), []);
  });

  test('is not known by what is forged, nor by what names no connection', () => {
    const all = nodes();
    const { home, client, at, seal } = all;
    const from = { address: client.address, port: client.port };
    const forged = seal('forged');
    forged[forged.length - 1] ^= 1;
    home.native.injectParcel(parcelOf([{ ...from, datagram: forged }]), 2, false);
    assert(Buffer.isBuffer(home.native.send(at, Buffer.from('direct'))));

    const plain = pair({ client: { ...IDS, maxVersion: 'DTLSv1.2' }, server: { connectionId: undefined } });
    const datagram = plain.client.native.send(plain.own, Buffer.from('without an ID'));
    const parcel = parcelOf([{ ...from, datagram }]);
    assert.deepEqual(text(plain.server.messages(plain.server.native.injectParcel(parcel, 2, false))), [
      'without an ID',
    ]);
    assert(Buffer.isBuffer(plain.server.native.send(plain.at, Buffer.from('direct'))));
  });

  test('is asked from its own address of ours, if the node is on the same machine', () => {
    for (const [isSameMachine, local] of [
      [true, '203.0.113.7'],
      [false, null],
    ]) {
      const { home, client, at, seal } = nodes();
      const parcel = parcelOf([
        { address: '192.0.2.50', port: client.port, datagram: seal('moved'), local: '203.0.113.7' },
      ]);
      home.native.injectParcel(parcel, undefined, isSameMachine);
      home.transmits();
      assert.equal(home.native.localAddress(at), local, `${isSameMachine}`);
    }
  });
});

describe("another node's answers", () => {
  test('leave by the socket, which Node does where there is none', (t) => {
    const one = End.server().bind(t);
    const other = End.server().bind(t);
    const hello = End.client();
    hello.native.connect('127.0.0.1', 1);
    const [{ datagram }] = hello.transmits();
    const parcel = parcelOf(Array(2).fill({ address: other.address, port: other.port, datagram }));
    assert.equal(End.server().native.sendParcel(parcel), false);
    assert.equal(one.native.sendParcel(parcel), true);
    other.native.receiveMore(true);
    one.native.receiveMore(true);
    assert.equal(other.native.stats().helloVerifyRequestsSent, 2);
    assert.equal(one.native.stats().datagramsReceived, 2);
  });
});

describe('nodes on one UDP socket', () => {
  test('deal the peers once they have been told', () => {
    const server = End.server({ ...IDS, nodeId: 1 });
    server.native.forwardTo(Uint8Array.of(2, 3), 1400);
    const forwarded = () => {
      for (let last = 1; last <= 30; last++) {
        const client = Object.assign(End.client(IDS), { address: `192.0.2.${last}` });
        client.native.connect(server.address, server.port);
        server.take(client.transmits()[0].datagram, client);
      }
      return new Set(parcels(server).map(({ node }) => node));
    };
    assert.deepEqual([...forwarded()], []);
    server.native.dealPeers();
    assert.deepEqual([...forwarded()].sort(), [2, 3]);
  });

  test('have a number that the connection IDs begin with', () => {
    const server = End.server(IDS);
    server.native.becomeNode(77);
    const { at } = meet(server, End.client(IDS));
    assert.equal(server.native.connectionIds(at).own[0], 77);
    const given = pair({ server: { ...IDS, nodeId: 78 }, client: IDS });
    const ids = given.server.native.connectionIds(given.at);
    assert.deepEqual([ids.own.length, ids.own[0], ids.checksRoutability], [4, 78, true]);
    const peers = given.client.native.connectionIds(given.own);
    assert.deepEqual([peers.own, peers.peer], [ids.peer, ids.own]);
    settle(given.client, given.server);
  });
});
