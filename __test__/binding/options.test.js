'use strict';

// What options lead to below JavaScript, told by how handshakes go.

const assert = require('node:assert/strict');
const { generateKeyPairSync } = require('node:crypto');
const { describe, test } = require('node:test');

const { serverOptions } = require('../../lib/options/options.js');
const { BOB, End, carry, meet, pair, settle } = require('../support/native-ends.js');

const IDS = { connectionId: 4 };
const OLD = { maxVersion: 'DTLSv1.2' };

/** A key pair, as options have it. */
function keyPair() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    key: Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    publicKey: Buffer.from(publicKey.export({ type: 'spki', format: 'der' })),
  };
}

const cipherOf = ({ events }) => events.client.find(({ kind }) => kind === 'secure')?.cipher;
const pause = (milliseconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

describe('versions', () => {
  test('are DTLS 1.2 and 1.3, as far as both sides allow', () => {
    for (const [server, client, cipher] of [
      [{}, {}, /^TLS_AES_/],
      [OLD, {}, /^TLS_PSK_|^TLS_ECDHE_PSK_/],
      [{}, OLD, /^TLS_PSK_|^TLS_ECDHE_PSK_/],
      [{ minVersion: 'DTLSv1.3' }, { minVersion: 'DTLSv1.3' }, /^TLS_AES_/],
    ]) {
      assert.match(cipherOf(pair({ server, client })), cipher);
    }
    const { client } = pair({ server: { minVersion: 'DTLSv1.3' }, client: OLD });
    assert.equal(client.native.stats().handshakesFailed, 1);
  });
});

describe('suites', () => {
  const [one, other] = ['TLS_PSK_WITH_AES_128_CCM_8', 'TLS_PSK_WITH_AES_128_GCM_SHA256'];

  test('are chosen by the server, unless it leaves that to its clients', () => {
    const server = { ...OLD, ciphers: `${one}:${other}` };
    const client = { ...OLD, ciphers: `${other}:${one}` };
    const preferring = (clientPreference) => (end) => ({
      native: { negotiation: { ...end, clientPreference } },
    });
    const { native: own } = serverOptions({ psk: { bob: BOB.psk }, ...server });
    for (const [preference, cipher] of [
      [undefined, one],
      [false, one],
      [true, other],
    ]) {
      const serverMeans = preferring(preference)(own.negotiation);
      assert.equal(cipherOf(pair({ server, client, serverMeans })), cipher, `${preference}`);
    }
    assert.deepEqual(End.server(server).native.ciphers(), [one, other]);
    assert.deepEqual(End.client(client).native.ciphers(), [other, one]);
  });
});

describe('addresses', () => {
  test('are checked as the option says', () => {
    for (const [addressValidation, challenged, isConfirmed] of [
      ['rrc', ['before'], false],
      ['rrc-basic', ['192.0.2.77'], false],
      ['none', [], true],
    ]) {
      const options = { ...IDS, addressValidation };
      const { server, client, own, at } = pair({ server: options, client: options });
      for (const [end, connection, datagram, home] of [
        [server, at, client.native.send(own, Buffer.from('moved')), client],
        [client, own, server.native.send(at, Buffer.from('moved')), server],
      ]) {
        end.take(datagram, { address: '192.0.2.77', port: 1 });
        const checked = end.transmits().map(({ address }) => (address === home.address ? 'before' : address));
        assert.deepEqual(checked, challenged, addressValidation);
        assert.equal(end.native.isAddressConfirmed(connection), isConfirmed);
      }
    }
  });
});

describe('times', () => {
  test('are milliseconds, and no idle timeout is one of 0', () => {
    for (const [idleTimeout, isClosed] of [
      [0, false],
      [1, true],
    ]) {
      for (const side of ['server', 'client']) {
        const native = { idleTimeout, hibernateAfter: undefined };
        const met = pair({ serverMeans: { native }, clientMeans: { native } });
        const end = met[side];
        pause(4);
        end.native.handleTimeout();
        const reasons = end.events().map(({ reason }) => reason);
        assert.deepEqual(reasons, isClosed ? ['idle'] : [], `${side}, ${idleTimeout} ms`);
      }
    }
  });

  test('of handshakes are those of the options', () => {
    const client = End.client({ handshakeTimeoutMin: 50, handshakeTimeoutMax: 70, handshakeTimeout: 10_000 });
    client.native.connect('192.0.2.1', 1);
    const intervals = [];
    for (let round = 0; round < 3; round++) {
      const interval = client.due - client.now;
      intervals.push(Math.round(interval / 10) * 10);
      pause(interval + 1);
      client.native.handleTimeout();
    }
    assert.deepEqual(intervals, [50, 70, 70]);
    const impatient = End.client({ handshakeTimeoutMin: 1000, handshakeTimeout: 30 });
    impatient.native.connect('192.0.2.1', 1);
    assert(impatient.due - impatient.now <= 31);
    pause(35);
    impatient.native.handleTimeout();
    assert.equal(impatient.events()[0].error.code, 'ERR_DTLS_NO_ANSWER');
  });
});

describe('credentials', () => {
  const own = keyPair();
  const only = { psk: undefined, pskIdentity: undefined };
  const server = { ...OLD, key: own.key };
  const client = { ...only, ...OLD, peerPublicKey: own.publicKey };

  test('of a server may be a raw public key, which it can leave out', () => {
    for (const [omits, allows, isSecure] of [
      [false, false, true],
      [true, true, true],
      [true, false, false],
      [false, true, true],
    ]) {
      const one = End.server({ ...server, omitServerCertificate: omits });
      const other = End.client({ ...client, omitServerCertificate: allows });
      let hasCertificate = false;
      const CERTIFICATE = 11;
      other.native.connect(one.address, one.port);
      carry([other, one], (datagram, from) => {
        if (from !== one) return;
        for (let at = 0; at < datagram.length; at += 13 + datagram.readUInt16BE(at + 11)) {
          // Type 22 in epoch 0 is a message of the handshake in the clear.
          const isPlain = datagram[at] === 22 && datagram.readUInt16BE(at + 3) === 0;
          if (isPlain && datagram[at + 13] === CERTIFICATE) hasCertificate = true;
        }
      });
      const secure = other.events().find(({ kind }) => kind === 'secure');
      assert.equal(secure !== undefined, isSecure, `${omits}, ${allows}`);
      assert.equal(hasCertificate, !omits, `${omits}, ${allows}`);
      if (secure) assert.equal(secure.authorized, true);
    }
  });

  test('that do not belong together are refused', () => {
    const messages = [
      [{ psk: undefined }, /A pre-shared key and its identity belong together/],
      [{ pskIdentity: undefined }, /A pre-shared key and its identity belong together/],
      [{ asksForPsk: true }, /A pre-shared key and its identity belong together/],
      [{ psk: Buffer.alloc(0) }, /key/],
    ];
    for (const [native, message] of messages) assert.throws(() => End.client({}, { native }), message);
  });

  test('of the client may be asked for', () => {
    const means = { native: { psk: undefined, pskIdentity: undefined, asksForPsk: true } };
    const {
      client: asking,
      server: known,
      events,
      own: connection,
    } = pair({ client: OLD, clientMeans: means, server: OLD });
    const question = events.client.find(({ kind }) => kind === 'question');
    assert.deepEqual([question.about, question.connection, question.hint], ['ownPsk', connection, undefined]);
    const identity = Buffer.from(BOB.pskIdentity);
    assert.equal(asking.native.answer(question.question, { ownPsk: { psk: BOB.psk, identity } }), 1);
    settle(asking, known);
    assert.equal(known.events().find(({ kind }) => kind === 'secure').pskIdentity, 'bob');

    const without = pair({ client: OLD, clientMeans: means, server: OLD });
    const asked = without.events.client.find(({ kind }) => kind === 'question');
    assert.equal(without.client.native.answer(asked.question, null), 1);
    assert.equal(without.client.events().at(-1).error.code, 'ERR_DTLS_NO_PSK');
  });

  test('of clients are looked at where they are asked for', () => {
    const theirs = keyPair();
    for (const [options, isAsked] of [
      [{}, false],
      [{ requestCert: true, peerPublicKey: theirs.publicKey }, true],
    ]) {
      const one = End.server({ ...server, ...options });
      const other = End.client({ ...client, key: theirs.key });
      meet(one, other).events.server.forEach(({ kind, publicKey, authorized }) => {
        if (kind !== 'secure') return;
        assert.deepEqual(
          [publicKey?.equals(theirs.publicKey), authorized],
          isAsked ? [true, true] : [undefined, false],
        );
      });
      assert.equal(one.native.stats().handshakesCompleted, 1);
    }
    const strict = End.server({ ...server, requestCert: true, peerPublicKey: keyPair().publicKey });
    meet(strict, End.client({ ...client, key: theirs.key }));
    assert.equal(strict.native.stats().handshakesFailed, 1);
    const lenient = End.server({
      ...server,
      requestCert: true,
      rejectUnauthorized: false,
      peerPublicKey: keyPair().publicKey,
    });
    const { events } = meet(lenient, End.client({ ...client, key: theirs.key }));
    const secure = events.server.find(({ kind }) => kind === 'secure');
    assert.deepEqual([secure.authorized, secure.authorizationError], [false, 'ERR_DTLS_PEER_KEY_MISMATCH']);
  });

  test('with a peer to be asked about wait for the answer', () => {
    const theirs = keyPair();
    const options = { ...server, requestCert: true, verifyPeer: () => true, rejectUnauthorized: true };
    for (const [accepted, completed] of [
      [true, 1],
      [false, 0],
    ]) {
      const one = End.server({ ...options, peerPublicKey: [] });
      const other = End.client({ ...client, key: theirs.key });
      const { events } = meet(one, other);
      const question = events.server.find(({ kind }) => kind === 'question');
      assert.deepEqual([question.about, question.publicKey], ['peer', theirs.publicKey]);
      assert.throws(() => one.native.answer(question.question, null), { code: 'ERR_DTLS_INTERNAL' });
      assert.equal(one.native.answer(question.question, accepted), 1);
      settle(one, other);
      assert.equal(one.native.stats().handshakesCompleted, completed);
    }
  });
});
