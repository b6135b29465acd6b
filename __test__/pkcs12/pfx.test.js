'use strict';

const assert = require('node:assert/strict');
const { X509Certificate } = require('node:crypto');
const { describe, test } = require('node:test');
const tls = require('node:tls');

const { connect, createSecureContext, createServer } = require('../..');
const certificates = require('../support/certificates.js');
const { event, openClient, startServer } = require('../support/endpoints.js');
const { berOf, keytoolMissing, keytoolPfx, opensslPfx, withPbmac1 } = require('../support/pfx.js');

const skip = certificates.available ? false : 'openssl not found';
const PASSPHRASE = 'pâss ✓ 🔑';
/** 77777 as an INTEGER. */
const ROUNDS = Buffer.from([0x02, 0x03, 0x01, 0x2f, 0xd1]);
const own = (name) => ({ key: certificates[name].key, cert: certificates[name].cert });
const fingerprint = (name) => new X509Certificate(certificates[name].cert).fingerprint256;

/**
 * A server with these options, and a client that trusts the tests' authority. Returns both ends, or the client's error.
 */
async function attempt(t, serverOptions, clientOptions = { ca: certificates.ca.cert }) {
  const server = await startServer(t, serverOptions);
  const client = openClient(t, server, clientOptions);
  const refused = event(server, 'clientError').then(([error]) => ({ error }));
  const failed = event(client, 'error').then(([error]) =>
    error.code === 'ERR_DTLS_ALERT_RECEIVED' ? refused : { error },
  );
  const secured = Promise.all([event(server, 'secureConnection'), event(client, 'secureConnect')]);
  return Promise.race([secured.then(([[socket]]) => ({ socket, client })), failed]);
}

async function assertShows(t, serverOptions, name) {
  const { client, error } = await attempt(t, serverOptions);
  assert.equal(error, undefined);
  assert.equal(client.getPeerX509Certificate().fingerprint256, fingerprint(name));
}

const refusal = (pfx, passphrase) => {
  try {
    createServer({ pfx, passphrase });
  } catch (error) {
    assert.equal(error.name, 'DtlsError');
    return error;
  }
  return null;
};

describe('pfx is read', { skip }, () => {
  for (const [what, args] of [
    ['as OpenSSL writes it (AES-256, SHA-256)', []],
    ['with 3DES and SHA-1', ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'SHA1']],
    ['with two-key 3DES', ['-keypbe', 'PBE-SHA1-2DES', '-certpbe', 'PBE-SHA1-2DES', '-macalg', 'SHA1']],
    ['with AES-128 and SHA-512', ['-keypbe', 'AES-128-CBC', '-certpbe', 'AES-192-CBC', '-macalg', 'SHA512']],
    ['with a plain key and plain certificates', ['-keypbe', 'NONE', '-certpbe', 'NONE']],
    ['with one round of derivation', ['-noiter', '-nomaciter']],
  ]) {
    test(what, async (t) => {
      for (const name of ['server', 'serverRsa']) {
        await assertShows(t, { pfx: opensslPfx(name, PASSPHRASE, args), passphrase: PASSPHRASE }, name);
      }
    });
  }

  test('without a passphrase, and without a MAC', async (t) => {
    await assertShows(t, { pfx: opensslPfx('server', '') }, 'server');
    await assertShows(t, { pfx: opensslPfx('server', ''), passphrase: '' }, 'server');
    const legacy = ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES'];
    await assertShows(t, { pfx: opensslPfx('server', '', legacy) }, 'server');
    const plain = opensslPfx('server', '', ['-nomac', '-keypbe', 'NONE', '-certpbe', 'NONE']);
    await assertShows(t, { pfx: plain }, 'server');
    assert.equal(refusal(plain, 'secret').code, 'ERR_DTLS_INVALID_PFX');
  });

  test('as keytool writes it', { skip: keytoolMissing }, async (t) => {
    const pfx = keytoolPfx('server', 'changeit', 'ca');
    await assertShows(t, { pfx, passphrase: 'changeit' }, 'server');
    assert.equal(refusal(pfx, 'changed').code, 'ERR_DTLS_WRONG_PASSPHRASE');
  });

  test('with the MAC of RFC 9579', async (t) => {
    const pfx = withPbmac1(opensslPfx('server', PASSPHRASE), PASSPHRASE);
    // OpenSSL 3.4 and newer read it, too.
    const [major, minor] = process.versions.openssl.split('.').map(Number);
    if (major > 3 || minor >= 4) tls.createSecureContext({ pfx, passphrase: PASSPHRASE });
    await assertShows(t, { pfx, passphrase: PASSPHRASE }, 'server');
    assert.equal(refusal(pfx, 'wrong').code, 'ERR_DTLS_WRONG_PASSPHRASE');
  });

  test('in BER', async (t) => {
    const pfx = berOf(opensslPfx('server', PASSPHRASE));
    // OpenSSL reads it too, so the test has not invented it.
    tls.createSecureContext({ pfx, passphrase: PASSPHRASE });
    await assertShows(t, { pfx, passphrase: PASSPHRASE }, 'server');
  });

  test('as Buffer, Uint8Array, base64, or an array of one, with or without a passphrase of its own', async (t) => {
    const pfx = opensslPfx('server', PASSPHRASE);
    for (const form of [new Uint8Array(pfx), pfx.toString('base64'), [pfx], [{ buf: pfx }]]) {
      await assertShows(t, { pfx: form, passphrase: PASSPHRASE }, 'server');
    }
    await assertShows(t, { pfx: [{ buf: pfx, passphrase: PASSPHRASE }], passphrase: 'another' }, 'server');
  });

  test('by clients, by addContext(), setSecureContext() and createSecureContext()', async (t) => {
    const pfx = opensslPfx('client', 'secret');
    const ca = certificates.ca.cert;
    const { socket } = await attempt(t, { ...own('server'), ca }, { pfx, passphrase: 'secret', ca });
    assert.equal(socket.getPeerX509Certificate().fingerprint256, fingerprint('client'));

    const server = await startServer(t, own('server'));
    server.addContext('elsewhere.test', { pfx: opensslPfx('wrongName', 'one'), passphrase: 'one' });
    server.setSecureContext({ pfx: opensslPfx('serverRsa', 'two'), passphrase: 'two' });
    server.addContext('a.test', createSecureContext({ pfx: opensslPfx('server', 'three'), passphrase: 'three' }));
    for (const [servername, name] of [
      ['elsewhere.test', 'wrongName'],
      ['localhost', 'serverRsa'],
      ['a.test', 'server'],
    ]) {
      const client = openClient(t, server, { ca, servername, checkServerIdentity: () => undefined });
      await event(client, 'secureConnect');
      assert.equal(client.getPeerX509Certificate().fingerprint256, fingerprint(name));
    }
  });
});

describe('the certificates of a pfx', { skip }, () => {
  test('are shown in order, without the root and without unrelated ones', async (t) => {
    // `intermediate` is a file of leaf and intermediate; openssl takes the certificate of the key out of it.
    const others = ['otherCa', 'ca', 'server', 'intermediateCa'];
    const { client } = await attempt(t, {
      pfx: opensslPfx('intermediate', 'secret', [], others),
      passphrase: 'secret',
    });
    const chain = [];
    for (let one = client.getPeerCertificate(true); one !== undefined; one = one.issuerCertificate) chain.push(one);
    assert.deepEqual(
      chain.map(({ subject }) => subject.CN),
      ['localhost', 'Test Intermediate CA'],
    );
  });

  test('are trusted by a client without ca when they are roots, as in node:tls, and not when they are intermediates', async (t) => {
    const trusting = (others) => ({ pfx: opensslPfx('client', 'secret', [], others), passphrase: 'secret' });
    assert.equal((await attempt(t, own('server'), trusting(['ca']))).error, undefined);
    const untrusted = 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
    assert.equal((await attempt(t, own('server'), trusting([]))).error.code, untrusted);
    const { error } = await attempt(t, own('intermediate'), trusting(['intermediateCa']));
    assert.equal(error.code, 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY');
    const beside = { ...trusting(['ca']), ca: certificates.otherCa.cert };
    assert.equal((await attempt(t, own('server'), beside)).error.code, untrusted);
  });

  test('are trusted by a server that asks clients and has no ca', async (t) => {
    const pfx = opensslPfx('server', 'secret', [], ['ca']);
    const ca = certificates.ca.cert;
    const asks = { pfx, passphrase: 'secret', requestCert: true };
    assert.equal((await attempt(t, asks, { ...own('client'), ca })).socket.authorized, true);
    const stranger = await attempt(t, asks, { ...own('selfSigned'), ca });
    assert.equal(stranger.error.code, 'DEPTH_ZERO_SELF_SIGNED_CERT');
    // They do not make the server ask, and do not count beside `ca`.
    assert.equal((await attempt(t, { pfx, passphrase: 'secret' }, { ca })).error, undefined);
    const strict = { pfx, passphrase: 'secret', ca: certificates.otherCa.cert };
    assert.equal((await attempt(t, strict, { ...own('client'), ca })).error.code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    const rootless = { pfx: opensslPfx('server', 'secret'), passphrase: 'secret', requestCert: true };
    assert.throws(() => createServer(rootless), { code: 'ERR_MISSING_OPTION' });
  });
});

describe('pfx is refused at the call', { skip }, () => {
  test('with the wrong passphrase, or none', () => {
    const pfx = opensslPfx('server', 'secret');
    for (const passphrase of ['Secret', '', undefined]) {
      assert.equal(refusal(pfx, passphrase).code, 'ERR_DTLS_WRONG_PASSPHRASE');
    }
    assert.throws(() => connect({ port: 5684, pfx, passphrase: 'Secret' }), { code: 'ERR_DTLS_WRONG_PASSPHRASE' });
  });

  test('with the wrong passphrase although nothing in it is encrypted, for its MAC is verified', () => {
    const pfx = opensslPfx('server', 'secret', ['-keypbe', 'NONE', '-certpbe', 'NONE']);
    assert.equal(refusal(pfx, 'secret'), null);
    assert.equal(refusal(pfx, 'Secret').code, 'ERR_DTLS_WRONG_PASSPHRASE');
  });

  test('without a key, or without its certificate', () => {
    for (const args of [['-nokeys'], ['-nocerts']]) {
      const { code, message } = refusal(opensslPfx('server', 'secret', args), 'secret');
      assert.equal(code, 'ERR_DTLS_INVALID_PFX');
      assert.match(message, /holds no/);
    }
  });

  test('when its encryption is obsolete, and the error names it', (t) => {
    let pfx;
    try {
      pfx = opensslPfx('server', 'secret', ['-legacy']);
    } catch {
      return t.skip("OpenSSL's legacy provider not found");
    }
    const { code, message } = refusal(pfx, 'secret');
    assert.equal(code, 'ERR_DTLS_INVALID_PFX');
    assert.match(message, /rc2-40-cbc/);
  });

  test('when its encryption is unknown, and the error has its number', () => {
    const aes256Cbc = '60864801650304012a';
    const hex = opensslPfx('server', '', ['-nomac']).toString('hex');
    const { code, message } = refusal(Buffer.from(hex.replaceAll(aes256Cbc, '60864801650304012b'), 'hex'));
    assert.equal(code, 'ERR_DTLS_INVALID_PFX');
    assert.match(message, /2\.16\.840\.1\.101\.3\.4\.1\.43/);
  });

  test('when it is not PKCS#12, is too long, or is given beside a key', () => {
    const pfx = opensslPfx('server', 'secret');
    assert.equal(refusal(Buffer.from('nonsense')).code, 'ERR_DTLS_INVALID_PFX');
    assert.equal(refusal(Buffer.alloc(0)).code, 'ERR_DTLS_INVALID_PFX');
    assert.equal(refusal(certificates.server.cert).code, 'ERR_DTLS_INVALID_PFX');
    assert.equal(refusal(Buffer.concat([pfx, Buffer.alloc(1_048_576)])).code, 'ERR_DTLS_INVALID_PFX');
    const { key, cert } = certificates.server;
    for (const beside of [{ key }, { cert }, { key, cert }]) {
      assert.throws(() => createServer({ pfx, passphrase: 'secret', ...beside }), { code: 'ERR_INVALID_ARG_VALUE' });
    }
    assert.throws(() => createServer({ pfx: [] }), { code: 'ERR_INVALID_ARG_VALUE' });
    const twice = { pfx: [pfx, pfx], passphrase: 'secret' };
    assert.throws(() => createServer(twice), { code: 'ERR_DTLS_INVALID_KEY' });
    assert.throws(() => connect({ port: 9, ...twice }), { code: 'ERR_INVALID_ARG_VALUE' });
    assert.throws(() => createServer({ pfx: 'server.p12' }), { code: 'ERR_INVALID_ARG_VALUE' });
    for (const wrong of [1, null, {}, [1], [{ buf: 1 }], [{ buf: pfx, passphrase: 1 }]]) {
      assert.throws(() => createServer({ pfx: wrong }), { code: 'ERR_INVALID_ARG_TYPE' });
    }
  });

  test('when it asks for more work than any file needs', () => {
    const pfx = opensslPfx('server', 'secret', ['-iter', '77777']);
    const ofMac = pfx.lastIndexOf(ROUNDS);
    const began = performance.now();
    assert.equal(refusal(greedyAt(ofMac), 'secret').code, 'ERR_DTLS_INVALID_PFX');
    // Without a MAC, the first thing to be derived is a key.
    const plain = opensslPfx('server', '', ['-iter', '77777', '-nomac']);
    assert.equal(refusal(greedyAt(plain.indexOf(ROUNDS), plain)).code, 'ERR_DTLS_INVALID_PFX');
    // So many rounds take that long.
    assert(performance.now() - began < 2000);

    function greedyAt(at, file = pfx) {
      const greedy = Buffer.from(file);
      greedy.set([0x02, 0x03, 0x7f, 0xff, 0xff], at);
      return greedy;
    }
  });

  test('with a DtlsError, and with no other error, whatever is damaged in it', () => {
    const pfx = opensslPfx('server', 'secret');
    const plain = opensslPfx('server', '', ['-nomac', '-keypbe', 'NONE', '-certpbe', 'NONE']);
    // The engine may refuse what OpenSSL accepts as a key or certificate.
    const codes = new Set(['ERR_DTLS_INVALID_PFX', 'ERR_DTLS_WRONG_PASSPHRASE', 'ERR_DTLS_INVALID_KEY']);
    codes.add('ERR_DTLS_INVALID_CERT').add('ERR_DTLS_KEY_MISMATCH');
    for (let length = 0; length < plain.length; length += 7) {
      assert(codes.has(refusal(plain.subarray(0, length)).code));
      assert(codes.has(refusal(pfx.subarray(0, length), 'secret').code));
    }
    for (const [file, passphrase] of [
      [pfx, 'secret'],
      [plain, undefined],
    ]) {
      for (let at = 0; at < file.length; at += file === pfx ? 13 : 3) {
        const damaged = Buffer.from(file);
        damaged[at] ^= 1 << (at % 8);
        const error = refusal(damaged, passphrase);
        assert(error === null || codes.has(error.code), `${error}`);
      }
    }
    const nested = Buffer.concat([...Array(100_000).fill(Buffer.from([0x30, 0x80])), Buffer.alloc(200_000)]);
    assert.equal(refusal(nested).code, 'ERR_DTLS_INVALID_PFX');
  });
});
