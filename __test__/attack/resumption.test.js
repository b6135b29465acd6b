'use strict';

// A session that is resumed is the one that was made: with the same master secret as it was derived, under the same name.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { BOB, startServer } = require('../support/endpoints.js');
const { Address } = require('./engine/address.js');
const { Client } = require('./engine/client.js');
const { serverName } = require('./engine/handshake.js');

/** A server that keeps each session, changed as the test says, and offers it to who asks for its id. */
async function startService(t, change = (session) => session) {
  const sessions = new Map();
  const server = await startServer(t, { psk: { bob: BOB.psk } }, (socket) => {
    // As from a store: JSON.
    sessions.set(socket.session.id.toString('hex'), JSON.parse(JSON.stringify(change(socket.session))));
  });
  const asked = [];
  server.on('renegotiate', (id, _socket, callback) => {
    asked.push(id);
    callback(null, sessions.get(id));
  });
  return { port: server.address().port, asked };
}

/** Whether a second handshake resumes the session of a first. */
async function resumes(t, service, first, second) {
  const address = await Address.open(t);
  const { session } = await address.handshake(service.port, new Client(first));
  const client = new Client({ session, ...second });
  await address.greet(service.port, client);
  assert.equal(service.asked.length, 1);
  return client.isResumed;
}

describe('a session goes on as it began (RFC 7627 section 5.3)', () => {
  for (const before of [true, false]) {
    for (const after of [true, false]) {
      const expected = before && after;
      const words = (uses) => (uses ? 'with' : 'without');
      test(`made ${words(before)} extended master secret, offered ${words(after)}: ${expected ? '' : 'not '}resumed`, async (t) => {
        const service = await startService(t);
        const resumed = await resumes(t, service, { extendedMasterSecret: before }, { extendedMasterSecret: after });
        // Without it on both sides, section 5.4 leaves the choice.
        if (before || after) assert.equal(resumed, expected);
      });
    }
  }

  for (const after of [true, false]) {
    const how = after ? 'with' : 'without';
    test(`a copy that does not say how its master secret was derived is not resumed by a hello ${how} the extension`, async (t) => {
      const service = await startService(t, ({ extended_master_secret: _, ...session }) => session);
      assert.equal(await resumes(t, service, {}, { extendedMasterSecret: after }), false);
    });
  }
});

describe('a session belongs to the name that it was made under (CVE-2026-105236)', () => {
  const named = (name) => ({ extensions: name === undefined ? [] : [serverName(name)] });
  const cases = [
    ['a.example', 'a.example', true],
    ['a.example', 'b.example', false],
    ['a.example', undefined, false],
    [undefined, 'b.example', false],
    [undefined, undefined, true],
  ];
  for (const [before, after, expected] of cases) {
    const words = (name) => name ?? 'no name';
    test(`made under ${words(before)}, offered under ${words(after)}: ${expected ? '' : 'not '}resumed`, async (t) => {
      const service = await startService(t);
      assert.equal(await resumes(t, service, named(before), named(after)), expected);
    });
  }
});

test('a session is not resumed with another master secret than the one that was kept', async (t) => {
  const service = await startService(t);
  const address = await Address.open(t);
  const { session } = await address.handshake(service.port, new Client());
  const thief = new Client({ session: { id: session.id, master: Buffer.alloc(48, 1) } });
  await address.proveAddress(service.port, thief);
  address.send(thief.hello(), service.port);
  for (const datagram of await address.rest(100)) thief.handle(datagram);
  assert.equal(thief.isOpen, false);
});
