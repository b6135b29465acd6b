'use strict';

// verifyPeer: whether a peer is accepted.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { event, openClient, startServer } = require('../support/endpoints.js');
const { keyPair } = require('../support/keys.js');
const { secured, refused } = require('../support/outcomes.js');

const OURS = keyPair();
const THEIRS = keyPair();
const OTHER = keyPair();
const TO_US = { peerPublicKey: OURS.publicKey };

describe('verifyPeer', () => {
  const isTheirs = (peer) => peer.publicKey.equals(THEIRS.publicKey);
  const client = { ...TO_US, key: THEIRS.key };

  for (const [how, verifyPeer] of [
    ['by its return value', (_socket, peer) => isTheirs(peer)],
    ['by a promise', async (_socket, peer) => isTheirs(peer)],
    ['by callback', (_socket, peer, callback) => void setImmediate(callback, null, isTheirs(peer))],
  ]) {
    test(`decides ${how}`, async (t) => {
      const { socket } = await secured(t, { key: OURS.key, verifyPeer }, client);
      assert.deepEqual(socket.publicKey, THEIRS.publicKey);
      const { codes, clientError } = await refused(t, { key: OURS.key, verifyPeer }, { ...TO_US, key: OTHER.key });
      assert.deepEqual(codes, ['ERR_DTLS_PEER_REFUSED', 'ERR_DTLS_ALERT_RECEIVED']);
      assert.equal(clientError.alert, 49);
    });
  }

  test('gets the socket and the key before the handshake is over, on a client too', async (t) => {
    let asked;
    const verifyPeer = (...args) => {
      asked = args;
      assert.equal(args[0].connected, false);
      assert.equal(args[0].publicKey.length, 0);
      return true;
    };
    const { client } = await secured(t, { key: OURS.key }, { verifyPeer });
    assert.equal(asked[0], client);
    assert.deepEqual(asked[1], { publicKey: OURS.publicKey });
  });

  test('refuses a server', async (t) => {
    const { codes } = await refused(t, { key: OURS.key }, { verifyPeer: () => false });
    assert.deepEqual(codes, ['ERR_DTLS_ALERT_RECEIVED', 'ERR_DTLS_PEER_REFUSED']);
  });

  test('is not asked about a key that is known', async (t) => {
    const verifyPeer = t.mock.fn(() => false);
    await secured(t, { key: OURS.key, peerPublicKey: THEIRS.publicKey, verifyPeer }, client);
    assert.equal(verifyPeer.mock.callCount(), 0);
  });

  test('that throws, rejects or forgets to answer ends its own handshake', async (t) => {
    const failure = new Error('the database is down');
    for (const [verifyPeer, cause] of [
      [
        () => {
          throw failure;
        },
        failure,
      ],
      [() => Promise.reject(failure), failure],
      [(_socket, _peer, callback) => callback(failure), failure],
      [() => undefined, { code: 'ERR_INVALID_ARG_TYPE' }],
      [() => 1, { code: 'ERR_INVALID_ARG_TYPE' }],
    ]) {
      const { codes, serverError } = await refused(t, { key: OURS.key, verifyPeer }, client);
      assert.deepEqual(codes, ['ERR_DTLS_LOOKUP_FAILED', 'ERR_DTLS_ALERT_RECEIVED']);
      if (cause === failure) assert.equal(serverError.cause, failure);
      else assert.equal(serverError.cause.code, cause.code);
    }
  });

  test('delays its own handshake only, and answers once', async (t) => {
    let answerSlow;
    const slowKey = OTHER.publicKey;
    const verifyPeer = (_socket, peer, callback) => {
      if (peer.publicKey.equals(slowKey)) answerSlow = callback;
      else callback(null, true);
    };
    let admitted = 0;
    const server = await startServer(t, { key: OURS.key, verifyPeer }, () => admitted++);
    const slow = openClient(t, server, { ...TO_US, key: OTHER.key });
    const slowIsSecure = event(slow, 'secureConnect');
    const others = Array.from({ length: 5 }, () => openClient(t, server, client));
    await Promise.all(others.map((other) => event(other, 'secureConnect')));
    while (answerSlow === undefined || admitted < others.length) await new Promise(setImmediate);
    assert.equal(admitted, others.length);
    answerSlow(null, true);
    answerSlow(null, false);
    await slowIsSecure;
    while (admitted === others.length) await new Promise(setImmediate);
    answerSlow(new Error('late'));
  });

  test('that answers after the client has gone has no effect', async (t) => {
    let answer;
    const asked = new Promise((resolve) => {
      answer = resolve;
    });
    const verifyPeer = (_socket, _peer, callback) => answer(callback);
    const server = await startServer(t, { key: OURS.key, verifyPeer });
    const leaving = openClient(t, server, client);
    const callback = await asked;
    const [socket] = Object.values(server.sockets);
    const closed = event(socket, 'close');
    socket.destroy();
    leaving.destroy();
    await closed;
    callback(null, true);
    assert.equal(server.stats.lookups, 0);
  });
});
