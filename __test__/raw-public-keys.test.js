'use strict';

// Raw public keys (RFC 7250) and client certificates, over real sockets.

const assert = require('node:assert/strict');
const { generateKeyPairSync, createPublicKey } = require('node:crypto');
const { describe, test } = require('node:test');

const certificates = require('./support/certificates.js');
const { BOB, event, messages, openClient, startServer } = require('./support/endpoints.js');
const { connect, createServer } = require('..');

/** A key pair, its public half as DER. */
function keyPair(type = 'ec', options = { namedCurve: 'P-256' }) {
  const { privateKey, publicKey } = generateKeyPairSync(type, options);
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  return { privateKey, key, publicKey: publicKey.export({ type: 'spki', format: 'der' }) };
}

const OURS = keyPair();
const THEIRS = keyPair();
const OTHER = keyPair();
const OPEN = { key: OURS.key, requestCert: true, rejectUnauthorized: false };
const TO_US = { peerPublicKey: OURS.publicKey };

/** A server, a client, and the server's socket for it, all after the handshake. */
async function secured(t, serverOptions, clientOptions) {
  const server = await startServer(t, serverOptions);
  const client = openClient(t, server, clientOptions);
  const [[socket]] = await Promise.all([event(server, 'secureConnection'), event(client, 'secureConnect')]);
  return { server, client, socket };
}

/** The codes with which server and client part. */
async function refused(t, serverOptions, clientOptions) {
  const server = await startServer(t, serverOptions);
  const refusal = event(server, 'clientError');
  const client = openClient(t, server, clientOptions);
  const [[clientError], [serverError]] = await Promise.all([event(client, 'error'), refusal]);
  return { clientError, serverError, codes: [serverError.code, clientError.code] };
}

describe('a raw public key', () => {
  test('authenticates the server to a client that has it', async (t) => {
    const { client, socket } = await secured(t, { key: OURS.key }, TO_US);
    assert.deepEqual(client.publicKey, OURS.publicKey);
    assert.equal(socket.publicKey.length, 0);
    assert.equal(socket.publicKeyPEM.length, 0);
    const received = messages(socket, 1);
    client.write('hello');
    assert.deepEqual(await received, ['hello']);
  });

  test('authenticates both sides, and may be one of several', async (t) => {
    const theirs = { key: THEIRS.key, peerPublicKey: [OTHER.publicKey, OURS.publicKey] };
    const { client, socket } = await secured(t, { key: OURS.key, peerPublicKey: THEIRS.publicKey }, theirs);
    assert.deepEqual(socket.publicKey, THEIRS.publicKey);
    assert.deepEqual(client.publicKey, OURS.publicKey);
    assert.deepEqual(createPublicKey(socket.publicKeyPEM).export({ type: 'spki', format: 'der' }), THEIRS.publicKey);
  });

  for (const [name, type, options] of [
    ['P-384', 'ec', { namedCurve: 'P-384' }],
    ['P-521', 'ec', { namedCurve: 'P-521' }],
    ['RSA', 'rsa', { modulusLength: 2048 }],
  ]) {
    test(`may be ${name}`, async (t) => {
      const pair = keyPair(type, options);
      const both = { key: pair.key, peerPublicKey: pair.publicKey };
      const { client, socket } = await secured(t, both, both);
      assert.deepEqual(client.publicKey, pair.publicKey);
      assert.deepEqual(socket.publicKey, pair.publicKey);
    });
  }

  test('may be given in PEM and DER, PKCS#8 and SEC1', async (t) => {
    const pem = createPublicKey(OURS.key).export({ type: 'spki', format: 'pem' });
    for (const [type, format] of [
      ['pkcs8', 'der'],
      ['sec1', 'der'],
      ['sec1', 'pem'],
    ]) {
      const key = OURS.privateKey.export({ type, format });
      for (const peerPublicKey of [pem, Buffer.from(pem)]) {
        const { client } = await secured(t, { key }, { peerPublicKey });
        assert.deepEqual(client.publicKey, OURS.publicKey);
      }
    }
  });

  test('that is another one is refused, on either side', async (t) => {
    const mismatch = ['ERR_DTLS_PEER_KEY_MISMATCH', 'ERR_DTLS_ALERT_RECEIVED'];
    const byServer = await refused(t, { key: OURS.key, peerPublicKey: OTHER.publicKey }, { ...TO_US, key: THEIRS.key });
    assert.deepEqual(byServer.codes, mismatch);
    const byClient = await refused(t, { key: OURS.key }, { peerPublicKey: OTHER.publicKey });
    assert.deepEqual(byClient.codes, mismatch.toReversed());
    assert.equal(byClient.clientError.alert, 42);
    assert.equal(byClient.serverError.alert, 42);
  });

  test('is not needed where nothing is required', async (t) => {
    const anonymous = await secured(t, OPEN, TO_US);
    assert.equal(anonymous.socket.publicKey.length, 0);
    const known = await secured(t, OPEN, { ...TO_US, key: THEIRS.key });
    assert.deepEqual(known.socket.publicKey, THEIRS.publicKey);
  });

  test('that cannot be read fails at the call', () => {
    const weak = keyPair('rsa', { modulusLength: 1024 });
    const edwards = keyPair('ed25519', {});
    for (const peerPublicKey of [Buffer.from('garbage'), weak.publicKey, edwards.publicKey]) {
      assert.throws(() => createServer({ key: OURS.key, peerPublicKey }), { code: 'ERR_DTLS_INVALID_PUBLIC_KEY' });
      assert.throws(() => connect({ port: 1, peerPublicKey }), { code: 'ERR_DTLS_INVALID_PUBLIC_KEY' });
    }
    assert.throws(() => createServer({ key: weak.key }), { code: 'ERR_DTLS_INVALID_KEY' });
    assert.throws(() => createServer({ key: edwards.key }), { code: 'ERR_DTLS_INVALID_KEY' });
  });

  test('stands beside pre-shared keys', async (t) => {
    const server = await startServer(t, { key: OURS.key, peerPublicKey: THEIRS.publicKey, psk: { bob: BOB.psk } });
    const byPsk = event(server, 'secureConnection');
    await event(openClient(t, server), 'secureConnect');
    const [psk] = await byPsk;
    assert.equal(psk.pskIdentity.toString(), 'bob');
    assert.equal(psk.publicKey.length, 0);
    const byKey = event(server, 'secureConnection');
    await event(openClient(t, server, { ...TO_US, key: THEIRS.key }), 'secureConnect');
    assert.deepEqual((await byKey)[0].publicKey, THEIRS.publicKey);
  });
});

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
    const server = await startServer(t, { key: OURS.key, verifyPeer });
    const slow = openClient(t, server, { ...TO_US, key: OTHER.key });
    const slowIsSecure = event(slow, 'secureConnect');
    const others = Array.from({ length: 5 }, () => openClient(t, server, client));
    await Promise.all(others.map((other) => event(other, 'secureConnect')));
    while (answerSlow === undefined) await new Promise(setImmediate);
    assert.equal(slow.connected, false);
    answerSlow(null, true);
    answerSlow(null, false);
    await slowIsSecure;
    answerSlow(new Error('late'));
  });

  test('that answers after the client has gone does no harm', async (t) => {
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

const skip = !certificates.available && 'skipped (openssl not found)';
describe('certificates', { skip }, () => {
  const { ca, otherCa, server: own, client: theirs, otherIssuer } = certificates;
  const server = { key: own?.key, cert: own?.cert, ca: ca?.cert };
  const client = { key: theirs?.key, cert: theirs?.cert, ca: ca?.cert, servername: 'localhost' };
  const publicKeyOf = ({ cert }) => createPublicKey(cert).export({ type: 'spki', format: 'der' });

  test('authenticate both sides', async (t) => {
    const pair = await secured(t, server, client);
    assert.deepEqual(pair.socket.publicKey, publicKeyOf(theirs));
    assert.deepEqual(pair.client.publicKey, publicKeyOf(own));
  });

  test('of a client are required once they are asked for', async (t) => {
    const { key, cert, ...anonymous } = client;
    assert.deepEqual((await refused(t, server, anonymous)).codes, [
      'ERR_DTLS_NO_PEER_CERTIFICATE',
      'ERR_DTLS_ALERT_RECEIVED',
    ]);
    const pair = await secured(t, { ...server, rejectUnauthorized: false }, anonymous);
    assert.equal(pair.socket.publicKey.length, 0);
  });

  test('of a client must be issued by one of the authorities, for clients', async (t) => {
    const foreign = { ...client, key: otherIssuer.key, cert: otherIssuer.cert };
    assert.equal((await refused(t, server, foreign)).serverError.code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    const pair = await secured(t, { ...server, rejectUnauthorized: false }, foreign);
    assert.deepEqual(pair.socket.publicKey, publicKeyOf(otherIssuer));
    const wrongPurpose = { ...client, key: own.key, cert: own.cert };
    assert.equal((await refused(t, server, wrongPurpose)).serverError.code, 'INVALID_PURPOSE');
  });

  test('are verified before verifyPeer is asked', async (t) => {
    const verifyPeer = t.mock.fn((_socket, peer) => peer.cert.length > peer.publicKey.length);
    await secured(t, { ...server, verifyPeer }, client);
    assert.equal(verifyPeer.mock.callCount(), 1);
    await refused(t, { ...server, ca: otherCa.cert, verifyPeer }, client);
    assert.equal(verifyPeer.mock.callCount(), 1);
  });

  test('and raw public keys are shown by one server, to each client what it prefers', async (t) => {
    const both = await startServer(t, { key: own.key, cert: own.cert });
    for (const options of [
      { ca: ca.cert, servername: 'localhost' },
      { peerPublicKey: publicKeyOf(own) },
      { peerPublicKey: publicKeyOf(own), ca: ca.cert, servername: 'localhost' },
    ]) {
      const connected = openClient(t, both, options);
      await event(connected, 'secureConnect');
      assert.deepEqual(connected.publicKey, publicKeyOf(own));
    }
  });

  test('are no raw public keys', async (t) => {
    const { codes } = await refused(t, { key: OURS.key }, { ca: ca.cert });
    assert.deepEqual(codes, ['ERR_DTLS_NO_SHARED_CERTIFICATE_TYPE', 'ERR_DTLS_ALERT_RECEIVED']);
  });
});
