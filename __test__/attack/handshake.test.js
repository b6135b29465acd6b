'use strict';

// What somebody gets who speaks in the middle of another's handshake, or in an order that nobody foresaw.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { BOB, event, openClient, startServer } = require('../support/endpoints.js');
const { Address } = require('./engine/address.js');
const { Client } = require('./engine/client.js');
const { EXTENSION, TYPE, extension, message, serverName, vector } = require('./engine/handshake.js');
const { Link } = require('./engine/link.js');
const { CHANGE_CIPHER_SPEC, HANDSHAKE, parseRecords, record } = require('./engine/record.js');

/** Alerts of RFC 5246 section 7.2. */
const ILLEGAL_PARAMETER = 47;
const DECODE_ERROR = 50;
const UNSUPPORTED_EXTENSION = 110;

const SUITE = 'PSK-AES128-CCM8';
/** Of a sealed Finished under that suite: explicit nonce, message, tag. */
const FINISHED_LENGTH = 8 + 24 + 8;

/** How the next handshake ends on the server's side: 'secure', or the code of its error. */
function outcome(server) {
  return Promise.race([
    event(server, 'secureConnection').then(() => 'secure'),
    event(server, 'clientError').then(([{ code }]) => code),
  ]);
}

const forgedChangeCipherSpec = () => record({ type: CHANGE_CIPHER_SPEC, number: 900, content: Buffer.of(1) });
const junkFinished = () => record({ type: HANDSHAKE, epoch: 1, number: 0, content: randomBytes(FINISHED_LENGTH) });

describe('a forged ChangeCipherSpec with junk behind it does not make a client’s key a wrong one', () => {
  const places = {
    'before its ClientKeyExchange': async (client, send) => {
      send(Buffer.concat([forgedChangeCipherSpec(), junkFinished()]));
      send(client.keyExchange());
    },
    'behind its ClientKeyExchange': async (client, send) => {
      send(client.keyExchange());
      await sleep(20);
      send(Buffer.concat([forgedChangeCipherSpec(), junkFinished()]));
    },
    'and again and again': async (client, send) => {
      send(client.keyExchange());
      await sleep(20);
      for (let count = 0; count < 20; count++) send(Buffer.concat([forgedChangeCipherSpec(), junkFinished()]));
    },
  };
  for (const [place, forge] of Object.entries(places)) {
    test(place, async (t) => {
      const server = await startServer(t);
      const { port } = server.address();
      const ended = outcome(server);
      const address = await Address.open(t);
      const client = new Client({ suite: SUITE });
      await address.greet(port, client);
      await forge(client, (datagram) => address.send(datagram, port));
      await sleep(20);
      address.send(Buffer.concat([client.changeCipherSpec(), client.finished()]), port);
      assert.notEqual(await ended, 'ERR_DTLS_WRONG_PSK');
    });
  }

  test('of a client of ours that retransmits', async (t) => {
    const server = await startServer(t, { psk: { bob: BOB.psk }, ciphers: SUITE });
    const link = await Link.open(t, server.address().port);
    const ended = outcome(server);
    let isForged = false;
    link.onClient = (datagram) => {
      const isLastFlight = parseRecords(datagram).some(({ type }) => type === CHANGE_CIPHER_SPEC);
      if (!isLastFlight || isForged) return [datagram];
      isForged = true;
      const [exchange] = parseRecords(datagram);
      return [exchange.bytes, Buffer.concat([forgedChangeCipherSpec(), junkFinished()]), datagram];
    };
    const client = openClient(t, server, { ...BOB, port: link.port, ciphers: SUITE, handshakeTimeoutMin: 100 });
    client.on('error', () => {});
    assert.notEqual(await ended, 'ERR_DTLS_WRONG_PSK');
    assert(isForged);
  });
});

test('a client with a wrong key is told from one whose handshake was disturbed', async (t) => {
  const server = await startServer(t);
  const ended = outcome(server);
  openClient(t, server, { ...BOB, psk: 'another key' }).on('error', () => {});
  assert.equal(await ended, 'ERR_DTLS_WRONG_PSK');
});

describe('a server refuses a hello in which an extension comes twice (RFC 5246 section 7.4.1.4)', () => {
  const twice = {
    extended_master_secret: extension(EXTENSION.EXTENDED_MASTER_SECRET),
    renegotiation_info: extension(EXTENSION.RENEGOTIATION_INFO, Buffer.of(0)),
    server_name: serverName('device.example'),
    max_fragment_length: extension(EXTENSION.MAX_FRAGMENT_LENGTH, Buffer.of(1)),
    application_layer_protocol_negotiation: extension(EXTENSION.ALPN, vector(vector(Buffer.from('coap'), 1), 2)),
    'one of nobody’s': extension(0xfafa),
  };
  for (const [name, each] of Object.entries(twice)) {
    test(name, async (t) => {
      const server = await startServer(t);
      const { port } = server.address();
      const address = await Address.open(t);
      const client = new Client({ extensions: [each, each] });
      await address.proveAddress(port, client);
      address.send(client.hello(), port);
      for (const datagram of await address.rest(150)) client.handle(datagram);
      assert(!client.heard.includes(TYPE.SERVER_HELLO), 'the hello was answered');
      assert.equal(client.alerts.length, 1);
      assert([ILLEGAL_PARAMETER, DECODE_ERROR, UNSUPPORTED_EXTENSION].includes(client.alerts[0]));
      assert.equal(server.stats.connections, 0);
    });
  }
});

describe('a client that leaves its turn out gets no connection (CVE-2026-93304)', () => {
  const orders = {
    'ChangeCipherSpec right behind the hello': (client) => [client.changeCipherSpec()],
    'ChangeCipherSpec and Finished without ClientKeyExchange': (client) => {
      client.keyExchange();
      return [client.changeCipherSpec(), client.finished()];
    },
    'Finished without ChangeCipherSpec': (client) => [client.keyExchange(), client.finished()],
    'Finished in plaintext': (client) => {
      const exchange = client.keyExchange();
      const whole = message(TYPE.FINISHED, 3, randomBytes(12));
      return [exchange, client.changeCipherSpec(), client.plaintext(HANDSHAKE, whole)];
    },
    'data in place of Finished': (client) => [client.keyExchange(), client.changeCipherSpec(), client.data('early')],
  };
  for (const [title, steps] of Object.entries(orders)) {
    test(title, async (t) => {
      const server = await startServer(t, { psk: { bob: BOB.psk }, handshakeTimeout: 400 });
      const { port } = server.address();
      server.on('secureConnection', () => assert.fail('it is connected'));
      const ended = event(server, 'clientError');
      const address = await Address.open(t);
      const client = new Client();
      await address.greet(port, client);
      address.send(Buffer.concat(steps(client)), port);
      await ended;
      assert.equal(server.getConnections(), 0);
    });
  }
});

test('a key of zeros opens neither an unknown identity nor one too long to be looked up', async (t) => {
  const server = await startServer(t);
  server.on('secureConnection', () => assert.fail('it is connected'));
  const { port } = server.address();
  for (const identity of ['nobody', 'x'.repeat(300)]) {
    for (const length of [16, 32, 64]) {
      const ended = event(server, 'clientError');
      const address = await Address.open(t);
      const client = new Client({ identity, psk: Buffer.alloc(length) });
      await address.greet(port, client);
      address.send(Buffer.concat([client.keyExchange(), client.changeCipherSpec(), client.finished()]), port);
      assert.match((await ended)[0].code, /^ERR_DTLS_(UNKNOWN_PSK_IDENTITY|WRONG_PSK)$/);
    }
  }
});

test('a session is not resumed by a client that left before it was authenticated (CVE-2026-135389)', async (t) => {
  const server = await startServer(t, { psk: { bob: BOB.psk }, handshakeTimeout: 500 });
  const { port } = server.address();
  const saved = [];
  server.on('connection', (socket) => setImmediate(() => saved.push(socket.session)));
  const asked = [];
  server.on('renegotiate', (id, _socket, callback) => {
    asked.push(id);
    callback(
      null,
      saved.find((session) => session !== undefined),
    );
  });
  const address = await Address.open(t);
  // It knows no key, so that its Finished would give it away; it stops before.
  const early = new Client({ psk: 'no key of bob' });
  await address.greet(port, early);
  address.send(early.keyExchange(), port);
  await sleep(50);
  assert.deepEqual(saved, [undefined], 'there is nothing to keep before the end of the handshake');
  const { id } = early.session;
  const again = new Client({ psk: 'no key of bob', session: { id, master: early.master } });
  await address.greet(port, again);
  assert.equal(again.isResumed, false);
  assert.equal(server.getConnections(), 0);
  if (id.length > 0) assert.deepEqual(asked, [id.toString('hex')]);
});

describe('a HelloRequest disturbs no client (OpenSSL issue 32363)', () => {
  const helloRequest = (sequence, number) =>
    record({ type: HANDSHAKE, number, content: message(TYPE.HELLO_REQUEST, sequence, Buffer.alloc(0)) });
  for (const sequence of [0, 1, 2, 3, 4, 7, 65_535]) {
    test(`with message_seq ${sequence}, in the middle of its handshake and after`, async (t) => {
      const server = await startServer(t, { psk: { bob: BOB.psk }, ciphers: SUITE });
      const link = await Link.open(t, server.address().port);
      let number = 500;
      link.onServer = (datagram) => [helloRequest(sequence, number++), datagram, helloRequest(sequence, number++)];
      const client = openClient(t, server, { ...BOB, port: link.port, ciphers: SUITE });
      const secured = event(server, 'secureConnection');
      await Promise.race([
        event(client, 'secureConnect'),
        event(client, 'error').then(([error]) => {
          throw error;
        }),
      ]);
      const [socket] = await secured;
      const heard = event(client, 'data');
      socket.write('still here');
      assert.equal(String((await heard)[0]), 'still here');
    });
  }
});
