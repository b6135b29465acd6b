'use strict';

// The native classes, method by method: what each has led to, told by the next call.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const native = require('../../lib/native.js');
const { serverOptions } = require('../../lib/options/options.js');
const { BOB, End, meet, pair, settle } = require('../support/native-ends.js');

const OLD = { maxVersion: 'DTLSv1.2' };
const IDS = { connectionId: 4 };
const text = (messages) => messages.map(([, message]) => message);
const kinds = (end) => end.events().map(({ kind }) => kind);

/** Has both say something to each other. */
function converse({ server, client, own, at }) {
  assert.deepEqual(text(server.take(client.native.send(own, Buffer.from('to the server')), client)), ['to the server']);
  assert.deepEqual(text(client.take(server.native.send(at, Buffer.from('to the client')), server)), ['to the client']);
}

describe('pre-shared keys', () => {
  const fails = (server, client) => {
    const met = meet(server, client);
    return met.at === undefined;
  };

  test('are one for everybody, or one for each identity', () => {
    const server = End.server();
    assert.equal(fails(server, End.client({ pskIdentity: 'alice' })), true);
    server.native.knowKeys(Buffer.from('secret of all'), [], []);
    const anybody = () => End.client({ pskIdentity: 'alice', psk: Buffer.from('secret of all') });
    converse(meet(server, Object.assign(anybody(), { address: '192.0.2.3' })));
    server.native.knowKeys(
      null,
      ['alice', 'bob'].map((name) => Buffer.from(name)),
      ['first secret', 'other secret'].map((key) => Buffer.from(key)),
    );
    assert.equal(fails(server, Object.assign(anybody(), { address: '192.0.2.4' })), true);
    const bob = End.client({ pskIdentity: 'bob', psk: Buffer.from('other secret') });
    converse(meet(server, Object.assign(bob, { address: '192.0.2.5' })));
  });

  test('are asked for where none are known, and the answer goes to the question', () => {
    const asked = End.server({}, { knowsKeys: false });
    const other = End.client();
    other.native.connect(asked.address, asked.port);
    settle(other, asked);
    const question = asked.events().find(({ kind }) => kind === 'question');
    assert.deepEqual([question.about, question.identity], ['psk', 'bob']);
    assert.equal(asked.native.stats().lookups, 1);
    assert.equal(asked.native.answer(question.question + 1, BOB.psk), 0);
    assert.throws(() => asked.native.answer(question.question, true), { code: 'ERR_DTLS_INTERNAL' });
    assert.equal(asked.native.answer(question.question, BOB.psk), 1);
    assert.equal(asked.native.answer(question.question, BOB.psk), 0);
    settle(asked, other);
    assert.deepEqual([kinds(asked), kinds(other)], [['secure'], ['secure']]);
  });

  test('that nobody can find end the handshake, which says why', () => {
    const server = End.server({}, { knowsKeys: false });
    const client = End.client();
    client.native.connect(server.address, server.port);
    settle(client, server);
    const question = server.events().find(({ kind }) => kind === 'question');
    server.native.fail(question.question, 'The store of keys is away');
    const [{ kind, error }] = server.events();
    assert.deepEqual([kind, error.code], ['closed', 'ERR_DTLS_LOOKUP_FAILED']);
    assert.match(error.message, /The store of keys is away/);
    server.native.fail(question.question, 'Once more');
    assert.deepEqual(server.events(), []);
  });
});

describe('the end of a connection', () => {
  test('is said to the peer, or is not', () => {
    for (const [end, said, reason] of [
      ['close', 1, 'local'],
      ['abort', 0, 'local'],
    ]) {
      const { server, client, own } = pair();
      client.native[end](own + 1);
      assert.deepEqual(client.events(), []);
      client.native[end](own);
      const transmits = client.transmits();
      assert.equal(transmits.length, said, end);
      const [closed, ...rest] = client.events();
      assert.deepEqual([closed.kind, closed.reason, closed.connection, rest.length], ['closed', reason, own, 0]);
      for (const { datagram } of transmits) server.take(datagram, client);
      assert.deepEqual(
        server.events().map((event) => event.reason),
        said === 1 ? ['peer'] : [],
      );
      assert.equal(client.native.stats().ends.local, 1);
      assert.equal(server.native.stats().ends.peer, said);
    }
  });
});

describe('what is known of a connection', () => {
  test('is nothing where there is none, and nothing before its handshake is over', () => {
    const { server } = pair();
    const client = End.client();
    const early = client.native.connect(server.address, server.port);
    for (const [end, connection] of [
      [server, 77],
      [client, early],
    ]) {
      for (const name of ['finished', 'connectionIds', 'ownCertificate', 'localAddress', 'algorithms', 'save']) {
        assert.equal(end.native[name](connection), null, name);
      }
      assert.equal(end.native.confirmAddress(connection), false);
      assert.throws(() => end.native.exportKeyingMaterial(connection, 16, Buffer.from('label')), {
        code: 'ERR_TLS_INVALID_STATE',
      });
    }
    assert.equal(server.native.tally(77), null);
    assert.equal(client.native.session(early), null);
  });

  test('is the same on both sides', () => {
    for (const version of ['DTLSv1.2', 'DTLSv1.3']) {
      const only = { minVersion: version, maxVersion: version };
      const { server, client, own, at } = pair({ server: { ...only, ...IDS }, client: { ...only, ...IDS } });
      const [ours, theirs] = [client.native.finished(own), server.native.finished(at)];
      assert.deepEqual([ours.own, ours.peer], [theirs.peer, theirs.own]);
      assert.notDeepEqual(ours.own, ours.peer);
      assert.deepEqual(client.native.algorithms(own), server.native.algorithms(at));
      assert.equal(client.native.algorithms(own).group > 0, true);
      const label = Buffer.from('EXPERIMENTAL of ours');
      const material = (end, connection, ...rest) => end.native.exportKeyingMaterial(connection, 20, label, ...rest);
      assert.deepEqual(material(client, own), material(server, at));
      assert.equal(material(client, own).length, 20);
      const context = Buffer.from('context');
      assert.deepEqual(material(client, own, context), material(server, at, context));
      assert.notDeepEqual(material(client, own, context), material(client, own));
      for (const length of [0, 1e6]) {
        assert.throws(() => client.native.exportKeyingMaterial(own, length, label), { code: 'ERR_OUT_OF_RANGE' });
      }
      assert.throws(() => client.native.exportKeyingMaterial(own, 20, Buffer.alloc(0)), {
        code: 'ERR_INVALID_ARG_VALUE',
      });
      assert.deepEqual([server.native.isAddressConfirmed(at), server.native.confirmAddress(at)], [true, false]);
    }
  });

  test('is whether its peer receives at its address', () => {
    const { server, client, own, at } = pair({ server: IDS, client: IDS });
    server.take(client.native.send(own, Buffer.from('moved')), { address: '192.0.2.77', port: 1 });
    assert.equal(server.native.isAddressConfirmed(at), false);
    assert.equal(server.native.stats().addressChecks, 1);
    assert.equal(server.native.confirmAddress(at), true);
    assert.deepEqual([server.native.isAddressConfirmed(at), server.native.confirmAddress(at)], [true, false]);
  });

  test('is its trace, where it is asked for', () => {
    const server = End.server();
    server.native.tracePeer('192.0.2.2', 5684);
    assert.throws(() => server.native.tracePeer('nowhere', 1), { code: 'ERR_INVALID_IP_ADDRESS' });
    const traced = (address) => {
      const client = Object.assign(End.client(), { address });
      client.native.connect(server.address, server.port);
      settle(client, server);
      return server.native.pollTrace();
    };
    assert.equal(traced('192.0.2.3'), null);
    assert.match(traced('192.0.2.2'), /192\.0\.2\.2/);
  });
});

describe('contexts', () => {
  const optionsOf = (options) => serverOptions({ psk: { bob: BOB.psk }, ...options }).native;
  const suiteOf = (server, options, last) =>
    meet(server, Object.assign(End.client({ ...OLD, ...options }), { address: `192.0.2.${last}` })).events.client[0]
      ?.cipher;

  test('are one for a name, and one for all others', () => {
    const names = ['TLS_PSK_WITH_AES_128_CCM_8', 'TLS_PSK_WITH_AES_128_GCM_SHA256', 'TLS_PSK_WITH_AES_256_GCM_SHA384'];
    const [first, second, third] = names;
    const server = End.server({ ...OLD, ciphers: first });
    assert.deepEqual(server.native.ciphers(), [first]);
    assert.equal(suiteOf(server, {}, 10), first);
    const contextOf = (ciphers) => new native.ServerContext(optionsOf({ ...OLD, ciphers }));
    server.native.addContext('named.example', contextOf(second));
    assert.equal(suiteOf(server, { servername: 'named.example' }, 11), second);
    assert.equal(suiteOf(server, { servername: 'other.example' }, 12), first);
    server.native.setSecureContext(contextOf(third));
    assert.deepEqual(server.native.ciphers(), [third]);
    assert.equal(suiteOf(server, {}, 13), third);
    assert.equal(suiteOf(server, { servername: 'named.example' }, 14), second);
  });

  test('are asked for by name, where somebody answers', () => {
    const server = End.server(OLD);
    server.native.ask(['context']);
    const client = End.client({ ...OLD, servername: 'named.example' });
    client.native.connect(server.address, server.port);
    settle(client, server);
    const question = server.events().find(({ kind }) => kind === 'question');
    assert.deepEqual([question.about, question.servername], ['context', 'named.example']);
    const ciphers = 'TLS_PSK_WITH_AES_128_CCM_8';
    assert.equal(server.native.answer(question.question, new native.ServerContext(optionsOf({ ...OLD, ciphers }))), 1);
    settle(server, client);
    assert.deepEqual([client.events()[0].cipher, kinds(server)], [ciphers, ['secure']]);
    server.native.ask([]);
    converse(meet(server, Object.assign(End.client(OLD), { address: '192.0.2.3' })));
  });

  test('without an answer are those of everybody', () => {
    const server = End.server(OLD);
    server.native.ask(['restore', 'context', 'move']);
    const client = End.client({ ...OLD, servername: 'named.example' });
    client.native.connect(server.address, server.port);
    settle(client, server);
    const question = server.events().find(({ kind }) => kind === 'question');
    assert.equal(server.native.answer(question.question, null), 1);
    settle(server, client);
    assert.deepEqual(kinds(client), ['secure']);
  });
});

describe('tickets', () => {
  test('need a server that remembers', () => {
    const plain = End.server({ sessionTimeout: 0 });
    assert.deepEqual([plain.native.ticketKeys(), plain.native.setTicketKeys(Buffer.alloc(48, 7))], [null, false]);
    const server = End.server();
    assert.equal(server.native.ticketKeys().length, 48);
    assert.equal(server.native.setTicketKeys(Buffer.alloc(96, 7)), true);
    assert.deepEqual(server.native.ticketKeys(), Buffer.alloc(96, 7));
    for (const end of [plain, server]) {
      assert.throws(() => end.native.setTicketKeys(Buffer.alloc(47)), {
        code: 'ERR_DTLS_INTERNAL',
        message: '47 bytes are no keys of tickets',
      });
    }
  });

  test('lead back to the session, with a server that has the keys', () => {
    const keys = Buffer.alloc(48, 9);
    const options = { ticketKeys: keys, pskSessions: true };
    const first = pair({ server: options });
    assert.deepEqual(first.server.native.ticketKeys(), keys);
    const session = first.client.native.session(first.own);
    for (const [own, resumed] of [
      [options, true],
      [{ ...options, pskSessions: false }, false],
      [{ pskSessions: true }, false],
      [{ ...options, sessionTimeout: 0 }, false],
    ]) {
      const { events, server } = pair({ server: own, client: { session } });
      assert.equal(events.client.find(({ kind }) => kind === 'secure').resumed, resumed, JSON.stringify(own));
      assert.equal(server.native.stats().sessionsResumed, resumed ? 1 : 0);
    }
    assert.equal(pair({ server: { pskSessions: false } }).client.native.session(1), null);
  });
});
