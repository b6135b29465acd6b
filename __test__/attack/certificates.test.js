'use strict';

// What a peer cannot do with a certificate: sign in a way that was not agreed on, let us compute for long, or let us verify
// again and again.

const assert = require('node:assert/strict');
const { X509Certificate, createPublicKey, randomBytes } = require('node:crypto');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const process = require('node:process');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const certificates = require('../support/certificates.js');
const { HOST, event, openClient, startServer } = require('../support/endpoints.js');
const { WIRE, fileInOlderVersion } = require('../support/older-version.js');
const { connect } = require('../..');
const { Address } = require('./engine/address.js');
const { CertificateClient, serverKeyExchange } = require('./engine/certificate.js');
const { TYPE, certificate, vector } = require('./engine/handshake.js');
const { Link } = require('./engine/link.js');
const { HANDSHAKE, SUITES, parseRecords } = require('./engine/record.js');
const { Server } = require('./engine/server.js');

fileInOlderVersion(WIRE);

const skip = certificates.available ? false : 'openssl not found';

const derOf = ({ cert }) => new X509Certificate(cert).raw;
const ECDHE_RSA_AES128_GCM_SHA256 = 0xc02f;

/** An attacker's server that shows a certificate and signs its parameters as the test says. */
function startSigner(t, shown, { suite = SUITES['ECDHE-ECDSA-AES128-GCM-SHA256'].id, exchange }) {
  return Server.open(t, ({ random: clientRandom, cookie }, self) => {
    if (cookie.length === 0) {
      self.sendHelloVerifyRequest(randomBytes(20));
      return;
    }
    const serverRandom = randomBytes(32);
    self.send(
      self.serverHello({ random: serverRandom, suite }),
      self.handshakeRecord(TYPE.CERTIFICATE, certificate(shown)),
      self.handshakeRecord(TYPE.SERVER_KEY_EXCHANGE, exchange({ clientRandom, serverRandom })),
      self.serverHelloDone(),
    );
  });
}

/** What a client answers to such a server's flight: 'goes on' with its own, or 'refuses', and with which code. */
async function answerOf(t, server, options) {
  const client = connect({
    host: HOST,
    port: server.port,
    ca: certificates.ca.cert,
    handshakeTimeout: 3_000,
    ...options,
  });
  t.after(() => client.destroy());
  const failed = event(client, 'error').then(([error]) => error.code);
  let code = null;
  failed.then((value) => {
    code = value;
  });
  for (let tries = 0; code === null && !server.messages.includes(TYPE.CLIENT_KEY_EXCHANGE) && tries < 300; tries++) {
    await sleep(10);
  }
  return code === null ? 'goes on' : code;
}

/** Schemes that no client of the tests below offers, or that do not fit the key; each with a signature that is right for its hash. */
const SCHEMES = {
  'ecdsa with SHA-512, which was not offered': { scheme: 0x0603, hash: 'sha512' },
  'ecdsa with SHA-224': { scheme: 0x0303, hash: 'sha224' },
  'ecdsa with SHA-1': { scheme: 0x0203, hash: 'sha1' },
  'ecdsa with MD5': { scheme: 0x0103, hash: 'md5' },
  'rsa, with a signature of ECDSA': { scheme: 0x0401, hash: 'sha256' },
  'dsa, with a signature of ECDSA': { scheme: 0x0402, hash: 'sha256' },
  'anonymous, with a signature of ECDSA': { scheme: 0x0400, hash: 'sha256' },
  'rsa_pss, with a signature of ECDSA': { scheme: 0x0804, hash: 'sha256' },
  'ed25519, with a signature of ECDSA': { scheme: 0x0807, hash: 'sha256' },
  'none at all': { scheme: 0x0000, hash: 'sha256' },
  'SHA-256, with a signature over SHA-512': { scheme: 0x0403, hash: 'sha512' },
};

describe('a server that signs otherwise than was agreed is refused (CVE-2026-135388)', { skip }, () => {
  const options = { sigalgs: ['ecdsa_secp256r1_sha256'] };
  const { key } = certificates.available ? certificates.server : {};
  const signWith = (how) => (randoms) => serverKeyExchange({ ...randoms, key, how });

  test('while one that signs as agreed is not', async (t) => {
    const server = await startSigner(t, derOf(certificates.server), { exchange: signWith(undefined) });
    assert.equal(await answerOf(t, server, options), 'goes on');
  });

  for (const [title, how] of Object.entries(SCHEMES)) {
    test(title, async (t) => {
      const server = await startSigner(t, derOf(certificates.server), { exchange: signWith(how) });
      const code = await answerOf(t, server, options);
      assert.match(code, /^ERR_DTLS_/);
      assert.notEqual(code, 'ERR_DTLS_HANDSHAKE_TIMEOUT');
      assert(!server.messages.includes(TYPE.CLIENT_KEY_EXCHANGE));
    });
  }
});

describe('a client that signs otherwise than was agreed is refused (CVE-2026-135388)', { skip }, () => {
  async function clientThatSigns(t, how) {
    const { key, cert } = certificates.server;
    const server = await startServer(t, {
      key,
      cert,
      ca: certificates.ca.cert,
      sigalgs: ['ecdsa_secp256r1_sha256'],
      mtu: 16_000,
    });
    const { port } = server.address();
    const outcome = Promise.race([
      event(server, 'secureConnection').then(() => 'secure'),
      event(server, 'clientError').then(([error]) => error.code),
    ]);
    const address = await Address.open(t);
    const own = { key: certificates.client.key, cert: derOf(certificates.client) };
    const client = new CertificateClient(own);
    await address.greet(port, client);
    const flight = client.certificateFlight(how);
    address.send(Buffer.concat([flight, client.changeCipherSpec(), client.finished()]), port);
    return outcome;
  }

  test('while one that signs as agreed is not', async (t) => {
    assert.equal(await clientThatSigns(t, undefined), 'secure');
  });

  for (const [title, how] of Object.entries(SCHEMES)) {
    test(title, async (t) => {
      assert.match(await clientThatSigns(t, how), /^ERR_DTLS_/);
    });
  }
});

describe('a key of monstrous size costs its owner’s peer nothing (CVE-2026-135391)', { skip }, () => {
  /** A certificate of the test's authority for an RSA key of so many bits that nobody has; its exponent is as long. */
  function monstrousCertificate(bits) {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-'));
    const file = (name) => path.join(directory, name);
    try {
      const odd = () => {
        const bytes = randomBytes(bits / 8);
        bytes[0] |= 0x80;
        bytes[bytes.length - 1] |= 1;
        return bytes.toString('base64url');
      };
      const key = createPublicKey({ format: 'jwk', key: { kty: 'RSA', n: odd(), e: odd() } });
      fs.writeFileSync(file('monster.pem'), key.export({ type: 'spki', format: 'pem' }));
      const { ca, server } = certificates;
      fs.writeFileSync(file('names'), 'subjectAltName = DNS:localhost, IP:127.0.0.1\n');
      const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'ignore'] });
      openssl('req', '-new', '-key', server.keyPath, '-subj', '/CN=localhost', '-out', file('csr'));
      const issuer = ['-CA', ca.certPath, '-CAkey', ca.keyPath, '-CAserial', file('serial'), '-CAcreateserial'];
      const subject = ['-force_pubkey', file('monster.pem'), '-extfile', file('names'), '-days', '2'];
      openssl('x509', '-req', '-in', file('csr'), ...issuer, ...subject, '-out', file('crt'));
      return new X509Certificate(fs.readFileSync(file('crt'))).raw;
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  }

  for (const bits of [16_384]) {
    test(`RSA of ${bits} bits is refused, and before it is computed with`, async (t) => {
      const shown = monstrousCertificate(bits);
      const exchange = () => {
        const parameters = Buffer.concat([Buffer.from('03001741', 'hex'), randomBytes(65)]);
        return Buffer.concat([parameters, Buffer.of(4, 1), vector(randomBytes(bits / 8), 2)]);
      };
      const server = await startSigner(t, shown, { suite: ECDHE_RSA_AES128_GCM_SHA256, exchange });
      const before = process.cpuUsage();
      const code = await answerOf(t, server, { ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' });
      const { user } = process.cpuUsage(before);
      assert.notEqual(code, 'goes on');
      assert.notEqual(code, 'ERR_DTLS_HANDSHAKE_TIMEOUT');
      assert(user < 400_000, `${user / 1_000} ms of CPU time`);
    });
  }
});

test('a client whose certificate was refused leaves no session to resume (CVE-2026-135389)', { skip }, async (t) => {
  const { key, cert } = certificates.server;
  const server = await startServer(t, { key, cert, ca: certificates.ca.cert, mtu: 16_000 });
  const refused = event(server, 'clientError');
  const offered = [];
  server.on('renegotiate', (id, _socket, callback) => {
    offered.push(id);
    callback(null, null);
  });
  const address = await Address.open(t);
  const stranger = new CertificateClient({ key: certificates.otherIssuer.key, cert: derOf(certificates.otherIssuer) });
  await address.greet(server.address().port, stranger);
  address.send(stranger.certificateFlight(), server.address().port);
  const [{ code }, socket] = await refused;
  assert.equal(code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  assert.equal(socket.session, undefined);
  assert.deepEqual(offered, []);
});

test('what is repeated is not verified again (CVE-2026-135393)', { skip }, async (t) => {
  const { key, cert } = certificates.server;
  const asked = { server: 0, client: 0 };
  const decide = (role) => (_socket, _peer) => {
    asked[role] += 1;
    return true;
  };
  const server = await startServer(t, { key, cert, ca: certificates.ca.cert, verifyPeer: decide('server') });
  const link = await Link.open(t, server.address().port);
  // Each datagram comes twenty times, and each message once more under the record numbers of tomorrow.
  const later = (datagram) => {
    const copies = parseRecords(datagram).filter(({ type, epoch }) => type === HANDSHAKE && epoch === 0);
    return copies.map(({ bytes }) => {
      const copy = Buffer.from(bytes);
      copy.writeUIntBE(copy.readUIntBE(5, 6) + 1_000, 5, 6);
      return copy;
    });
  };
  link.onClient = (datagram) => [...Array(20).fill(datagram), ...later(datagram)];
  link.onServer = (datagram) => [...Array(20).fill(datagram), ...later(datagram)];
  const secured = event(server, 'secureConnection');
  const own = { key: certificates.client.key, cert: certificates.client.cert };
  openClient(t, server, { port: link.port, ca: certificates.ca.cert, ...own, verifyPeer: decide('client') });
  await secured;
  await sleep(100);
  assert.deepEqual(asked, { server: 1, client: 1 });
});
