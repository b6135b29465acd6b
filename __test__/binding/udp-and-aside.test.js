'use strict';

// The UDP socket of a native object: what Node is given of it, and the second one beside it.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const native = require('../../lib/native.js');
const { End, boundPair } = require('../support/native-ends.js');

const skip = process.platform === 'linux' ? false : 'this system does not tell which address was asked';
const text = (messages) => messages.map(([, message]) => message);

/** Waits until it is so, for some seconds. */
async function comesTrue(isSo) {
  for (const end = performance.now() + 10_000; !isSo() && performance.now() < end; ) await sleep(1);
  assert(isSo(), String(isSo));
}

describe('a UDP socket', () => {
  test('has a descriptor for Node, and one of its own until it is released', (t) => {
    const server = End.server();
    assert.equal(server.native.udpDescriptor(), null);
    server.bind(t);
    const own = server.native.udpDescriptor();
    assert(own > 2 && own !== server.descriptor);
    assert.deepEqual(
      [own, server.descriptor].map((one) => server.native.udpFamily(one)),
      [4, 4],
    );
    server.native.releaseUdp();
    assert.equal(server.native.udpDescriptor(), null);
    assert.deepEqual([server.native.udpFamily(own), server.native.udpFamily(server.descriptor)], [null, 4]);
    assert.equal(server.native.udpFamily(-1), null);
    const file = fs.openSync(__filename, 'r');
    assert.equal(server.native.udpFamily(file), null);
    fs.closeSync(file);
    const wide = End.server().bind(t, { address: '::1' });
    assert.equal(wide.native.udpFamily(wide.descriptor), 6);
  });

  test('takes IPv4 as well at all addresses of IPv6, unless it is told not to', (t) => {
    for (const [ipv6Only, received] of [
      [false, 1],
      [true, 0],
    ]) {
      const server = End.server().bind(t, { address: '::', ipv6Only });
      const client = End.client().bind(t);
      client.native.connect('127.0.0.1', server.port);
      server.native.receiveMore(true);
      assert.equal(server.native.stats().datagramsReceived, received);
    }
  });

  test('is another one for each who shares its address, or is alone', (t) => {
    const one = End.server().bind(t, { byPeer: true });
    const shared = End.server().native.bindUdp('127.0.0.1', one.port, false, true, 1);
    assert.equal(typeof shared, 'number');
    fs.closeSync(shared);
    const alone = End.server().bind(t);
    assert.equal(End.server().native.bindUdp('127.0.0.1', alone.port, false, true, 1), null);
    assert.equal(End.server().native.bindUdp('127.0.0.1', alone.port, false, false, 1), null);
  });

  test('that Node has connected is not told its peer again', async (t) => {
    const { server, client, own } = boundPair(t);
    await new Promise((resolve) => client.udp.connect(server.port, server.address, resolve));
    client.native.noteConnectedUdp();
    assert.equal(typeof client.native.send(own, Buffer.from('a message')), 'number');
    assert.deepEqual(text(server.messages(server.native.receiveMore(true))), ['a message']);
    const other = End.server();
    other.native.noteConnectedUdp();
    assert.equal(other.native.tellAddressesApart(new native.Waker(), 1), false);
  });
});

describe('a socket beside it', { skip }, () => {
  /** A server at all addresses that knows which was asked, and who is told that there is something to read. */
  function open(t) {
    const waker = new native.Waker();
    const calls = [];
    waker.open((number) => calls.push(number));
    const server = End.server().bind(t, { address: '0.0.0.0' });
    assert.equal(server.native.tellAddressesApart(waker, 41), true);
    t.after(() => waker.close());
    const ask = (address, client = End.client().bind(t)) => {
      client.own = client.native.connect(address, server.port);
      return client;
    };
    return { server, calls, ask };
  }

  test('is told by its number, and read with the rest', async (t) => {
    const { server, calls, ask } = open(t);
    const client = ask('127.0.0.2');
    await comesTrue(() => calls.length > 0);
    assert.deepEqual(calls, [41]);
    server.native.receiveMore(true);
    client.native.receiveMore(true);
    // Its answer came from the address that was asked.
    assert.equal(client.native.stats().datagramsDropped, 0);
    await comesTrue(() => {
      server.native.receiveMore(true);
      client.native.receiveMore(true);
      return client.native.payloadLimit(client.own) > 0;
    });
    const at = server.events().find(({ kind }) => kind === 'secure')?.connection ?? 1;
    assert.equal(server.native.localAddress(at), '127.0.0.2');
  });

  test('shows what has come there, which comes back with its address', async (t) => {
    const { server, calls, ask } = open(t);
    assert.equal(server.native.show(), null);
    const client = ask('127.0.0.2');
    await comesTrue(() => calls.length > 0);
    const shown = server.native.show();
    assert.deepEqual([shown.address, shown.port], ['127.0.0.1', client.port]);
    assert.equal(server.native.stats().datagramsReceived, 0);
    server.native.receive(shown.datagram, shown.address, shown.port, false);
    client.native.receiveMore(true);
    assert.deepEqual([server.native.stats().datagramsReceived, client.native.stats().datagramsDropped], [1, 0]);
    assert.equal(client.native.stats().datagramsReceived, 1);
    assert.equal(server.native.show(), null);
    assert.equal(End.server().native.show(), null);
  });

  test('does not lend its address to a datagram of somebody else', async (t) => {
    const { server, calls, ask } = open(t);
    const client = ask('127.0.0.2');
    await comesTrue(() => calls.length > 0);
    const { datagram } = server.native.show();
    // The same datagram, but from a peer that has asked the address at Node's socket.
    const stranger = End.client().bind(t);
    server.native.receive(datagram, stranger.address, stranger.port, false);
    stranger.native.receiveMore(true);
    client.native.receiveMore(true);
    assert.deepEqual(
      [stranger, client].map((end) => end.native.stats().datagramsReceived),
      [1, 0],
    );
  });

  test('is left to Node’s, with what has come there', async (t) => {
    const { server, calls, ask } = open(t);
    ask('127.0.0.2');
    await comesTrue(() => calls.length > 0);
    server.native.leaveAside();
    assert.deepEqual([server.count, server.hasMore], [0, 1]);
    server.native.receiveMore(false);
    assert.equal(server.native.stats().datagramsReceived, 1);
    server.native.leaveAside();
    assert.equal(server.hasMore, 0);
    ask('127.0.0.3');
    server.native.receiveMore(true);
    assert.equal(server.native.stats().datagramsReceived, 2);
    const none = End.server();
    none.native.leaveAside();
    assert.equal(none.native.tellAddressesApart(new native.Waker(), 1), false);
  });
});
