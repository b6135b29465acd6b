'use strict';

// The memory in which events are numbers and bytes: how many it has room for, and what becomes of the others.

const assert = require('node:assert/strict');
const { X509Certificate } = require('node:crypto');
const { describe, test } = require('node:test');

const { brief: layout, registers } = require('../../lib/transport/layout.js');
const { End, settle } = require('../support/native-ends.js');
const { certificate, newKey } = require('../support/x509.js');

const { LONGEST_TEXTS, READ, SLOTS, SLOT_LENGTH, TEXTS_PER_SLOT, WRITTEN } = layout;
const { EVENTS } = registers;
const OLD = { maxVersion: 'DTLSv1.2' };

/** The counters of both sides. */
const counters = ({ brief }) => [brief._doubles[WRITTEN], brief._doubles[READ]];

/** A name of so many characters. */
const nameOf = (length) =>
  `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.`
    .repeat(2)
    .slice(0, length - 1)
    .concat('x');

/** Opens a handshake with a server that knows no keys, so that it ends in a question. */
function knock(server, { address, servername, pskIdentity = 'bob' }) {
  const client = Object.assign(End.client({ ...OLD, servername, pskIdentity }), { address });
  client.native.connect(server.address, server.port);
  settle(client, server);
  return client;
}

describe('the memory for brief events', () => {
  test('has so many slots, and is written from its beginning once all has been read', () => {
    const server = End.server(OLD, { slots: 3, knowsKeys: false });
    knock(server, { address: '192.0.2.3' });
    assert.deepEqual(counters(server), [2, 0]);
    assert.equal(server.brief.read().kind, 'connection');
    // As long as one has not been read, the rest follows behind it.
    knock(server, { address: '192.0.2.4' });
    assert.deepEqual(counters(server), [3, 1]);
    assert.equal(server.waits(EVENTS), true);
    assert.deepEqual(
      [server.brief.read(), server.brief.read()].map(({ kind }) => kind),
      ['question', 'connection'],
    );
    assert.deepEqual(counters(server), [3, 3]);
    server.native.handleTimeout();
    assert.deepEqual(counters(server), [1, 0]);
    assert.equal(server.waits(EVENTS), false);
    assert.equal(server.brief.read().kind, 'question');
    // Nothing new has come to be written.
    server.native.handleTimeout();
    assert.deepEqual(counters(server), [1, 1]);
    assert.equal(server.native.pollEvent(), null);
    assert.deepEqual(counters(server), [0, 0]);
    assert.equal(server.brief.bytes.length, 8 * (SLOTS + 3 * SLOT_LENGTH) + LONGEST_TEXTS + 3 * TEXTS_PER_SLOT);
  });

  test('has room for so many bytes of texts', () => {
    const room = LONGEST_TEXTS + 3 * TEXTS_PER_SLOT;
    const [one, other] = ['192.0.2.3', '192.0.2.4'];
    const pskIdentity = 'i'.repeat(128);
    const first = nameOf(250);
    const left = room - one.length - first.length - pskIdentity.length - other.length;
    for (const [length, written] of [
      [left - 1, 3],
      [left, 3],
      [left + 1, 2],
    ]) {
      const server = End.server(OLD, { slots: 3, knowsKeys: false });
      knock(server, { address: one, servername: first, pskIdentity });
      const servername = 'n'.repeat(length);
      const client = Object.assign(End.client(OLD, { native: { servername } }), { address: other });
      client.native.connect(server.address, server.port);
      settle(client, server);
      assert.deepEqual(counters(server), [written, 0], `${length}`);
      const events = server.events();
      assert.deepEqual(
        events.map(({ kind, address, servername: name, identity }) => [kind, address, name ?? identity]),
        [
          ['connection', one, first],
          ['question', undefined, pskIdentity],
          ['connection', other, servername],
          ['question', undefined, 'bob'],
        ],
      );
    }
  });

  test('takes an event that fills it, and none that is longer', () => {
    const room = LONGEST_TEXTS + TEXTS_PER_SLOT;
    const key = newKey();
    const seen = new Set();
    /** A signature has two numbers, of which each may be a byte shorter now and then. */
    for (let padding = 60, tries = 0; seen.size < 3 && tries < 200; tries++) {
      const made = certificate({ subject: `CN=${'p'.repeat(padding)}`, key });
      const server = End.server({ ...OLD, key: made.keyPem, cert: made.pem }, { knowsKeys: false });
      const trust = { ca: made.pem, servername: 'other.test', rejectUnauthorized: false };
      const client = End.client({ ...OLD, psk: undefined, pskIdentity: undefined, ...trust }, { slots: 1 });
      client.native.connect(server.address, server.port);
      settle(client, server);
      const isBrief = counters(client)[0] === 1;
      assert.equal(client.waits(EVENTS), !isBrief);
      const [event] = client.events();
      assert.equal(event.certificate.equals(new X509Certificate(made.pem).raw), true);
      const texts = [event.publicKey, event.certificate, event.authorizationError ?? ''];
      const length = texts.reduce((sum, { length: own }) => sum + own, 0);
      assert.equal(isBrief, length <= room, `${length} bytes`);
      if (Math.abs(length - room) <= 1) seen.add(length);
      padding += Math.sign(room - length) || [-1, 1][tries % 2];
    }
    assert.equal(seen.size, 3);
  });
});
