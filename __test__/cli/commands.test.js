'use strict';

// ping and inspect, run in this process with a made-up terminal: what they say, as words and as values.

const assert = require('node:assert/strict');
const { generateKeyPairSync } = require('node:crypto');
const { EventEmitter } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const process = require('node:process');
const { describe, test } = require('node:test');

const { createServer } = require('../..');
const certificate = require('../../lib/cli/certificate');
const { Failure, UsageError } = require('../../lib/cli/failures');
const connection = require('../../lib/cli/connection');
const { temporaryDirectory } = require('../support/cli.js');
const { HOST, event } = require('../support/endpoints.js');
const { NAMES, inOlderVersion } = require('../support/older-version.js');
const { KEY, PSK, run, start } = require('../support/command-here.js');

describe('ping', () => {
  test('says how long handshakes and round trips take', async (t) => {
    inOlderVersion(t, NAMES);
    const seen = [];
    const { address } = await start(t, (socket, message) => {
      seen.push(message.toString());
      socket.write(message);
    });
    const { outcome, of } = await run('ping', [address], {
      ...KEY,
      handshakes: '2',
      count: '3',
      interval: '0.01',
      size: '20',
    });
    assert.equal(outcome, 0);
    const [[value, text]] = of('result');
    assert.deepEqual([value.peer, value.protocol, value.handshake.count], [address, 'DTLSv1.2', 2]);
    const { sent, answered, strange, loss, min, median, max } = value.roundTrip;
    assert.deepEqual([sent, answered, strange, loss], [3, 3, 0, 0]);
    assert(0 < min && min <= median && median <= max && max < 1000);
    const times = '[\\d.]+/[\\d.]+/[\\d.]+ ms';
    assert.match(
      text,
      new RegExp(
        `^${address}: DTLSv1\\.2, \\S+\nhandshakes   2, min/median/max ${times}\nround trips  3 sent, 3 answered, 0 % lost, min/median/max ${times}$`,
      ),
    );
    assert.deepEqual(of('progress').slice(0, 2), [['handshake 1 of 2'], ['handshake 2 of 2']]);
    assert.match(of('progress').at(-1)[0], /^3 of 3 answered, [\d.]+ ms$/);
    assert.match(seen.join('\n'), /^(\w{8}) 0000000\.{4}\n\1 0000001\.{4}\n\1 0000002\.{4}$/);
  });

  test('has five messages of 32 bytes, unless it is told otherwise', async (t) => {
    const lengths = [];
    const { address } = await start(t, (socket, message) => {
      lengths.push(message.length);
      socket.write(message);
    });
    const { of } = await run('ping', [address], { ...KEY, interval: '0' });
    assert.deepEqual(lengths, [32, 32, 32, 32, 32]);
    assert.equal(of('result')[0][0].handshake.count, 1);
  });

  test('counts each echo once, and what was lost or is no echo', async (t) => {
    let number = 0;
    const { address } = await start(t, (socket, message) => {
      if (number++ % 2 === 0) for (const answer of [message, message, 'news']) socket.write(answer);
    });
    const { outcome, of } = await run('ping', [address], { ...KEY, count: '2', interval: '0.05', wait: '0.5' });
    assert.equal(outcome, 0);
    const [[{ roundTrip }, text]] = of('result');
    assert.deepEqual([roundTrip.sent, roundTrip.answered, roundTrip.strange, roundTrip.loss], [2, 1, 2, 0.5]);
    assert.match(
      text,
      /round trips {2}2 sent, 1 answered, 50 % lost, min\/median\/max [\d./]+ ms, 2 other datagrams came$/,
    );
  });

  test('without an answer says so, with what to do, and with none of the handshake', async (t) => {
    const { address } = await start(t, () => {});
    const values = { ...KEY, count: '2', interval: '0', wait: '0.05' };
    const silent = await run('ping', [address], values);
    assert(silent.outcome instanceof Failure);
    const advice = 'Use --count 0 for a server that does not echo, or --coap if it speaks CoAP.';
    assert.deepEqual([silent.outcome.message, silent.outcome.advice], ['none of 2 messages was answered', advice]);
    assert.match(silent.of('line')[0][0], /round trips {2}2 sent, 0 answered, 100 % lost$/);
    assert.deepEqual(
      [(await run('ping', [address], values, { isJson: true })).of('line'), silent.of('result')],
      [[], []],
    );
    const { server, address: odd } = await start(t, () => {});
    server.on('secureConnection', (socket) => socket.write('news'));
    assert.equal(
      (await run('ping', [odd], { ...values, wait: '0.5' })).outcome.message,
      'none of 2 messages was answered by an echo',
    );
    const alone = await run('ping', [address], { ...KEY, count: '0' });
    assert.equal(alone.outcome, 0);
    const [[value, text]] = alone.of('result');
    assert.deepEqual(value.roundTrip, { sent: 0, answered: 0, strange: 0, loss: 0 });
    assert.doesNotMatch(text, /round trips/);
  });

  test('waits for no more when everything has been answered, and for all of it', async (t) => {
    const waiting = [];
    const { address } = await start(t, (socket, message) => {
      if (waiting.push(message) < 3) return;
      for (const one of waiting.slice(1)) socket.write(one);
      setTimeout(() => socket.write(waiting[0]), 50);
    });
    const began = Date.now();
    const { outcome, of } = await run('ping', [address], { ...KEY, count: '3', interval: '0', wait: '30' });
    assert.deepEqual([outcome, of('result')[0][0].roundTrip.answered], [0, 3]);
    assert(Date.now() - began < 15_000);
  });

  test('sends pings of CoAP with one number after the other', async (t) => {
    const seen = [];
    const { address } = await start(t, (socket, message) => {
      seen.push(message);
      socket.write(Buffer.from([0x70, ...message.subarray(1)]));
    });
    const { outcome, of } = await run('ping', [address], { ...KEY, coap: true, count: '2', interval: '0' });
    assert.deepEqual([outcome, of('result')[0][0].roundTrip.answered], [0, 2]);
    const numbers = seen.map((message) => message.readUInt16BE(2));
    assert.deepEqual(
      seen.map((message) => message.toString('hex', 0, 2)),
      ['4000', '4000'],
    );
    assert.equal((numbers[0] + 1) & 0xffff, numbers[1]);
    const both = await run('ping', [address], { ...KEY, coap: true, size: '20' });
    assert(both.outcome instanceof UsageError);
    assert.equal(both.outcome.message, '--coap and --size exclude each other: a CoAP ping has 4 bytes');
  });

  test('ends with its server, and with a signal', async (t) => {
    const { address } = await start(t, (socket) => socket.end());
    const closed = await run('ping', [address], KEY);
    assert.equal(closed.outcome.message, 'the server has closed the connection');
    const stop = new AbortController();
    const { address: echo } = await start(t);
    const heard = (_kind, text) => /^1 of/.test(text) && stop.abort();
    const values = { ...KEY, count: '1000', interval: '0.05' };
    const { outcome, of } = await run('ping', [echo], values, { stop: stop.signal, heard });
    assert.equal(outcome, 0);
    assert(of('result')[0][0].roundTrip.sent < 1000);
    const early = await run('ping', [echo], KEY, { stop: AbortSignal.abort() });
    assert.deepEqual([early.outcome.message, early.outcome.code], ['ended before the handshake was over', 'ABORT_ERR']);
    const refused = await run('ping', [echo], { 'psk-key': 'bob:ff', timeout: '5' });
    assert.equal(refused.outcome.code, 'ERR_DTLS_ALERT_RECEIVED');
  });

  test('refuses numbers out of their bounds', async () => {
    const wrong = async (values) => (await run('ping', ['127.0.0.1:9'], { ...KEY, ...values })).outcome.message;
    assert.match(await wrong({ count: '1000001' }), /^--count takes a whole number from 0 to 1000000,/);
    assert.match(await wrong({ interval: '3600.1' }), /^--interval takes seconds from 0 to 3600,/);
    assert.match(await wrong({ wait: '0' }), /^--wait takes seconds from 0.001 to 3600,/);
    assert.match(await wrong({ handshakes: '0' }), /^--handshakes takes a whole number from 1 to 1000000,/);
    assert.match(await wrong({ size: '15' }), /^--size takes a whole number from 16 to 16384,/);
    assert.match(await wrong({ timeout: '0.09' }), /^--timeout takes seconds from 0.1 to 3600,/);
    assert.equal(connection.handshakeTimeout({}), 10_000);
  });
});

describe('inspect', () => {
  const values = (more) => ({ timeout: '2', ...more });

  test('shows what a server with pre-shared keys accepts', async (t) => {
    const options = {
      ...PSK,
      maxVersion: 'DTLSv1.2',
      ciphers: ['PSK-AES128-CCM8', 'ECDHE-PSK-AES128-CBC-SHA256'],
      ecdhCurve: 'P-256',
      pskIdentityHint: 'hint',
      ALPNProtocols: ['coap'],
    };
    const { address } = await start(t, undefined, options);
    const { outcome, of } = await run('inspect', [address], values({ alpn: 'coap,x' }));
    assert.equal(outcome, 0);
    const [[report, text]] = of('result');
    assert.deepEqual([report.ok, report.peer, report.connection, report.credentials], [true, address, null, []]);
    assert.equal(
      text,
      [
        address,
        '  versions    DTLSv1.2; not DTLSv1.3, DTLSv1',
        '  cookie      asked for before anything else',
        "  suites      2 of DTLS 1.2 accepted, in the server's order",
        '              PSK-AES128-CCM8',
        '              ECDHE-PSK-AES128-CBC-SHA256',
        '  refused     suites without encryption, without authentication, for export,',
        '              with RC4, with DES or 3DES, with RSA key exchange, with SHA-1 or',
        '              MD5',
        '  groups      P-256; not X25519, P-384, P-521, X448, secp256k1,',
        '              brainpoolP256r1, brainpoolP384r1, brainpoolP512r1',
        '  extensions  extended master secret, secure renegotiation, encrypt then mac,',
        '              max fragment length; not session tickets, connection id, raw',
        '              public key',
        '  ALPN        <coap>',
        '  PSK hint    <hint>',
      ].join('\n'),
    );
  });

  test('shows the certificate of a server, and whether a connection works', async (t) => {
    const key = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const [caKey, ownKey] = [key(), key()];
    const now = Date.now();
    const issuer = { name: certificate.commonName('the CA'), key: caKey };
    const cert = certificate.makeCertificate({
      subject: 'host',
      role: 'server',
      names: ['127.0.0.1'],
      key: ownKey,
      issuer,
      days: 5,
      now,
    });
    const pem = ownKey.export({ type: 'pkcs8', format: 'pem' });
    const { address } = await start(t, undefined, {
      key: pem,
      cert,
      maxVersion: 'DTLSv1.2',
      ciphers: ['ECDHE-ECDSA-AES128-CCM8'],
    });
    const { outcome, of } = await run('inspect', [address], values());
    assert.equal(outcome, 0);
    const [[report, text]] = of('result');
    const [shown] = report.credentials;
    assert.deepEqual(
      [shown.kind, shown.subject, shown.issuer, shown.names, shown.key, shown.chain],
      ['certificate', 'CN=host', 'CN=the CA', 'IP Address:127.0.0.1', 'ec prime256v1', []],
    );
    assert.equal(shown.validTo, new Date(Math.floor((now + 5 * 86_400_000) / 1000) * 1000).toISOString());
    assert.deepEqual([report.connection.ok, report.connection.error.code], [false, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE']);
    assert.match(text, /\n {2}suites {6}1 of DTLS 1\.2 accepted\n/);
    assert.match(text, /\n {2}certificate\n {4}subject {9}<?CN=host/);
    assert.match(text, /\n {4}valid from/);
    assert.match(text, /connection {2}does not work: /);
    const insecure = await run('inspect', [address], values({ insecure: true }));
    const [[trusting, words]] = insecure.of('result');
    assert.deepEqual([insecure.outcome, trusting.ok, trusting.connection.ok], [0, true, true]);
    assert.match(words, /connection {2}works: DTLSv1\.2, ECDHE-ECDSA-AES128-CCM8, certificate/);
    assert.deepEqual((await run('inspect', [address], values(), { isJson: true })).of('result')[0][1], '');
  });

  test('fails when the connection does not work that was asked for', async (t) => {
    const { address } = await start(t, undefined, { ...PSK, maxVersion: 'DTLSv1.2', ciphers: ['PSK-AES128-CCM8'] });
    const { outcome, of } = await run('inspect', [address], values({ 'psk-key': 'bob:ff' }));
    assert.equal(outcome, 1);
    const [[report, text]] = of('result');
    assert.deepEqual([report.ok, report.connection.error.code], [false, 'ERR_DTLS_ALERT_RECEIVED']);
    assert.match(text, /connection {2}does not work: .*ERR_DTLS_ALERT_RECEIVED/s);
    const works = await run('inspect', [address], values(KEY));
    assert.deepEqual([works.outcome, works.of('result')[0][0].connection.suite], [0, 'PSK-AES128-CCM8']);
    const wrong = await run('inspect', [address], values({ timeout: '60.1' }));
    assert.match(wrong.outcome.message, /^--timeout takes seconds from 0.1 to 60,/);
  });
});

describe('bench', () => {
  test('says how many handshakes and echoes there are, and how long they take', async () => {
    // Nobody waits for what is lost: a machine would have to stand still each time.
    let [value, text] = [];
    for (let count = 0; count < 4 && !(value?.roundTrips.perSecond > 20); count++) {
      const { outcome, of } = await run('bench', [], { seconds: '0.1' });
      assert.equal(outcome, 0);
      [[value, text]] = of('result');
    }
    const { pskHandshakes, certificateHandshakes, echoes, roundTrips } = value;
    assert.deepEqual(
      [value.secondsEach, value.cores > 0, value.platform],
      [0.1, true, `${process.platform} ${process.arch}`],
    );
    assert.deepEqual(value.versions, {
      'mbed-dtls': require('../../package.json').version,
      node: process.versions.node,
    });
    assert.deepEqual([echoes.suite, roundTrips.suite], ['PSK-AES128-GCM-SHA256', 'PSK-AES128-GCM-SHA256']);
    for (const { perSecond } of [echoes, roundTrips]) assert(perSecond > 20, String(perSecond));
    for (const { min, median, max, perSecond } of [pskHandshakes, certificateHandshakes, roundTrips]) {
      assert(0 < min && min <= median && median <= max && perSecond > 0);
    }
    assert.deepEqual(Object.keys(echoes), ['suite', 'perSecond']);
    const lines = text.split('\n');
    assert.match(lines[0], /^mbed-dtls \S+, Node\.js \S+, \S+ \S+, \d+ cores$/);
    assert.match(lines[1], /; 0\.1 s for each line$/);
    assert.equal(lines[2], '');
    assert.match(lines[3], /^pre-shared key {2}PSK-AES128-GCM-SHA256 +\d+ handshakes\/s$/);
    assert.match(lines[4], /^certificates {4}\S+ +\d+ handshakes\/s$/);
    assert.match(lines[5], /^echoes {10}PSK-AES128-GCM-SHA256 +\d+ echoes of 64 bytes\/s$/);
    assert.match(lines[6], /^round trip {6}min\/median\/max [\d.]+\/[\d.]+\/[\d.]+ ms$/);
    assert.equal(lines.length, 7);
    const wrong = (seconds) => run('bench', [], { seconds }).then(({ outcome: error }) => error.message);
    assert.match(await wrong('0.09'), /^--seconds takes seconds from 0.1 to 600,/);
    assert.match(await wrong('600.1'), /^--seconds takes seconds from 0.1 to 600,/);
  });

  test('ends when it is told to', async () => {
    const { outcome } = await run('bench', [], { seconds: '600' }, { stop: AbortSignal.abort() });
    assert(outcome instanceof Failure);
    assert.equal(outcome.code, 'ABORT_ERR');
    const stop = new AbortController();
    const heard = (kind) => kind === 'progress' && stop.abort();
    const later = await run('bench', [], { seconds: '600' }, { stop: stop.signal, heard });
    assert.equal(later.outcome.code, 'ABORT_ERR');
  });
});

describe('one connection of a command', () => {
  test('is described by what it has agreed on, and by who the peer is', () => {
    const socket = (more) => ({
      getCipher: () => ({ name: 'SUITE' }),
      getProtocol: () => 'DTLSv1.2',
      getPeerX509Certificate: () => more.x509,
      alpnProtocol: false,
      ...more,
    });
    const terminal = { quote: (text) => `<${text}>` };
    const plain = { protocol: 'DTLSv1.2', suite: 'SUITE' };
    assert.deepEqual(connection.describe(socket({})), plain);
    assert.deepEqual(connection.describe(socket({ pskIdentity: Buffer.alloc(0), publicKey: Buffer.alloc(0) })), plain);
    assert.deepEqual(connection.describe(socket({ pskIdentity: Buffer.from('bob'), alpnProtocol: 'coap' })), {
      ...plain,
      pskIdentity: 'bob',
      alpn: 'coap',
    });
    const x509 = { subject: 'CN=a\nO=b', issuer: undefined, fingerprint256: 'AB', other: 1 };
    assert.deepEqual(connection.describe(socket({ x509, publicKey: Buffer.from('k') })), {
      ...plain,
      certificate: { subject: 'CN=a, O=b', issuer: '', fingerprint256: 'AB' },
    });
    const shown = connection.fingerprint(Buffer.from('k'));
    assert.match(shown, /^sha256:[\w+/]{43}=$/);
    assert.deepEqual(connection.describe(socket({ publicKey: Buffer.from('k') })), { ...plain, publicKey: shown });
    const words = (more) => connection.describeInWords(socket(more), terminal);
    assert.equal(words({}), 'DTLSv1.2, SUITE');
    assert.equal(
      words({ pskIdentity: Buffer.from('bob'), alpnProtocol: 'coap' }),
      'DTLSv1.2, SUITE, PSK identity <bob>, protocol <coap>',
    );
    assert.equal(words({ x509 }), 'DTLSv1.2, SUITE, certificate <CN=a, O=b>');
    assert.equal(words({ publicKey: Buffer.from('k') }), `DTLSv1.2, SUITE, raw public key ${shown}`);
  });

  test('of DTLS 1.3 is judged by its server, which says so or is silent for a moment', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const client = (more) =>
      Object.assign(new EventEmitter(), { getProtocol: () => 'DTLSv1.3', handshakeTime: 50, ...more });
    assert.equal(await connection.judged(client({ getProtocol: () => 'DTLSv1.2' })), undefined);
    assert.equal(await connection.judged(client({ pskIdentity: Buffer.alloc(1) })), undefined);
    const silent = client();
    let isOver = false;
    const judged = connection.judged(silent).then(() => {
      isOver = true;
    });
    t.mock.timers.tick(249);
    await Promise.resolve();
    assert.equal(isOver, false);
    t.mock.timers.tick(1);
    await judged;
    assert.equal(silent.listenerCount('error'), 0);
    const refused = client();
    const judgement = connection.judged(refused);
    refused.emit('error', new Error('refused'));
    await assert.rejects(judgement, { message: 'refused' });
    t.mock.timers.tick(1000);
  });

  test('that fails has told its error, and minds no other', async (t) => {
    const server = createServer(PSK);
    server.listen(0, HOST);
    t.after(() => server.close());
    await event(server, 'listening');
    const options = { host: HOST, port: server.address().port, psk: 'x', pskIdentity: 'bob' };
    await assert.rejects(connection.open(options, new AbortController().signal), { code: 'ERR_DTLS_ALERT_RECEIVED' });
    const client = await connection.open({ ...options, psk: Buffer.from([1, 2]) }, new AbortController().signal);
    assert.equal(client.listenerCount('error'), 0);
    const done = connection.close(client);
    client.emit('error', new Error('nobody minds'));
    await done;
    assert.equal(await connection.closed(client), undefined);
  });

  test('ends when its keys cannot be logged any more', async (t) => {
    const file = path.join(temporaryDirectory(t), 'keys');
    const before = process.env.SSLKEYLOGFILE;
    process.env.SSLKEYLOGFILE = file;
    t.after(() => {
      if (before === undefined) delete process.env.SSLKEYLOGFILE;
      else process.env.SSLKEYLOGFILE = before;
    });
    const { server } = await start(t);
    const options = { host: HOST, port: server.address().port, psk: Buffer.from([1, 2]), pskIdentity: 'bob' };
    const opened = connection.open(options, new AbortController().signal);
    fs.rmSync(file);
    fs.mkdirSync(file);
    await assert.rejects(opened, { code: 'EISDIR', message: `SSLKEYLOGFILE: cannot write ${file} (EISDIR)` });
  });
});
