'use strict';

// Sessions in DTLS 1.3, over UDP sockets: in the words of DTLS 1.2, but that a session comes behind the handshake.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { versions } = require('../..');
const { BOB, event, messages, openClient, startServer } = require('../support/endpoints');
const certificates = require('../support/certificates');

const NEWER = { minVersion: 'DTLSv1.3', maxVersion: 'DTLSv1.3' };
const BOTH = { maxVersion: 'DTLSv1.3' };

const skip = versions['aws-lc'] === undefined && 'this build has no AWS-LC';

/** A connection that is over, and what its client keeps of it. */
async function visit(t, server, options, { expectsSession = true } = {}) {
  const client = openClient(t, server, options);
  const sessions = [];
  client.on('session', (session) => sessions.push(session));
  const told = expectsSession ? event(client, 'session') : undefined;
  const [[socket]] = await Promise.all([event(server, 'secureConnection'), event(client, 'secureConnect')]);
  const reused = socket.isSessionReused();
  assert.equal(client.isSessionReused(), reused);
  const received = [messages(socket, 1), messages(client, 1)];
  client.write('ping');
  socket.write('pong');
  assert.deepEqual(await Promise.all(received), [['ping'], ['pong']]);
  await told;
  const seen = {
    reused,
    sessions,
    session: client.getSession(),
    protocol: client.getProtocol(),
    authorized: [socket.authorized, client.authorized],
    subject: [socket.getPeerCertificate().subject?.CN, client.getPeerCertificate().subject?.CN],
    identity: socket.pskIdentity?.toString(),
  };
  client.end();
  await event(client, 'close');
  assert.equal(client.getSession(), undefined);
  return seen;
}

describe('a client with certificates in DTLS 1.3', { skip: skip || !certificates.available }, () => {
  const { ca, server: own, client: device } = certificates;
  const SERVER = { key: own?.key, cert: own?.cert, ca: ca?.cert, ...BOTH };
  const CLIENT = { key: device?.key, cert: device?.cert, ca: ca?.cert, servername: 'localhost', ...NEWER };

  for (const [title, options] of Object.entries({ 'a ticket': {}, 'an id in a Map': { sessionStore: new Map() } })) {
    test(`resumes by ${title}, and everything that was proved comes back`, async (t) => {
      const server = await startServer(t, { ...SERVER, ...options });
      const first = await visit(t, server, CLIENT);
      assert.equal(first.reused, false);
      assert.deepEqual(first.sessions, [first.session]);
      const second = await visit(t, server, { ...CLIENT, session: first.session });
      assert.equal(second.reused, true);
      // There is another one each time.
      assert.deepEqual(second.sessions, [second.session]);
      assert.notDeepEqual(second.session, first.session);
      assert.deepEqual([second.authorized, second.subject], [[true, true], first.subject]);
      const third = await visit(t, server, { ...CLIENT, session: second.session });
      assert.deepEqual([third.reused, server.stats.sessionsResumed], [true, 2]);
      if (options.sessionStore !== undefined) assert.equal(options.sessionStore.size, 1);
    });
  }

  test('asks verifyPeer each time, and makes a full handshake where the server remembers nothing', async (t) => {
    const asked = [];
    const verifyPeer = (_socket, { cert }) => {
      asked.push(cert.length > 0);
      return true;
    };
    const server = await startServer(t, { ...SERVER, verifyPeer });
    const { session } = await visit(t, server, CLIENT);
    assert.equal((await visit(t, server, { ...CLIENT, session })).reused, true);
    assert.deepEqual(asked, [true, true]);
    const other = await startServer(t, { ...SERVER, sessionTimeout: 0 });
    const { reused, session: none } = await visit(t, other, { ...CLIENT, session }, { expectsSession: false });
    assert.deepEqual([reused, none], [false, undefined]);
  });
});

describe('a client with a pre-shared key in DTLS 1.3', { skip }, () => {
  test('resumes where the server remembers such handshakes, and no key is looked up', async (t) => {
    let lookups = 0;
    const pskCallback = () => {
      lookups++;
      return BOB.psk;
    };
    const server = await startServer(t, { pskCallback, pskSessions: true, ...BOTH });
    const first = await visit(t, server, { ...BOB, ...NEWER });
    const second = await visit(t, server, { ...BOB, ...NEWER, session: first.session });
    assert.deepEqual([second.reused, second.identity, lookups], [true, 'bob', 1]);
  });

  test('gets no session by default', async (t) => {
    const server = await startServer(t, { psk: { bob: BOB.psk }, ...BOTH });
    const { session } = await visit(t, server, { ...BOB, ...NEWER }, { expectsSession: false });
    assert.equal(session, undefined);
  });

  test('and both versions resumes in the version of its session, and in no other', async (t) => {
    const options = { psk: { bob: BOB.psk }, pskSessions: true, ticketKeys: Buffer.alloc(48, 7) };
    const newer = await startServer(t, { ...options, ...BOTH });
    const older = await startServer(t, { ...options, maxVersion: 'DTLSv1.2' });
    const sessions = [];
    for (const [server, protocol] of [
      [newer, 'DTLSv1.3'],
      [older, 'DTLSv1.2'],
    ]) {
      const first = await visit(t, server, { ...BOB, ...BOTH });
      const second = await visit(t, server, { ...BOB, ...BOTH, session: first.session }, { expectsSession: false });
      assert.deepEqual([first.protocol, second.protocol, second.reused], [protocol, protocol, true]);
      sessions.push(first.session);
    }
    for (const [server, session] of [
      [older, sessions[0]],
      [newer, sessions[1]],
    ]) {
      const { reused } = await visit(t, server, { ...BOB, ...BOTH, session });
      assert.equal(reused, false);
    }
  });

  test('resumes at a server that shares the keys of tickets', async (t) => {
    const options = { psk: { bob: BOB.psk }, pskSessions: true, ...BOTH };
    const one = await startServer(t, options);
    const other = await startServer(t, { ...options, ticketKeys: one.getTicketKeys() });
    const { session } = await visit(t, one, { ...BOB, ...NEWER });
    assert.equal((await visit(t, other, { ...BOB, ...NEWER, session })).reused, true);
    other.setTicketKeys(Buffer.alloc(48, 1));
    assert.equal((await visit(t, other, { ...BOB, ...NEWER, session })).reused, false);
  });
});

test('a store that fails costs a full handshake in DTLS 1.3, and a warning', { skip }, async (t) => {
  const sessionStore = { get: () => Promise.reject(new Error('away')), set() {}, delete() {} };
  const server = await startServer(t, { psk: { bob: BOB.psk }, pskSessions: true, sessionStore, ...BOTH });
  const first = await visit(t, server, { ...BOB, ...NEWER });
  const warned = event(process, 'warning');
  const second = await visit(t, server, { ...BOB, ...NEWER, session: first.session });
  assert.equal(second.reused, false);
  assert.equal((await warned)[0].code, 'ERR_DTLS_SESSION_STORE');
});
