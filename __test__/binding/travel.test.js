'use strict';

// Connections on their way: saved, taken out, copied, and let in again, as bytes between native objects.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { End, meet, pair } = require('../support/native-ends.js');

const OLD = { maxVersion: 'DTLSv1.2' };
const IDS = { connectionId: 4 };
const OLD_IDS = { ...OLD, ...IDS };
const text = (messages) => messages.map(([, message]) => message);
const bytes = (number, length) => {
  const buffer = Buffer.alloc(length);
  buffer.writeUIntBE(number, length - 6, 6);
  return buffer;
};

/** Whether both can talk. */
function converse({ server, client, own, at }) {
  assert.deepEqual(text(server.take(client.native.send(own, Buffer.from('to the server')), client)), ['to the server']);
  assert.deepEqual(text(client.take(server.native.send(at, Buffer.from('to the client')), server)), ['to the client']);
}

describe('a saved connection', () => {
  test('has what node-mbed-dtls had, and what that lacked', () => {
    const before = Date.now();
    const met = pair({ server: OLD_IDS, client: OLD_IDS });
    converse(met);
    const { server, at } = met;
    const saved = server.native.save(at);
    assert.deepEqual([saved.randbytes.length, saved.master.length, saved.epoch], [64, 48, 1]);
    // Epoch 1 and the number of the next record: Finished was the first, and the message the second one.
    assert.deepEqual(saved.counter, Buffer.from([0, 1, 0, 0, 0, 0, 0, 2]));
    assert.deepEqual(saved.windowTop.length, 8);
    assert.deepEqual([saved.restorable, saved.checksRoutability, saved.extendedMasterSecret], [true, true, true]);
    assert.equal(saved.encryptThenMac, false);
    assert.deepEqual(saved.connectionId, server.native.connectionIds(at).own);
    assert.deepEqual(saved.peerConnectionId, server.native.connectionIds(at).peer);
    assert(saved.savedAt >= before && saved.savedAt <= Date.now() + 1);
  });

  test('goes on elsewhere, once', () => {
    const met = pair({ server: OLD, client: OLD });
    converse(met);
    const { server, client, own, at } = met;
    const saved = server.native.save(at);
    const other = Object.assign(End.server(OLD), { address: server.address });
    const restored = other.native.restore(client.address, client.port, saved);
    assert(restored > 0);
    assert.equal(other.native.stats().connectionsRestored, 1);
    assert.equal(other.native.restore(client.address, client.port, saved), 0);
    converse({ server: other, client, own, at: restored });
    // Records that the first one has seen are too old.
    assert.throws(() => other.native.restore('nowhere', 1, saved), { code: 'ERR_INVALID_IP_ADDRESS' });
    assert.equal(server.native.save(at + 1), null);
  });

  test('of DTLS 1.3 has no copy', () => {
    const { server, at } = pair();
    assert.equal(server.native.save(at), null);
  });

  test('is refused where something of it is not as it should be', () => {
    const met = pair({ server: OLD_IDS, client: OLD_IDS });
    const saved = met.server.native.save(met.at);
    const other = End.server(OLD);
    for (const [change, message] of [
      [{ ciphersuite: 0x1234 }, 'its cipher suite 0x1234 is not one of ours'],
      [{ randbytes: Buffer.alloc(63) }, "its 'randbytes' has 63 bytes, not 64"],
      [{ id: Buffer.alloc(33) }, "its 'id' has 33 bytes, more than 32"],
      [{ master: Buffer.alloc(47) }, "its 'master' has 47 bytes, not 48"],
      [{ counter: Buffer.alloc(7) }, "its 'out_ctr' has 7 bytes, not 8"],
      [{ windowTop: Buffer.alloc(7) }, "its 'in_window_top' has 7 bytes, not 8"],
      [{ window: Buffer.alloc(9) }, "its 'in_window' has 9 bytes, not 8"],
      [{ maxFragmentLength: 100 }, "its 'max_fragment_length' of 100 bytes is none of RFC 6066"],
      [{ connectionId: Buffer.alloc(33) }, "its 'connection_id' has 33 bytes, more than 32"],
      [{ peerConnectionId: Buffer.alloc(33) }, "its 'peer_connection_id' has 33 bytes, more than 32"],
      [{ peerConnectionId: undefined }, "it has one of 'connection_id' and 'peer_connection_id' without the other"],
      [{ connectionId: undefined }, "it has one of 'connection_id' and 'peer_connection_id' without the other"],
    ]) {
      assert.throws(
        () => other.native.restore('192.0.2.1', 1, { ...saved, ...change }),
        { code: 'ERR_DTLS_INVALID_SESSION', message: `The saved session cannot be used: ${message}` },
        message,
      );
    }
    assert.throws(() => other.native.restore('192.0.2.1', 1, { ...saved, epoch: 0 }), {
      code: 'ERR_DTLS_INVALID_SESSION',
    });
    assert.equal(other.native.stats().connections, 0);
  });

  test('may lack what node-mbed-dtls did not know', () => {
    const met = pair({ server: OLD, client: OLD });
    const { server, client, own, at } = met;
    const { ciphersuite, randbytes, id, master, epoch, counter } = server.native.save(at);
    const other = Object.assign(End.server(OLD), { address: server.address });
    const saved = { ciphersuite, randbytes, id, master, epoch, counter };
    const restored = other.native.restore(client.address, client.port, saved);
    converse({ server: other, client, own, at: restored });
    const again = other.native.save(restored);
    assert.equal(again.encryptThenMac, false);
    assert.deepEqual([again.connectionId, again.checksRoutability], [undefined, undefined]);
  });

  test('counts on beyond its number', () => {
    const { server, client, at } = pair({ server: OLD, client: OLD });
    const other = End.server(OLD);
    const number = 0xabcdef012345;
    const counter = Buffer.concat([Buffer.from([0, 1]), bytes(number, 6)]);
    const restored = other.native.restore(client.address, client.port, { ...server.native.save(at), counter });
    // So many may have been sent since it was saved.
    const next = Buffer.concat([Buffer.from([0, 1]), bytes(number + 2 ** 20, 6)]);
    assert.deepEqual(other.native.save(restored).counter, next);
    const datagram = other.native.send(restored, Buffer.from('a message'));
    assert.deepEqual(datagram.subarray(3, 11), next);
    assert.equal(other.native.save(restored).counter.readUIntBE(2, 6), number + 2 ** 20 + 1);
  });

  test('says when the clock is behind the one by which it was saved', () => {
    const { server, client, at } = pair({ server: OLD, client: OLD });
    const saved = server.native.save(at);
    for (const [savedAt, events] of [
      [saved.savedAt, []],
      [undefined, []],
      [-1, []],
      [Date.now() + 86_400_000, [{ kind: 'clockBehind', address: client.address, port: client.port }]],
    ]) {
      const other = End.server(OLD);
      other.native.restore(client.address, client.port, { ...saved, savedAt });
      assert.deepEqual(other.events(), events, `${savedAt}`);
    }
  });

  test('knows whether its peer answers routability checks', () => {
    const { server, client, at } = pair({ server: OLD_IDS, client: OLD_IDS });
    const saved = server.native.save(at);
    for (const [checksRoutability, expected] of [
      [true, true],
      [false, false],
      [undefined, false],
    ]) {
      const other = End.server(OLD_IDS);
      const restored = other.native.restore(client.address, client.port, { ...saved, checksRoutability });
      assert.equal(other.native.connectionIds(restored).checksRoutability, expected);
    }
  });
});

describe('connections that are taken out', () => {
  /** A server with three connections, of which the second cannot leave. */
  function three(options) {
    const server = End.server(options);
    const clients = [10, 11, 12].map((last) => Object.assign(End.client(options), { address: `192.0.2.${last}` }));
    const met = clients.map((client, index) => (index === 1 ? { at: 77 } : meet(server, client)));
    return { server, clients, met, handles: Uint32Array.from(met, ({ at }) => at) };
  }

  for (const [version, options] of [
    ['DTLS 1.2', OLD_IDS],
    ['DTLS 1.3', IDS],
  ]) {
    test(`go on elsewhere, in ${version}`, () => {
      const { server, clients, met, handles } = three(options);
      const travellers = server.native.takeOut(handles);
      assert.deepEqual(server.events(), []);
      assert.equal(server.native.stats().connections, 0);
      const first = 2 + travellers.readUInt16BE(0);
      assert.equal(travellers.readUInt16BE(first), 0);
      const whole = Buffer.concat([travellers.subarray(0, first), travellers.subarray(first + 2)]);
      assert.equal(server.native.countTravellers(whole), 2);
      for (const length of [1, first - 1, first + 1]) {
        assert.throws(() => server.native.countTravellers(whole.subarray(0, length)), {
          code: 'ERR_DTLS_INVALID_SESSION',
          message: 'The saved session cannot be used: it is not one of ours',
        });
      }
      assert.throws(() => server.native.countTravellers(travellers), { code: 'ERR_DTLS_INVALID_SESSION' });

      const read = server.native.readTraveller(whole);
      assert.deepEqual([read.address, read.port], [clients[0].address, clients[0].port]);
      assert.equal(server.native.readTraveller(Buffer.alloc(0)), null);

      const other = Object.assign(End.server(options), { address: server.address });
      const arrivals = other.native.takeIn(whole, Date.now(), true);
      const numbers = [...arrivals.numbers];
      assert.deepEqual([arrivals.unclaimed, arrivals.refusal, numbers.length], [0, undefined, 6]);
      assert.deepEqual(arrivals.addresses, [clients[0].address, clients[2].address]);
      assert.deepEqual([numbers[1], numbers[4]], [clients[0].port, clients[2].port]);
      assert.deepEqual([numbers[2], numbers[5]], [read.ciphersuite, read.ciphersuite]);
      for (const [index, at] of [
        [0, numbers[0]],
        [2, numbers[3]],
      ]) {
        assert(at > 0);
        converse({ server: other, client: clients[index], own: met[index].own, at });
      }
      // They are there already.
      const again = [...other.native.takeIn(whole, Date.now(), true).numbers];
      assert.deepEqual([again[0], again[3]], [0, 0]);
    });
  }

  test('need a claim, where they have one life', () => {
    for (const [options, unclaimed] of [
      [OLD_IDS, 0],
      [IDS, 2],
    ]) {
      const { server, handles } = three(options);
      const travellers = server.native.takeOut(handles.filter((handle) => handle !== 77));
      const other = End.server(options);
      const arrivals = other.native.takeIn(travellers, Date.now(), false);
      assert.equal(arrivals.unclaimed, unclaimed);
      assert.deepEqual([arrivals.numbers[0] === 0, arrivals.numbers[3] === 0], [unclaimed > 0, unclaimed > 0]);
      assert.equal(other.native.stats().connections, 2 - unclaimed);
    }
  });

  test('say when the clock is behind the one by which they were taken out', () => {
    const { server, at } = pair({ server: OLD_IDS, client: OLD_IDS });
    const taken = server.native.takeOut(Uint32Array.of(at));
    for (const [savedAt, events] of [
      [Date.now(), []],
      [Number.NaN, []],
      [Date.now() + 86_400_000, ['clockBehind']],
    ]) {
      const other = End.server(OLD_IDS);
      assert(other.native.takeIn(taken, savedAt, true).numbers[0] > 0);
      assert.deepEqual(
        other.events().map(({ kind }) => kind),
        events,
        `${savedAt}`,
      );
    }
  });

  test('may be those of a client, which says why one cannot come in', () => {
    for (const options of [OLD_IDS, IDS]) {
      const { server, client, own, at } = pair({ server: options, client: options });
      const taken = client.native.takeOut(Uint32Array.of(own));
      const other = Object.assign(End.client(options), { address: client.address });
      const arrivals = other.native.takeIn(taken, Date.now(), true);
      assert.deepEqual([arrivals.refusal, arrivals.addresses], [undefined, [server.address]]);
      converse({ server, client: other, own: arrivals.numbers[0], at });

      const ofServer = server.native.takeOut(Uint32Array.of(at));
      const refused = End.client(options).native.takeIn(ofServer, Date.now(), true);
      assert.equal(refused.numbers[0], 0);
      assert.equal(typeof refused.refusal, 'string');
      assert.throws(() => End.client(options).native.takeIn(Buffer.from('garbage'), Date.now(), true), {
        code: 'ERR_DTLS_INVALID_SESSION',
      });
    }
  });
});

describe('a copy for a store', () => {
  test('says how far its owner’s numbers reach, where it has one life', () => {
    const { server, client, at } = pair({ server: IDS, client: IDS });
    const copy = server.native.copyForStore(at);
    const read = server.native.readTraveller(copy.traveller);
    assert.deepEqual([read.address, read.port], [client.address, client.port]);
    assert.deepEqual(read.connectionId, server.native.connectionIds(at).own);
    assert.deepEqual([read.bound, copy.before], [copy.bound, undefined]);
    assert.match(copy.bound, /^\d+$/);
    server.native.confirmCopy(at, copy.bound);
    server.native.confirmCopy(at, 'no bound');
    const next = server.native.copyForStore(at);
    assert.equal(next.before, copy.bound);
    const successor = server.native.succeed(copy.traveller);
    assert(successor.bound > copy.bound);
    assert.equal(server.native.readTraveller(successor.traveller).bound, successor.bound);
    assert.throws(() => server.native.succeed(Buffer.alloc(0)), { code: 'ERR_DTLS_INVALID_SESSION' });
    assert.equal(server.native.copyForStore(at + 1), null);
  });

  test('has no bound where any number of copies can go on', () => {
    const { server, at } = pair({ server: OLD_IDS, client: OLD_IDS });
    const copy = server.native.copyForStore(at);
    assert.deepEqual([copy.bound, copy.before], [undefined, undefined]);
    assert.equal(server.native.succeed(copy.traveller).bound, undefined);
    assert.equal(server.native.readTraveller(copy.traveller).bound, undefined);
  });

  test('proves that a record is the peer’s, and lets its connection go on', () => {
    const { server, client, own, at } = pair({ server: OLD_IDS, client: OLD_IDS });
    const stranger = pair({ server: OLD_IDS, client: OLD_IDS });
    const storedOf = (end, connection) => {
      const time = Buffer.alloc(8);
      time.writeDoubleBE(Date.now());
      return Buffer.concat([time, end.native.copyForStore(connection).traveller]);
    };
    const other = Object.assign(End.server(OLD_IDS), { address: server.address });
    other.native.ask(['restore']);
    other.take(client.native.send(own, Buffer.from('from afar')), { address: '192.0.2.66', port: 6 });
    const question = other.events().find(({ kind }) => kind === 'question');
    assert.deepEqual([question.about, question.address, question.port], ['restore', '192.0.2.66', 6]);
    assert.deepEqual(question.ownId, server.native.connectionIds(at).own);
    assert.equal(other.native.stats().lookups, 1);
    assert.equal(other.native.proves(question.question, storedOf(stranger.server, stranger.at)), false);
    assert.equal(other.native.proves(question.question, storedOf(server, at)), true);
    assert.equal(other.native.proves(question.question + 1, storedOf(server, at)), false);
    for (const damaged of [Buffer.alloc(7), Buffer.alloc(8), Buffer.concat([Buffer.alloc(8), Buffer.from([0])])]) {
      assert.throws(() => other.native.proves(question.question, damaged), { code: 'ERR_DTLS_INVALID_SESSION' });
    }
    const connection = other.native.answer(question.question, storedOf(server, at));
    assert(connection > 0);
    const [data] = other.events().filter(({ kind }) => kind === 'data');
    assert.deepEqual([data.connection, data.data.toString()], [connection, 'from afar']);
    assert.equal(other.native.answer(question.question, null), 0);
  });

  test('is asked for where the address is one that is expected', () => {
    const asked = (addresses) => {
      const { server, client, own } = pair({ server: OLD, client: OLD });
      const other = Object.assign(End.server(OLD), { address: server.address });
      other.native.ask(['restore']);
      other.native.expectAddresses(addresses);
      other.take(client.native.send(own, Buffer.from('from afar')), client);
      return other.events().map(({ kind, about }) => `${kind} ${about}`);
    };
    assert.deepEqual(asked(null), ['question restore']);
    assert.deepEqual(asked(['192.0.2.2:5684']), ['question restore']);
    assert.deepEqual(asked(['192.0.2.2:5685', '::1:1']), []);
    assert.deepEqual(asked([]), []);
    for (const strange of ['192.0.2.2', '192.0.2.2:', '192.0.2.2:70000', 'nowhere:1']) {
      assert.throws(() => asked([strange]), { code: 'ERR_INVALID_IP_ADDRESS' }, strange);
    }
  });
});
