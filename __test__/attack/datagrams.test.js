'use strict';

// What one datagram, or one that is sent again and again, gets out of a server: no more than its sender put in by much,
// and nothing that is good is lost because there is much of it.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const certificates = require('../support/certificates.js');
const { BOB, event, messages, startServer } = require('../support/endpoints.js');
const { Address, elsewhere } = require('./engine/address.js');
const { EXTENSIONS } = require('./engine/certificate.js');
const { Client } = require('./engine/client.js');
const { TYPE, fragment } = require('./engine/handshake.js');
const { HANDSHAKE, SUITES, record } = require('./engine/record.js');

const sum = (datagrams) => datagrams.reduce((total, { length }) => total + length, 0);

describe('a datagram with 66 small records is read to its end', () => {
  test('when they are data', async (t) => {
    const server = await startServer(t);
    const { port } = server.address();
    const secured = event(server, 'secureConnection');
    const address = await Address.open(t);
    const client = await address.handshake(port, new Client());
    const [socket] = await secured;
    const texts = Array.from({ length: 66 }, (_, index) => `${index}`);
    const heard = messages(socket, texts.length);
    address.send(Buffer.concat(texts.map((text) => client.data(text))), port);
    assert.deepEqual(await Promise.race([heard, sleep(1_000, 'not all were heard', { ref: false })]), texts);
  });

  test('when they are the fragments of a client’s last flight', async (t) => {
    const identity = 'a device whose name has as many bytes as there are fragments..';
    const server = await startServer(t, { psk: { [identity]: BOB.psk } });
    const { port } = server.address();
    const address = await Address.open(t);
    const client = new Client({ identity });
    await address.greet(port, client);
    const exchange = client.keyExchangeInFragments(1);
    const flight = [...exchange, client.changeCipherSpec(), client.finished()];
    assert.equal(flight.length, 66);
    // The client repeats it, as it must.
    for (let count = 0; count < 3 && !client.isOpen; count++) {
      address.send(Buffer.concat(flight), port);
      for (const datagram of await address.rest(150)) client.handle(datagram);
    }
    assert.equal(client.isOpen, true);
  });

  test('and one with 4,000 records that are forged is counted, and ends nothing', async (t) => {
    const server = await startServer(t);
    const { port } = server.address();
    const address = await Address.open(t);
    const client = await address.handshake(port, new Client());
    const before = server.stats;
    const forged = record({ type: 23, epoch: 1, number: 7, content: Buffer.alloc(0) });
    address.send(Buffer.concat(Array(4_000).fill(forged)), port);
    while (server.stats.datagramsReceived === before.datagramsReceived) await sleep(1);
    const after = server.stats;
    const counted = after.recordsDropped - before.recordsDropped + after.datagramsDropped - before.datagramsDropped;
    assert(counted >= 1, 'nothing was counted');
    const heard = event(Object.values(server.sockets)[0], 'data');
    address.send(client.data('still here'), port);
    assert.equal(String((await heard)[0]), 'still here');
  });
});

describe('64 hellos in one datagram get one answer', () => {
  test('when they have no cookie', async (t) => {
    const server = await startServer(t);
    const { port } = server.address();
    const address = await Address.open(t);
    const hellos = Array.from({ length: 64 }, () => new Client().hello());
    address.send(Buffer.concat(hellos), port);
    assert.equal((await address.rest(200)).length, 1);
  });

  test('when they have one', async (t) => {
    const server = await startServer(t, { psk: { bob: BOB.psk }, handshakeTimeoutMin: 60_000 });
    const { port } = server.address();
    const address = await Address.open(t);
    const clients = Array.from({ length: 20 }, () => new Client());
    for (const client of clients) await address.proveAddress(port, client);
    const datagram = Buffer.concat(clients.map((client) => client.hello()));
    address.send(datagram, port);
    const answers = await address.rest(200);
    assert(sum(answers) <= datagram.length, `${sum(answers)} bytes for ${datagram.length}`);
    assert.equal(server.stats.handshakesStarted, 1);
  });
});

/** Offers what a server with an EC certificate answers with its longest flight. */
function certificateClient() {
  return new Client({ suites: [SUITES['ECDHE-ECDSA-AES128-GCM-SHA256'].id], extensions: EXTENSIONS });
}

const skip = certificates.available ? false : 'openssl not found';

describe('a hello with a valid cookie that is replayed from its address', { skip }, () => {
  const AT_MOST = 3;

  /** A hello whose cookie its address has proved once, and the server that gave it. */
  async function observedHello(t, options) {
    const server = await startServer(t, {
      key: certificates.intermediate.key,
      cert: certificates.intermediate.cert,
      handshakeTimeoutMin: 60_000,
      ...options,
    });
    const victim = await Address.open(t, elsewhere());
    const client = certificateClient();
    await victim.proveAddress(server.address().port, client);
    return { victim, client, port: server.address().port };
  }

  for (const times of [10, 100]) {
    test(`${times} times returns at most ${AT_MOST} times its bytes in all`, async (t) => {
      const { victim, client, port } = await observedHello(t);
      const hello = client.hello();
      const answers = [];
      for (let count = 0; count < times; count++) {
        victim.send(hello, port);
        await sleep(2);
      }
      answers.push(...(await victim.rest(200)));
      const factor = sum(answers) / (times * hello.length);
      assert(sum(answers) > 0, 'the first is answered');
      assert(factor <= AT_MOST, `${factor.toFixed(1)} times`);
    });
  }

  test('under new record numbers returns no more', async (t) => {
    const { victim, client, port } = await observedHello(t);
    let bytes = 0;
    for (let count = 0; count < 50; count++) {
      // The same hello with the next record number each time, as a retransmission has.
      const hello = client.plaintext(HANDSHAKE, client.helloMessage());
      bytes += hello.length;
      victim.send(hello, port);
      await sleep(2);
    }
    const factor = sum(await victim.rest(200)) / bytes;
    assert(factor <= AT_MOST, `${factor.toFixed(1)} times`);
  });

  test('from one that begins another handshake in between returns no more', async (t) => {
    const { victim, client, port } = await observedHello(t);
    const other = certificateClient();
    await victim.proveAddress(port, other);
    let bytes = 0;
    for (let count = 0; count < 50; count++) {
      for (const each of [client, other]) {
        const hello = each.hello();
        bytes += hello.length;
        victim.send(hello, port);
        await sleep(1);
      }
    }
    const factor = sum(await victim.rest(300)) / bytes;
    assert(factor <= AT_MOST, `${factor.toFixed(1)} times`);
  });
});

describe('cookies are compared byte by byte (CVE-2026-106465)', () => {
  const changed = (cookie, at) => {
    const copy = Buffer.from(cookie);
    copy[at] ^= 1;
    return copy;
  };
  const forgeries = {
    'the first byte differs': (cookie) => changed(cookie, 0),
    'the last byte differs': (cookie) => changed(cookie, cookie.length - 1),
    'it has the right length alone': (cookie) => Buffer.alloc(cookie.length),
    'it is one byte shorter': (cookie) => cookie.subarray(0, -1),
    'it is one byte longer': (cookie) => Buffer.concat([cookie, Buffer.of(0)]),
  };
  for (const [title, forge] of Object.entries(forgeries)) {
    test(title, async (t) => {
      const server = await startServer(t);
      const { port } = server.address();
      const address = await Address.open(t);
      const client = new Client();
      await address.proveAddress(port, client);
      client.cookie = forge(client.cookie);
      address.send(client.hello(), port);
      for (const datagram of await address.rest(50)) client.handle(datagram);
      assert.deepEqual([...new Set(client.heard)], [TYPE.HELLO_VERIFY_REQUEST]);
      assert.equal(server.stats.handshakesStarted, 0);
    });
  }
});

test('many hellos from one address at once, with old cookies and without, end nobody’s connection (CVE-2026-55950)', async (t) => {
  const server = await startServer(t);
  const { port } = server.address();
  const secured = event(server, 'secureConnection');
  const address = await Address.open(t);
  const client = await address.handshake(port, new Client());
  const [socket] = await secured;
  let isClosed = false;
  socket.on('close', () => {
    isClosed = true;
  });
  const bystander = await Address.open(t);
  const other = await bystander.handshake(port, new Client());
  const clients = Array.from({ length: 8 }, () => new Client());
  for (const each of clients) await address.proveAddress(port, each);
  for (let count = 0; count < 200; count++) {
    const each = clients[count % clients.length];
    const hello = count % 3 === 0 ? new Client().hello() : each.hello();
    // Whole, and cut in half.
    address.send(count % 5 === 0 ? hello.subarray(0, 40) : hello, port);
  }
  await sleep(100);
  const heard = event(socket, 'data');
  address.send(client.data('still here'), port);
  assert.equal(String((await heard)[0]), 'still here');
  const heardToo = event(server.sockets[`${bystander.host}:${bystander.port}`], 'data');
  bystander.send(other.data('and I'), port);
  assert.equal(String((await heardToo)[0]), 'and I');
  assert.equal(isClosed, false);
});

test('a first fragment that claims 16 MiB allocates nothing (CVE-2026-63566, CVE-2026-59646)', async (t) => {
  const server = await startServer(t, { psk: { bob: BOB.psk }, maxHandshakesPerAddress: 1_000 });
  const { port } = server.address();
  const before = process.memoryUsage().rss;
  for (let count = 0; count < 100; count++) {
    const address = await Address.open(t);
    const client = new Client();
    await address.proveAddress(port, client);
    const hello = client.helloMessage();
    const huge = fragment(hello, 0, hello.length - 12, 0xffffff);
    address.send(client.plaintext(HANDSHAKE, huge), port);
    // And in the middle of a handshake.
    address.send(client.hello(), port);
    await address.listen(client, () => client.heard.includes(TYPE.SERVER_HELLO_DONE), 'flight');
    const exchange = client.keyExchangeMessage();
    address.send(client.plaintext(HANDSHAKE, fragment(exchange, 0, 3, 0xffffff)), port);
  }
  await sleep(50);
  const grown = process.memoryUsage().rss - before;
  assert(grown < 64 * 2 ** 20, `${(grown / 2 ** 20).toFixed(0)} MiB for 100 claims of 16 MiB`);
});

test('messages of the future do not pile up in a handshake (CVE-2026-135392)', async (t) => {
  const server = await startServer(t, { psk: { bob: BOB.psk } });
  const { port } = server.address();
  const address = await Address.open(t);
  const client = new Client();
  await address.greet(port, client);
  const exchange = client.keyExchange();
  const before = process.memoryUsage().rss;
  const body = Buffer.alloc(1_000, 7);
  for (let sequence = 10; sequence < 20_000; sequence++) {
    const header = Buffer.alloc(12);
    header[0] = TYPE.CLIENT_KEY_EXCHANGE;
    header.writeUIntBE(body.length, 1, 3);
    header.writeUInt16BE(sequence, 4);
    header.writeUIntBE(body.length, 9, 3);
    address.send(client.plaintext(HANDSHAKE, Buffer.concat([header, body])), port);
    if (sequence % 64 === 0) await sleep(0);
  }
  const grown = process.memoryUsage().rss - before;
  assert(grown < 16 * 2 ** 20, `${(grown / 2 ** 20).toFixed(0)} MiB for 20 MB of messages`);
  // The handshake goes on all the same.
  address.send(exchange, port);
  address.send(Buffer.concat([client.changeCipherSpec(), client.finished()]), port);
  await address.listen(client, () => client.isOpen, 'Finished');
});
