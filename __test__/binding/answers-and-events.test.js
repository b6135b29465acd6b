'use strict';

// Questions that leave the native object as events, what may be answered to each, and the events of connections.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const native = require('../../lib/native.js');
const { serverOptions } = require('../../lib/options/options.js');
const { connectionStats } = require('../../lib/stats.js');
const { brief: layout } = require('../../lib/transport/layout.js');
const certificates = require('../support/certificates.js');
const { BOB, End, meet, pair, settle } = require('../support/native-ends.js');

const OLD = { maxVersion: 'DTLSv1.2' };
const IDS = { connectionId: 4 };
const STRANGE = 'An answer does not have the type that its question asks for';
const kinds = (end) => end.events().map(({ kind }) => kind);
const questionOf = (events) => events.find(({ kind }) => kind === 'question');

/** A server that asks about this, and the question that this client leads to. */
function ask(about, { server: options = {}, client: clientOptions = {}, ...means } = {}) {
  const server = End.server({ ...OLD, ...options }, means);
  server.native.ask(about);
  const client = End.client({ ...OLD, ...clientOptions });
  const { events, own } = meet(server, client);
  const { question, ...event } = questionOf(events.server);
  const answer = (value) => {
    const led = server.native.answer(question, value);
    settle(server, client);
    return led;
  };
  return { server, client, own, question, event, answer };
}

describe('a question', () => {
  test('for a pre-shared key is answered with one, or with none', () => {
    const psk = () => ask([], { knowsKeys: false });
    for (const [value, codes] of [
      [BOB.psk, [undefined]],
      [null, ['ERR_DTLS_UNKNOWN_PSK_IDENTITY']],
    ]) {
      const { server, event, answer } = psk();
      assert.deepEqual([event.about, event.identity], ['psk', 'bob']);
      assert.equal(answer(value), 1);
      const codesOf = server.events().map(({ error }) => error?.code);
      assert.deepEqual(codesOf, codes);
    }
    const { server, question } = psk();
    for (const value of [true, { session: undefined }, new native.ServerContext(serverOptions({ psk: {} }).native)]) {
      assert.throws(() => server.native.answer(question, value), { code: 'ERR_DTLS_INTERNAL', message: STRANGE });
    }
    assert.equal(server.native.stats().lookups, 1);
  });

  test('for a protocol is answered with one, or with none', () => {
    for (const [value, protocol, code] of [
      [Buffer.from('coap'), 'coap', undefined],
      [null, undefined, undefined],
    ]) {
      const { client, event, answer } = ask(['protocol'], { client: { ALPNProtocols: ['coap', 'other'] } });
      assert.deepEqual([event.about, event.protocols], ['protocol', Buffer.from('\x04coap\x05other', 'latin1')]);
      assert.equal(answer(value), 1);
      const [last] = client.events();
      assert.equal(last.error?.code, value === null ? last.error?.code : code);
      assert.equal(last.protocol?.toString(), protocol);
      assert.equal(last.kind, value === null ? 'closed' : 'secure');
    }
    const { server, question } = ask(['protocol'], { client: { ALPNProtocols: ['coap'] } });
    assert.throws(() => server.native.answer(question, true), { message: STRANGE });
  });

  test('for a context is answered with one, or with none', () => {
    const { client, answer } = ask(['context'], { client: { servername: 'named.example' } });
    assert.equal(answer(null), 1);
    assert.equal(client.events()[0].kind, 'secure');
    const { server, question } = ask(['context'], { client: { servername: 'named.example' } });
    assert.throws(() => server.native.answer(question, Buffer.alloc(1)), { message: STRANGE });
  });

  test('for a session is answered with what was kept, with what was saved, or with none', () => {
    const remembering = { pskSessions: true, sessionStore: new Map() };
    const first = pair({ server: { ...OLD, ...remembering }, client: OLD });
    const kept = first.events.server.find(({ kind }) => kind === 'newSession');
    assert.deepEqual([kept.sessionId.length, kept.connection], [32, first.at]);
    const ticket = pair({ server: { pskSessions: true } });
    assert.equal(ticket.events.client.at(-1).kind, 'session');
    const session = first.client.native.session(first.own);
    const saved = first.server.native.save(first.at);
    const { ciphersuite, master, encryptThenMac, extendedMasterSecret } = saved;
    const asked = () => ask(['session'], { server: remembering, client: { session } });
    for (const [value, resumed] of [
      [kept.session, true],
      [null, false],
      [{ session: undefined }, false],
      [{ session: { ciphersuite, master, encryptThenMac, extendedMasterSecret } }, true],
      [{ session: { ciphersuite, master } }, false],
    ]) {
      const { client, event, answer } = asked();
      assert.deepEqual([event.about, event.sessionId], ['session', kept.sessionId]);
      assert.equal(answer(value), 1);
      assert.equal(client.events().find(({ kind }) => kind === 'secure').resumed, resumed);
    }
    const { server, question } = asked();
    assert.throws(() => server.native.answer(question, { session: { ciphersuite: 1, master } }), {
      code: 'ERR_DTLS_INVALID_SESSION',
    });
    assert.throws(() => server.native.answer(question, true), { message: STRANGE });
  });

  test('for a saved connection is answered with one, or with none', () => {
    const met = pair({ server: OLD, client: OLD });
    const saved = met.server.native.save(met.at);
    const asked = () => {
      const server = End.server(OLD);
      server.native.ask(['restore']);
      server.take(met.client.native.send(met.own, Buffer.from('from afar')), met.client);
      const { question, about } = questionOf(server.events());
      assert.equal(about, 'restore');
      return { server, question };
    };
    for (const value of [null, { restore: undefined }]) {
      const { server, question } = asked();
      server.native.answer(question, value);
      assert.equal(server.native.stats().connections, 0);
    }
    const { server, question } = asked();
    assert.throws(() => server.native.answer(question, false), { message: STRANGE });
    assert.throws(() => server.native.answer(question, { restore: { ...saved, epoch: 0 } }), {
      code: 'ERR_DTLS_INVALID_SESSION',
    });
    const connection = server.native.answer(question, { restore: saved });
    assert.deepEqual(
      server.events().map((event) => [event.kind, event.connection, String(event.data)]),
      [['data', connection, 'from afar']],
    );
  });

  test('about a device that has moved is answered with where it was, or with nothing', () => {
    const VENDOR_MOVE = 254;
    const moving = (answerTo) => {
      const { server, client, own } = pair({ server: OLD, client: OLD });
      server.native.ask(['move']);
      const record = client.native.send(own, Buffer.from('moved'));
      const id = Buffer.from('device');
      const datagram = Buffer.concat([record, id, Buffer.from([id.length])]);
      datagram[0] = VENDOR_MOVE;
      server.take(datagram, { address: '192.0.2.90', port: 9 });
      const question = questionOf(server.events());
      assert.deepEqual([question.about, question.address, question.port], ['move', '192.0.2.90', 9]);
      assert.deepEqual(question.deviceId, id);
      server.native.answer(question.question, answerTo(client));
      return server.events().map((event) => [event.kind, String(event.data ?? event.oldAddress)]);
    };
    assert.deepEqual(
      moving(() => null),
      [],
    );
    assert.deepEqual(
      moving(() => ({ move: undefined })),
      [],
    );
    assert.throws(() => moving(() => ({ move: { address: 'nowhere', port: 1 } })), { code: 'ERR_INVALID_IP_ADDRESS' });
    assert.throws(() => moving(() => true), { message: STRANGE });
    assert.deepEqual(
      moving(({ address, port }) => ({ move: { address, port } })),
      [
        ['moved', '192.0.2.2'],
        ['data', 'moved'],
      ],
    );
  });

  test('that is not answered in time expires', () => {
    const options = { native: { handshakeTimeout: 10 }, knowsKeys: false };
    const { server, question } = ask([], options);
    const { due } = server;
    while (server.now < due) server.native.handleTimeout();
    assert.deepEqual(
      server.events().map((event) => [event.kind, event.error?.code]),
      [['closed', 'ERR_DTLS_HANDSHAKE_TIMEOUT']],
    );
    assert.equal(server.native.answer(question, null), 0);

    const met = pair({ server: OLD, client: OLD });
    const other = End.server(OLD, options);
    other.native.ask(['restore']);
    other.take(met.client.native.send(met.own, Buffer.from('from afar')), met.client);
    const restore = questionOf(other.events());
    const end = other.due;
    while (other.now < end) other.native.handleTimeout();
    assert.deepEqual(other.events(), [{ kind: 'questionExpired', question: restore.question }]);
  });
});

describe('events', () => {
  const skip = certificates.available ? false : 'openssl was not found';
  const { ca, client: ofClient, server: ofServer, intermediate } = certificates;

  test('come in their order, by whichever way, and when there is little room', () => {
    for (const slots of [1, 2, 32]) {
      const server = End.server(OLD, { slots });
      server.native.logKeys(true);
      const met = [3, 4, 5].map((last) => {
        const client = Object.assign(End.client(OLD), { address: `192.0.2.${last}` });
        const own = client.native.connect(server.address, server.port);
        settle(client, server);
        client.native.close(own);
        settle(client, server);
        return client;
      });
      const events = server.events();
      const each = ['connection', 'keylog', 'secure', 'closed'];
      assert.deepEqual(
        events.map(({ kind }) => kind),
        [...each, ...each, ...each],
        `${slots} slots`,
      );
      assert.deepEqual(
        events.map(({ connection }) => connection),
        [1, 2, 3].flatMap((number) => Array(4).fill(events[4 * (number - 1)].connection)),
      );
      const addresses = events.filter(({ kind }) => kind === 'connection').map(({ address }) => address);
      assert.deepEqual(
        addresses,
        met.map(({ address }) => address),
      );
      assert.equal(server.native.pollEvent(), null);
    }
  });

  test('are not asked for by pollEvent() as long as brief ones come before', () => {
    const server = End.server(OLD, { slots: 1 });
    const client = End.client(OLD);
    client.native.connect(server.address, server.port);
    settle(client, server);
    assert.equal(server.native.pollEvent(), null);
    assert.equal(server.brief.read().kind, 'connection');
    assert.equal(server.native.pollEvent(), null);
    assert.equal(server.brief.read().kind, 'secure');
    assert.equal(server.native.pollEvent(), null);
    assert.equal(server.brief.isEmpty, true);
  });

  test('with as much text as there is room are brief, and with more are objects', () => {
    // An identity may have 128 bytes and a name 255, and an address has some 11.
    const servername = `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}`;
    for (const slots of [1, 4]) {
      const server = End.server(OLD, { slots });
      const client = End.client({ ...OLD, servername });
      const { events } = meet(server, client);
      const [connection, secure] = events.server;
      assert.deepEqual([connection.servername, connection.address], [servername, client.address]);
      assert.deepEqual([secure.pskIdentity, secure.authorized], ['bob', true]);
    }
    assert.equal(layout.LONGEST_TEXTS, 448);
  });

  test('have the time that the handshake has taken', () => {
    for (const options of [OLD, {}]) {
      const before = performance.now();
      const { events, server } = pair({ server: options, client: options });
      const elapsed = performance.now() - before;
      for (const side of ['client', 'server']) {
        const { handshakeTime } = events[side].find(({ kind }) => kind === 'secure');
        assert(handshakeTime > 0.01 && handshakeTime <= elapsed, `${handshakeTime} of ${elapsed} ms`);
      }
      const { handshakeTimes } = server.native.stats();
      const { handshakeTime } = events.server.find(({ kind }) => kind === 'secure');
      assert(Math.abs(handshakeTimes.sum - handshakeTime) < 0.001, `${handshakeTimes.sum}`);
      const bucket = handshakeTimes.bounds.findIndex((bound) => handshakeTime <= bound);
      assert.deepEqual([handshakeTimes.counts[bucket], handshakeTimes.counts.length], [1, 16]);
    }
  });

  test('have what the peer has proved', { skip }, () => {
    const only = { psk: undefined, pskIdentity: undefined, ...OLD };
    const trust = { ...only, ca: ca.cert, servername: 'localhost' };
    const server = { key: ofServer.key, cert: ofServer.cert, ...OLD };
    const secureOf = (met) => met.events.client.find(({ kind }) => kind === 'secure');
    const plain = secureOf(pair({ server, client: trust }));
    assert.deepEqual([plain.authorized, plain.authorizationError, plain.pskIdentity], [true, undefined, undefined]);
    assert.equal(plain.certificate.length > 300 && plain.publicKey.length > 60, true);
    assert.deepEqual([plain.issuers, plain.protocol, plain.srtpProfile], [undefined, undefined, undefined]);

    const lenient = secureOf(
      pair({ server, client: { ...trust, servername: 'other.example', rejectUnauthorized: false } }),
    );
    assert.deepEqual([lenient.authorized, lenient.authorizationError], [false, 'ERR_TLS_CERT_ALTNAME_INVALID']);
    assert.deepEqual(lenient.publicKey, plain.publicKey);

    const chained = { ...server, key: intermediate.key, cert: intermediate.cert };
    const met = pair({ server: chained, client: { ...trust } });
    const secure = secureOf(met);
    assert.deepEqual([secure.authorized, secure.issuers.length], [true, 1]);
    assert.equal(met.server.native.ownCertificate(met.at).equals(secure.certificate), true);
    assert.equal(met.client.native.ownCertificate(met.own), null);

    // Without other keys, each entry of `cert` is one of the chain.
    const [leaf, issuer] = intermediate.cert.toString().match(/-+BEGIN[\s\S]+?END CERTIFICATE-+\n/g);
    const entries = { native: { cert: [leaf, issuer].map((one) => Buffer.from(one)), otherKeys: [] } };
    const apart = secureOf(
      pair({ server: chained, client: { ...trust }, serverMeans: { ...entries, knowsKeys: false } }),
    );
    assert.deepEqual([apart.authorized, apart.issuers], [true, secure.issuers]);

    const srtp = { srtpProfiles: 'SRTP_AEAD_AES_128_GCM' };
    const profile = secureOf(pair({ server: { ...server, ...srtp }, client: { ...trust, ...srtp } }));
    assert.deepEqual([profile.srtpProfile, profile.authorized], ['SRTP_AEAD_AES_128_GCM', true]);
    assert(profile.handshakeTime > 0.01 && profile.handshakeTime < 10_000);

    const protocols = { ALPNProtocols: ['coap'] };
    const protocol = secureOf(pair({ server: { ...server, ...protocols }, client: { ...trust, ...protocols } }));
    assert.deepEqual([String(protocol.protocol), protocol.authorized, protocol.resumed], ['coap', true, false]);

    const both = pair({
      server: { ...server, requestCert: true, ca: ca.cert },
      client: { ...trust, key: ofClient.key, cert: ofClient.cert },
    });
    const theirs = both.events.server.find(({ kind }) => kind === 'secure');
    assert.equal(theirs.certificate.equals(both.client.native.ownCertificate(both.own)), true);
    assert.equal(theirs.authorized, true);

    const failed = pair({ server, client: { ...trust, servername: 'other.example' } });
    const { error } = failed.events.client.find(({ kind }) => kind === 'closed');
    assert.deepEqual([error.code, error.alert, error.errno < 0], ['ERR_TLS_CERT_ALTNAME_INVALID', 42, true]);
    assert.deepEqual([error.certificate, error.publicKey], [plain.certificate, undefined]);
  });

  test('of the end have the counters of the connection', () => {
    const { server, client, own, at } = pair();
    for (const message of ['one', 'three']) server.take(client.native.send(own, Buffer.from(message)), client);
    const forged = client.native.send(own, Buffer.from('forged'));
    forged[forged.length - 1] ^= 1;
    server.take(forged, client);
    server.native.send(at, Buffer.alloc(100));
    const { roundTripTime, ...tally } = connectionStats(server.native.tally(at));
    const counts = { messagesReceived: 2, messagesSent: 1, bytesReceived: 8, bytesSent: 100 };
    assert.deepEqual({ ...tally }, { ...counts, recordsDropped: 1, retransmissions: 0 });
    assert(roundTripTime > 0.001 && roundTripTime < 10_000, `${roundTripTime}`);
    server.native.abort(at);
    const [closed] = server.events();
    assert.deepEqual({ ...connectionStats(closed.data) }, { roundTripTime, ...tally });
    const unmeasured = End.client();
    const early = unmeasured.native.connect('192.0.2.1', 1);
    assert.equal(connectionStats(unmeasured.native.tally(early)).roundTripTime, undefined);
  });

  test('of an end say why', () => {
    const reasonOf = (end) => end.events().find(({ kind }) => kind === 'closed').reason;
    const replaced = pair({ server: OLD, client: OLD });
    meet(replaced.server, Object.assign(End.client(OLD), { address: replaced.client.address }));
    assert.equal(replaced.server.native.stats().ends.replaced, 1);
    const crowded = End.server({ maxConnections: 1, evictIdleConnections: true });
    for (const last of [3, 4])
      crowded.last = meet(crowded, Object.assign(End.client(), { address: `192.0.2.${last}` }));
    assert.equal(crowded.native.stats().ends.evicted, 1);
    const reasons = crowded.last.events.server.filter(({ kind }) => kind === 'closed').map(({ reason }) => reason);
    assert.deepEqual(reasons, ['evicted']);
    const client = End.client({ ...IDS });
    client.native.connect('192.0.2.1', 1);
    client.native.abort(1);
    assert.equal(reasonOf(client), 'local');
    assert.deepEqual(kinds(client), []);
  });
});
