'use strict';

// A client that resumes its session, in node:tls's words.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { BOB, event, messages, openClient, startServer } = require('../support/endpoints.js');
const certificates = require('../support/certificates.js');
const { SESSIONS, fileInOlderVersion } = require('../support/older-version.js');

fileInOlderVersion(SESSIONS);

/** A connection that is over, and what its client keeps of it. */
async function visit(t, server, options) {
  const secure = event(server, 'secureConnection');
  const client = openClient(t, server, options);
  const sessions = [];
  client.on('session', (session) => sessions.push(session));
  const [[socket]] = await Promise.all([secure, event(client, 'secureConnect')]);
  const reused = [socket.isSessionReused(), client.isSessionReused()];
  assert.equal(reused[0], reused[1]);
  const received = messages(socket, 1);
  client.write('hello');
  assert.deepEqual(await received, ['hello']);
  const seen = {
    reused: reused[0],
    sessions,
    session: client.getSession(),
    authorized: [socket.authorized, client.authorized],
    subject: [socket.getPeerCertificate().subject?.CN, client.getPeerCertificate().subject?.CN],
    identity: socket.pskIdentity?.toString(),
  };
  client.end();
  await event(client, 'close');
  assert.equal(client.getSession(), undefined);
  return seen;
}

describe('a client with certificates', { skip: !certificates.available }, () => {
  const { ca, server: own, client: device } = certificates;
  const SERVER = { key: own?.key, cert: own?.cert, ca: ca?.cert };
  const CLIENT = { key: device?.key, cert: device?.cert, ca: ca?.cert, servername: 'localhost' };

  for (const [title, options] of Object.entries({ 'a ticket': {}, 'an id in a Map': { sessionStore: new Map() } })) {
    test(`resumes by ${title}, and everything that was proved comes back`, async (t) => {
      const server = await startServer(t, { ...SERVER, ...options });
      const first = await visit(t, server, CLIENT);
      assert.equal(first.reused, false);
      assert.deepEqual(first.sessions, [first.session]);
      const second = await visit(t, server, { ...CLIENT, session: first.session });
      assert.equal(second.reused, true);
      // It is the session that was offered, which is no news.
      assert.deepEqual(second.sessions, []);
      assert.deepEqual(second.session, first.session);
      assert.deepEqual(second.authorized, [true, true]);
      assert.deepEqual(second.subject, first.subject);
      assert.notEqual(second.subject[0], undefined);
    });
  }

  test('makes a full handshake with a session of nonsense', async (t) => {
    const server = await startServer(t, SERVER);
    const { reused } = await visit(t, server, { ...CLIENT, session: Buffer.from('nonsense') });
    assert.equal(reused, false);
  });

  test('is asked about by verifyPeer when it resumes', async (t) => {
    const asked = [];
    const verifyPeer = (socket, { cert }) => {
      asked.push([socket.connected, cert.length > 0]);
      return true;
    };
    const server = await startServer(t, { ...SERVER, verifyPeer });
    const first = await visit(t, server, CLIENT);
    const second = await visit(t, server, { ...CLIENT, session: first.session });
    assert.equal(second.reused, true);
    assert.deepEqual(asked, [
      [false, true],
      [false, true],
    ]);
  });

  test('makes a full handshake where the server remembers nothing', async (t) => {
    const server = await startServer(t, { ...SERVER, sessionTimeout: 0 });
    const first = await visit(t, server, CLIENT);
    const second = await visit(t, server, { ...CLIENT, session: first.session });
    assert.equal(second.reused, false);
    assert.equal(server.getTicketKeys(), undefined);
  });
});

describe('a client with a pre-shared key', () => {
  test('resumes where the server remembers such handshakes, and no key is looked up', async (t) => {
    let lookups = 0;
    const pskCallback = () => {
      lookups++;
      return BOB.psk;
    };
    const server = await startServer(t, { pskCallback, pskSessions: true });
    const first = await visit(t, server, BOB);
    const second = await visit(t, server, { ...BOB, session: first.session });
    assert.equal(second.reused, true);
    assert.equal(second.identity, 'bob');
    assert.equal(lookups, 1);
  });

  test('makes a full handshake each time by default', async (t) => {
    const server = await startServer(t);
    const first = await visit(t, server, BOB);
    const second = await visit(t, server, { ...BOB, session: first.session });
    assert.equal(second.reused, false);
  });
});

test('servers that share their keys resume the sessions of each other', async (t) => {
  const options = { psk: { bob: BOB.psk }, pskSessions: true };
  const one = await startServer(t, options);
  const keys = one.getTicketKeys();
  assert.equal(keys.length, 48);
  const other = await startServer(t, { ...options, ticketKeys: keys });
  const { session } = await visit(t, one, BOB);
  assert.equal((await visit(t, other, { ...BOB, session })).reused, true);
  // The key that seals changes, and the former one still opens.
  other.setTicketKeys(Buffer.concat([Buffer.alloc(48, 1), keys]));
  assert.equal((await visit(t, other, { ...BOB, session })).reused, true);
  const later = await visit(t, other, BOB);
  assert.equal((await visit(t, one, { ...BOB, session: later.session })).reused, false);
  other.setTicketKeys(Buffer.alloc(48, 1));
  assert.deepEqual(other.getTicketKeys(), Buffer.alloc(48, 1));
  assert.equal((await visit(t, other, { ...BOB, session })).reused, false);
  assert.throws(() => other.setTicketKeys(Buffer.alloc(47)), { code: 'ERR_INVALID_ARG_VALUE' });
});

test("a listener of 'renegotiate' is the only one that resumes, as in node-mbed-dtls", async (t) => {
  const server = await startServer(t, { psk: { bob: BOB.psk }, pskSessions: true });
  const { session } = await visit(t, server, BOB);
  const asked = [];
  server.on('renegotiate', (id, _socket, callback) => {
    asked.push(id);
    callback(null, null);
  });
  assert.equal((await visit(t, server, { ...BOB, session })).reused, false);
  assert.equal(asked.length, 1);
});
