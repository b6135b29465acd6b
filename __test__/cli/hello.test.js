'use strict';

// Hellos of `mbed-dtls inspect`, byte for byte, and what it makes of answers, without a process for each.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { once } = require('node:events');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { Failure } = require('../../lib/cli/failures');
const hello = require('../../lib/cli/hello');
const { Prober } = require('../../lib/cli/probe');
const { HOST } = require('../support/endpoints');

const { Answer, vector16, vector8, u16, u8 } = hello;

const hex = (text) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const u24 = (number) => Buffer.from([number >> 16, (number >> 8) & 0xff, number & 0xff]);

/** A record of DTLS 1.2, and a fragment of a handshake message. */
function record(type, content, { version = 0xfefd, epoch = 0 } = {}) {
  return Buffer.concat([u8(type), u16(version), u16(epoch), Buffer.alloc(6), vector16(content)]);
}

function fragment(type, body, { number = 0, length = body.length, offset = 0 } = {}) {
  return Buffer.concat([u8(type), u24(length), u16(number), u24(offset), u24(body.length), body]);
}

/** The body of a ServerHello. */
function serverHello({ version = 0xfefd, suite = 0xc0a8, extensions = null, session = Buffer.alloc(0) } = {}) {
  const list = extensions?.flatMap(([type, content]) => [u16(type), vector16(content)]);
  const end = list === undefined ? [] : [vector16(...list)];
  return Buffer.concat([u16(version), Buffer.alloc(32, 7), vector8(session), u16(suite), u8(0), ...end]);
}

function malformed(act, message) {
  assert.throws(act, (error) => error instanceof SyntaxError && error.message === message);
}

describe('a hello', () => {
  test('has everything where it belongs, and the same random number with each cookie', () => {
    const make = hello.clientHello({
      version: 0xfefd,
      suites: [0xc0a8, 0x0006],
      extensions: [
        [23, Buffer.alloc(0)],
        [13, u16(0x0403)],
      ],
    });
    const [first, second] = [make(Buffer.alloc(0)), make(Buffer.from([1, 2]))];
    assert.deepEqual(first.subarray(0, 2), hex('fefd'));
    const random = first.subarray(2, 34);
    const end = hex('0004 c0a8 0006  01 00  000a  0017 0000  000d 0002 0403');
    assert.deepEqual(first.subarray(34), Buffer.concat([hex('00 00'), end]));
    assert.deepEqual(second, Buffer.concat([hex('fefd'), random, hex('00 02 0102'), end]));
    assert.notDeepEqual(random, Buffer.alloc(32));
  });

  test('goes into one record, with its numbers, and an alert takes it back', () => {
    const body = Buffer.alloc(0x10203, 5);
    // A record has two bytes for its length, and what fits decides the rest.
    const short = hello.helloRecord(body.subarray(0, 0x203), { messageNumber: 1, recordNumber: 0x01020304 });
    assert.deepEqual(short.subarray(0, 25), hex('16 fefd 0000 0000 01020304 020f  01 000203 0001 000000 000203'));
    assert.deepEqual(short.subarray(25), body.subarray(0, 0x203));
    assert.deepEqual(hello.goodbyeRecord(3), hex('15 fefd 0000 0000 00000003 0002 02 5a'));
  });

  test('names the server where it has a name', () => {
    assert.deepEqual(hello.serverNameExtension(undefined), []);
    assert.deepEqual(hello.serverNameExtension('127.0.0.1'), []);
    assert.deepEqual(hello.serverNameExtension('::1'), []);
    assert.deepEqual(hello.serverNameExtension('host'), [[0, hex('0007 00 0004 686f7374')]]);
  });
});

describe('an answer', () => {
  const add = (...datagrams) => {
    const answer = new Answer();
    for (const datagram of datagrams) answer.add(datagram);
    return answer;
  };

  test('is put together from fragments in any order, once they are all there', () => {
    const body = Buffer.from('abcdef');
    const part = (from, to, more) =>
      record(22, fragment(2, body.subarray(from, to), { length: 6, offset: from, ...more }));
    assert.equal(add(part(4, 6), part(0, 3)).message(2), null);
    assert.equal(add(part(4, 6), part(0, 3), part(0, 3)).message(2), null);
    assert.deepEqual(add(part(4, 6), part(0, 3), part(2, 5)).message(2), body);
    assert.equal(add(part(0, 6)).message(3), null);
    assert.deepEqual(add(Buffer.concat([part(0, 3), part(3, 6)])).message(2), body);
    const both = Buffer.concat([fragment(2, body), fragment(14, Buffer.alloc(0), { number: 1 })]);
    assert.deepEqual(add(record(22, both)).message(14), Buffer.alloc(0));
    assert.deepEqual(add(part(0, 6), part(0, 6, { number: 1 })).message(2), body);
  });

  test('has the number of a fatal alert, and of no warning', () => {
    assert.equal(add().alert, null);
    assert.equal(add(record(21, hex('0228'))).alert, 40);
    assert.equal(add(record(21, hex('0128'))).alert, null);
  });

  test('has nothing that is encrypted, of another kind, or ignored', () => {
    assert.equal(add(record(21, hex('0228'), { epoch: 1 })).alert, null);
    assert.equal(add(record(23, hex('0228'))).alert, null);
    const answer = new Answer(3);
    answer.add(record(22, fragment(3, Buffer.from('a'))));
    answer.add(record(22, fragment(2, Buffer.from('b'))));
    assert.equal(answer.message(3), null);
    assert.deepEqual(answer.message(2), Buffer.from('b'));
  });

  test('is refused where it is no DTLS, or contradicts itself', () => {
    malformed(() => add(record(22, Buffer.alloc(0), { version: 0x0303 })), 'a record of version 0x303');
    malformed(() => add(record(22, Buffer.alloc(0), { version: 0xff00, epoch: 1 })), 'a record of version 0xff00');
    assert.equal(add(record(23, Buffer.alloc(0), { version: 0xfeff })).alert, null);
    malformed(() => add(record(22, Buffer.from('abc')).subarray(0, 15)), '2 bytes where 3 belong');
    const body = Buffer.from('ab');
    const beyond = record(22, fragment(2, body, { length: 3, offset: 2 }));
    malformed(() => add(beyond), 'a fragment beyond the end of its message');
    const twice = (...more) => more.map((one) => record(22, fragment(one.type ?? 2, body, { length: 4, ...one })));
    malformed(() => add(...twice({}, { length: 5 })), 'two fragments that disagree');
    malformed(() => add(...twice({}, { type: 11 })), 'two fragments that disagree');
    assert.equal(add(...twice({}, { offset: 2, number: 1 })).message(2), null);
  });

  test('has sixteen messages and 128 KiB at most', () => {
    const limit = 'an answer of more than 131072 bytes or 16 messages';
    const number = (count, length) =>
      Array.from({ length: count }, (_, at) => record(22, fragment(11, Buffer.alloc(0), { number: at, length })));
    assert.equal(add(...number(16, 1)).alert, null);
    malformed(() => add(...number(17, 1)), limit);
    assert.equal(add(...number(2, 65536)).alert, null);
    malformed(
      () => add(...number(2, 65536), record(22, fragment(11, Buffer.alloc(0), { number: 9, length: 1 }))),
      limit,
    );
  });

  test('says what the server has chosen', () => {
    const cookie = Buffer.from([1, 2]);
    assert.deepEqual(hello.readCookie(Buffer.concat([u16(0xfeff), vector8(cookie)])), cookie);
    assert.deepEqual(hello.readServerHello(serverHello({ session: Buffer.from('abc') })), {
      version: 0xfefd,
      suite: 0xc0a8,
      extensions: new Map(),
    });
    const extensions = [
      [23, Buffer.alloc(0)],
      [43, u16(0xfefc)],
    ];
    assert.deepEqual(hello.readServerHello(serverHello({ extensions })), {
      version: 0xfefc,
      suite: 0xc0a8,
      extensions: new Map(extensions),
    });
  });

  test('has certificates, or the raw public key in their place', () => {
    const list = (...parts) => {
      const all = Buffer.concat(parts.flatMap((part) => [u24(part.length), part]));
      return Buffer.concat([u24(all.length), all]);
    };
    const [a, b] = [Buffer.from('leaf'), Buffer.from('authority')];
    assert.deepEqual(hello.readCertificates(list(a, b), false), [a, b]);
    assert.deepEqual(hello.readCertificates(list(), false), []);
    assert.deepEqual(hello.readCertificates(Buffer.concat([u24(4), a]), true), [a]);
  });

  test('has the group and the hint of the key exchange, by the kind of the suite', () => {
    const named = hex('03 001d 00');
    const hint = vector16(Buffer.from('hint'));
    assert.deepEqual(hello.readServerKeyExchange(named, 'ECDHE-RSA-X'), { group: 29 });
    assert.deepEqual(hello.readServerKeyExchange(hint, 'PSK-X'), { hint: Buffer.from('hint') });
    const both = hello.readServerKeyExchange(Buffer.concat([hint, named]), 'ECDHE-PSK-X');
    assert.deepEqual(both, { hint: Buffer.from('hint'), group: 29 });
    assert.deepEqual(hello.readServerKeyExchange(hex('01 001d'), 'AECDH-X'), {});
    assert.deepEqual(hello.readServerKeyExchange(hex('03 001d'), 'DHE-RSA-X'), {});
  });
});

describe('a question', () => {
  const OFFER = { version: 0xfefd, suites: [0xc0a8], extensions: [] };

  /** Asks a server that answers the datagrams with these, one list after the other. Answers what it has seen, too. */
  async function ask(t, answers, { timeout = 5000, stop = new AbortController().signal, family = 4 } = {}) {
    const address = family === 6 ? '::1' : HOST;
    const server = dgram.createSocket(`udp${family}`).bind(0, address);
    t.after(() => server.close());
    await once(server, 'listening');
    const seen = [];
    server.on('message', (message, { port }) => {
      seen.push(message);
      for (const answer of answers[seen.length - 1] ?? []) server.send(answer, port, address);
    });
    const prober = new Prober({ address, family, port: server.address().port }, timeout, stop);
    assert.equal(prober.asked, 0);
    const result = await prober.ask(OFFER);
    assert.equal(prober.asked, 1);
    return { result, seen };
  }

  const DONE = record(22, fragment(14, Buffer.alloc(0), { number: 9 }));
  const numbersOf = (datagram) => [datagram.readUInt32BE(7), datagram.readUInt16BE(17)];

  test('is repeated with the cookie that the server asks for, and taken back in the end', async (t) => {
    const cookie = Buffer.from('cookie');
    const request = record(22, fragment(3, Buffer.concat([u16(0xfefd), vector8(cookie)])));
    const chosen = record(22, fragment(2, serverHello(), { number: 1 }));
    const { result, seen } = await ask(t, [
      [request, request],
      [request, chosen, DONE],
    ]);
    assert.deepEqual(result, {
      hello: { version: 0xfefd, suite: 0xc0a8, extensions: new Map() },
      alert: null,
      isRawKey: false,
      certificates: [],
      asksForCertificate: false,
      hasCookie: true,
    });
    for (let count = 0; seen.length < 3 && count < 100; count++) await sleep(10);
    const [first, second, goodbye] = seen;
    assert.deepEqual([first, second].map(numbersOf), [
      [0, 0],
      [1, 1],
    ]);
    const body = first.subarray(25);
    assert.deepEqual(second.subarray(25), Buffer.concat([body.subarray(0, 35), vector8(cookie), body.subarray(36)]));
    assert.deepEqual(goodbye, hello.goodbyeRecord(2));
  });

  test('goes to IPv6 as well', async (t) => {
    const chosen = record(22, fragment(2, serverHello(), { number: 1 }));
    const { result } = await ask(t, [[chosen, DONE]], { family: 6 });
    assert.equal(result.hello.suite, 0xc0a8);
  });

  test('finds the certificate, the group, the hint, and whether a certificate is wanted', async (t) => {
    const certificates = Buffer.concat([u24(7), u24(4), Buffer.from('leaf')]);
    const { result } = await ask(t, [
      [
        record(22, fragment(2, serverHello({ suite: 0xd001, extensions: [[20, u8(0)]] }), { number: 1 })),
        record(22, fragment(11, certificates, { number: 2 })),
        record(22, fragment(12, Buffer.concat([vector16(Buffer.from('h')), hex('03 0017')]), { number: 3 })),
        record(22, fragment(13, Buffer.alloc(0), { number: 4 })),
        DONE,
      ],
    ]);
    const { isRawKey, certificates: found, group, hint, asksForCertificate, hasCookie } = result;
    assert.deepEqual(
      { isRawKey, found, group, hint, asksForCertificate, hasCookie },
      {
        isRawKey: false,
        found: [Buffer.from('leaf')],
        group: 23,
        hint: Buffer.from('h'),
        asksForCertificate: true,
        hasCookie: false,
      },
    );
  });

  test('finds a raw public key', async (t) => {
    const chosen = serverHello({ extensions: [[20, u8(2)]] });
    const key = Buffer.concat([u24(3), Buffer.from('key')]);
    const { result } = await ask(t, [
      [record(22, fragment(2, chosen)), record(22, fragment(11, key, { number: 1 })), DONE],
    ]);
    assert.deepEqual([result.isRawKey, result.certificates], [true, [Buffer.from('key')]]);
  });

  test('ends with an alert, with a hello of DTLS 1.3, and not with one of DTLS 1.2 alone', async (t) => {
    const alert = await ask(t, [[record(21, hex('0228'))]]);
    assert.deepEqual(alert.result, { hello: null, alert: 40, hasCookie: false });
    assert.equal(alert.seen.length, 1);
    const newest = serverHello({ extensions: [[43, u16(0xfefc)]] });
    const { result } = await ask(t, [[record(22, fragment(2, newest))]]);
    assert.equal(result.hello.version, 0xfefc);
    const began = Date.now();
    const half = await ask(t, [[record(22, fragment(2, serverHello()))]], { timeout: 300 });
    assert.equal(half.result.hello.version, 0xfefd);
    assert(Date.now() - began >= 290);
  });

  test('is repeated twice when nothing comes, and then given up', async (t) => {
    const { result, seen } = await ask(t, [], { timeout: 400 });
    assert.deepEqual(result, { hello: null, alert: null, hasCookie: false });
    // On a busy machine the last one may come behind the end.
    for (let count = 0; seen.length < 3 && count < 100; count++) await sleep(10);
    assert.deepEqual(seen.map(numbersOf), [
      [0, 0],
      [1, 0],
      [2, 0],
    ]);
  });

  test('is not repeated when it has been answered, and fails with what is no DTLS', async (t) => {
    const is = (message) => (error) =>
      error instanceof Failure &&
      error.message === message &&
      error.advice === 'Is it a DTLS server?' &&
      error.code === 'MALFORMED';
    await assert.rejects(ask(t, [[Buffer.from([22])]]), is('the server answered with 0 bytes where 2 belong'));
  });

  test('is given up when somebody has had enough, before or meanwhile', async (t) => {
    const is = (error) =>
      error instanceof Failure && error.code === 'ABORT_ERR' && /^ended before all/.test(error.message);
    await assert.rejects(ask(t, [], { stop: AbortSignal.abort() }), is);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 20);
    await assert.rejects(ask(t, [], { stop: stop.signal }), is);
  });

  test('goes to the address that the host has', async () => {
    const prober = await Prober.to({ host: '127.0.0.1', port: 9 }, 100, new AbortController().signal);
    assert.deepEqual(prober._remote, { address: '127.0.0.1', family: 4, port: 9 });
  });
});
