'use strict';

// Datagrams that arrive together are delivered together, and what is written meanwhile leaves together. The application
// sees the same events in the same order as if each had come alone.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { describe, test } = require('node:test');
const { setImmediate: immediate, setTimeout: sleep } = require('node:timers/promises');

const { BOB, HOST, connectedPair, echo, event, messages, openClient, startServer, uncaught } =
  require('../support/endpoints.js');
const { SAVED, inOlderVersion } = require('../support/older-version.js');

// These fill several batches, and fit into the system's buffer for datagrams.
const MANY = 150;

/** Payloads that are all different. */
const numbered = (count) => Array.from({ length: count }, (_, index) => `message ${index}`);

/** Keeps the event loop busy for a time, ms. */
function spin(duration) {
  const until = performance.now() + duration;
  while (performance.now() < until);
}

describe('a batch of datagrams that arrive together', () => {
  test('is delivered in order, whatever its size', async (t) => {
    const { socket, client } = await connectedPair(t);
    const sizes = [1, 0, 16_384, 64, 0, 1_200, 5_000, 2, 16_000];
    const sent = sizes.map((size) => randomBytes(size));
    for (const message of sent) client.write(message);
    const received = [];
    for await (const message of socket) {
      received.push(message);
      if (received.length === sent.length) break;
    }
    assert.deepEqual(received, sent);
  });

  test('brings each connection its own messages', async (t) => {
    const server = await startServer(t, { psk: BOB.psk });
    const names = ['alice', 'bob', 'carol'];
    const received = new Map(names.map((name) => [name, []]));
    server.on('secureConnection', (socket) => {
      socket.on('data', (message) => received.get(socket.pskIdentity.toString()).push(message.toString()));
    });
    const clients = names.map((pskIdentity) => openClient(t, server, { psk: BOB.psk, pskIdentity }));
    await Promise.all(clients.map((client) => event(client, 'secureConnect')));
    for (let number = 0; number < 40; number++) {
      for (const [index, client] of clients.entries()) client.write(`${names[index]} ${number}`);
    }
    while ([...received.values()].some((list) => list.length < 40)) await sleep(1);
    for (const [name, list] of received)
      assert.deepEqual(
        list,
        list.map((_, number) => `${name} ${number}`),
      );
  });

  test('is a Buffer for each message, which the listener may keep and change', async (t) => {
    const { socket, client } = await connectedPair(t);
    const kept = [];
    const whole = new Promise((resolve) => {
      socket.on('data', (message) => {
        kept.push(message);
        message.fill('x', 0, 3);
        if (kept.length === MANY) resolve();
      });
    });
    for (const message of numbered(MANY)) client.write(message);
    await whole;
    assert.deepEqual(
      kept.map(String),
      numbered(MANY).map((message) => `xxx${message.slice(3)}`),
    );
  });

  test('stays whole although a listener passes the memory of its message on to another thread', async (t) => {
    const server = await startServer(t, { psk: BOB.psk });
    const received = [];
    server.on('secureConnection', (socket) => {
      socket.on('data', (message) => {
        received.push(message.toString());
        if (!received.at(-1).startsWith('mine')) return;
        try {
          structuredClone(message, { transfer: [message.buffer] });
        } catch (error) {
          // From Node.js 21 on; before, what may not be transferred is copied.
          assert.equal(error.name, 'DataCloneError');
        }
        assert.equal(message.length, 6, 'it is still there');
      });
    });
    const [alice, bob] = ['alice', 'bob'].map((pskIdentity) => openClient(t, server, { psk: BOB.psk, pskIdentity }));
    await Promise.all([alice, bob].map((client) => event(client, 'secureConnect')));
    alice.write('mine 1');
    for (const message of numbered(20)) bob.write(message);
    while (received.length < 21) await sleep(1);
    // A message that arrives alone cannot be transferred either, so that applications do not come to rely on it.
    alice.write('mine 2');
    while (received.length < 22) await sleep(1);
    assert.deepEqual(received, ['mine 1', ...numbered(20), 'mine 2']);
  });

  test('leaves others their turn when its delivery takes long', async (t) => {
    const { socket, client } = await connectedPair(t);
    let rounds = 0;
    const count = setInterval(() => rounds++, 1);
    t.after(() => clearInterval(count));
    const received = [];
    const roundsSeen = new Set();
    const whole = new Promise((resolve) => {
      socket.on('data', (message) => {
        received.push(message.toString());
        roundsSeen.add(rounds);
        spin(0.3);
        if (received.length === MANY) resolve();
      });
    });
    for (const message of numbered(MANY)) client.write(message);
    await whole;
    assert.deepEqual(received, numbered(MANY));
    assert.ok(roundsSeen.size >= 3, `timers had ${roundsSeen.size - 1} turns while ${MANY} messages were handled`);
  });

  test('is taken by one call of Node when it comes behind the end of a turn', async (t) => {
    const { server, socket, client } = await connectedPair(t);
    const { dgramSocket } = server;
    let calls = 0;
    const emit = dgramSocket.emit;
    dgramSocket.emit = function (name, ...rest) {
      if (name === 'message') calls++;
      return emit.call(this, name, ...rest);
    };
    const received = messages(socket, 25);
    // Five, behind which more are looked for, so that the turn is seen to be over.
    socket.once('data', () => {
      spin(3);
      process.nextTick(() => {
        for (const message of numbered(20)) client.write(message);
      });
    });
    for (const message of numbered(5)) client.write(message);
    assert.deepEqual(await received, [...numbered(5), ...numbered(20)]);
    assert.ok(calls <= 3, `${calls} calls`);
  });

  test('is delivered when another listener to the UDP socket is added meanwhile', async (t) => {
    const { server, socket, client } = await connectedPair(t);
    const received = [];
    const whole = new Promise((resolve) => {
      socket.on('data', (message) => {
        received.push(message.toString());
        spin(0.1);
        if (received.length === MANY) resolve();
      });
    });
    for (const message of numbered(MANY)) client.write(message);
    while (received.length === 0) await immediate();
    assert.ok(received.length < MANY, 'some are still to come');
    server.dgramSocket.on('message', () => {});
    await whole;
    assert.deepEqual(received, numbered(MANY));
  });

  test('is dropped with the connection when a listener ends it', async (t) => {
    const { server, socket, client } = await connectedPair(t);
    const closed = event(server, 'close');
    let received = 0;
    socket.on('data', () => {
      received++;
      spin(0.3);
      if (received === 70) {
        socket.destroy();
        server.close();
      }
    });
    for (const message of numbered(MANY)) client.write(message);
    await closed;
    assert.equal(received, 70);
  });

  test('is delivered to its end when a listener throws', async (t) => {
    const { socket, client } = await connectedPair(t);
    const received = messages(socket, 20);
    const failure = new Error('bug in the application');
    socket.on('data', (message) => {
      if (message.toString() === 'message 7') throw failure;
    });
    const write = () => {
      for (const message of numbered(20)) client.write(message);
    };
    assert.equal(await uncaught(write), failure);
    assert.deepEqual(await received, numbered(20));
  });

  for (const number of [7, 63, 100]) {
    test(`is delivered to its end when a listener throws at message ${number} while more datagrams wait`, async (t) => {
      const { socket, client } = await connectedPair(t);
      const received = messages(socket, MANY);
      const failure = new Error('bug in the application');
      socket.on('data', (message) => {
        spin(0.1);
        if (message.toString() === `message ${number}`) throw failure;
      });
      const write = () => {
        for (const message of numbered(MANY)) client.write(message);
      };
      assert.equal(await uncaught(write), failure);
      assert.deepEqual(await received, numbered(MANY));
    });
  }

  test('ends with the connection', async (t) => {
    const { socket, client } = await connectedPair(t);
    const received = [];
    socket.on('data', (message) => {
      received.push(message.toString());
      if (received.length === 5) socket.destroy();
    });
    for (const message of numbered(20)) client.write(message);
    await event(client, 'close');
    assert.deepEqual(received, numbered(5));
  });

  test('is delivered before the end that follows it', async (t) => {
    const { socket, client } = await connectedPair(t);
    const received = messages(socket, 20);
    const closed = event(socket, 'close');
    for (const message of numbered(20)) client.write(message);
    client.end();
    assert.deepEqual(await received, numbered(20));
    await closed;
  });

  test('is delivered before the end that follows it, although a listener ends another connection meanwhile', async (t) => {
    const server = await startServer(t, { psk: BOB.psk });
    const received = [];
    let ended = 0;
    server.on('secureConnection', (socket) => {
      socket.on('data', (message) => {
        received.push(message.toString());
        if (message.toString() === 'end me') socket.end();
      });
      socket.on('close', () => ended++);
    });
    const [alice, bob] = ['alice', 'bob'].map((pskIdentity) => openClient(t, server, { psk: BOB.psk, pskIdentity }));
    await Promise.all([alice, bob].map((client) => event(client, 'secureConnect')));
    alice.write('end me');
    for (const message of numbered(3)) bob.write(message);
    bob.end();
    while (ended < 2) await sleep(1);
    assert.deepEqual(received, ['end me', ...numbered(3)]);
  });

  test('is not interrupted by a datagram that a listener passes in', async (t) => {
    const { server, socket, client } = await connectedPair(t);
    const received = [];
    socket.on('data', (message) => {
      received.push(message.toString());
      if (received.length === 2)
        server.dgramSocket.emit('message', Buffer.from('no record'), { address: HOST, port: 1 });
    });
    for (const message of numbered(20)) client.write(message);
    while (received.length < 20) await sleep(1);
    assert.deepEqual(received, numbered(20));
    assert.equal(server.stats.datagramsDropped, 1);
  });

  test('is seen datagram by datagram by every other listener to the UDP socket', async (t) => {
    const { server, socket, client } = await connectedPair(t);
    let seen = 0;
    server.dgramSocket.on('message', () => {
      seen++;
    });
    const received = messages(socket, MANY);
    for (const message of numbered(MANY)) client.write(message);
    assert.deepEqual(await received, numbered(MANY));
    assert.equal(seen, MANY);
  });
});

// These are more events than can wait at a time (lib/server.js).
const CROWD = 80;

describe('events of many connections at once', () => {
  /** Open clients, and the server's events about them from then on: 'name: event'. */
  async function crowd(t) {
    const server = await startServer(t, { psk: BOB.psk, maxHandshakesPerAddress: CROWD });
    const heard = [];
    server.on('secureConnection', (socket) => {
      const name = socket.pskIdentity.toString();
      socket.on('data', (message) => heard.push(`${name}: ${message}`));
      socket.on('close', () => heard.push(`${name}: close`));
    });
    const names = numbered(CROWD);
    const clients = names.map((pskIdentity) => openClient(t, server, { psk: BOB.psk, pskIdentity }));
    await Promise.all(clients.map((client) => event(client, 'secureConnect')));
    return { heard, names, clients };
  }

  const whole = async (heard, count) => {
    while (heard.length < count) await sleep(1);
  };

  test('are dispatched in order', async (t) => {
    const { heard, names, clients } = await crowd(t);
    for (const client of clients) {
      client.write('hello');
      client.end('goodbye');
    }
    await whole(heard, 3 * CROWD);
    for (const name of names) {
      const ofOne = heard.filter((line) => line.startsWith(`${name}: `));
      assert.deepEqual(ofOne, [`${name}: hello`, `${name}: goodbye`, `${name}: close`]);
    }
  });

  test('are dispatched after a listener has thrown, before anything that comes later', async (t) => {
    const server = await startServer(t, { psk: BOB.psk, maxHandshakesPerAddress: CROWD });
    const failure = new Error('bug in the application');
    const heard = [];
    server.on('secureConnection', (socket) => {
      const name = socket.pskIdentity.toString();
      socket.on('data', (message) => heard.push(`${name}: ${message}`));
      if (name === 'message 2') throw failure;
    });
    const names = numbered(CROWD);
    const connectAll = () => {
      for (const pskIdentity of names) {
        const client = openClient(t, server, { psk: BOB.psk, pskIdentity });
        client.write('hello');
      }
    };
    assert.equal(await uncaught(connectAll), failure);
    await whole(heard, CROWD);
    assert.deepEqual(heard.sort(), names.map((name) => `${name}: hello`).sort());
  });
});

describe('what is written while a batch is delivered', () => {
  test('comes back in order', async (t) => {
    const { socket, client } = await connectedPair(t);
    echo(socket);
    const received = messages(client, MANY);
    for (const message of numbered(MANY)) client.write(message);
    assert.deepEqual(await received, numbered(MANY));
  });

  test('leaves before the close_notify', async (t) => {
    const { socket, client } = await connectedPair(t);
    socket.once('data', (message) => socket.end(message));
    const received = messages(client, 1);
    const closed = event(client, 'close');
    client.write('hello');
    assert.deepEqual(await received, ['hello']);
    await closed;
  });

  test('is copied at once', async (t) => {
    const { socket, client } = await connectedPair(t);
    socket.on('data', (message) => {
      socket.write(message);
      message.fill(0);
    });
    const received = messages(client, 20);
    for (const message of numbered(20)) client.write(message);
    assert.deepEqual(await received, numbered(20));
  });

  test('may be larger than a batch, and too large for a record', async (t) => {
    const { socket, client } = await connectedPair(t);
    const tooLarge = t.mock.fn();
    socket.on('data', (message) => {
      socket.write(Buffer.alloc(16_000, message));
      if (message.toString() === 'message 9') socket.write(Buffer.alloc(16_385), tooLarge);
    });
    const lengths = [];
    client.on('data', (message) => lengths.push(message.length));
    for (const message of numbered(10)) client.write(message);
    while (lengths.length < 10) await sleep(1);
    assert.equal(tooLarge.mock.calls[0].arguments[0].code, 'ERR_DTLS_PAYLOAD_TOO_LARGE');
    assert.deepEqual(lengths, Array(10).fill(16_000));
  });

  test("is reported by 'send'", async (t) => {
    const { socket, client } = await connectedPair(t);
    const sent = [];
    socket.on('send', (length) => sent.push(length));
    echo(socket);
    const received = messages(client, 10);
    for (const message of numbered(10)) client.write(message);
    await received;
    assert.equal(sent.length, 10);
    assert(sent.every((length) => length > 'message 0'.length + 13));
  });

  test('may go to another connection', async (t) => {
    const first = await connectedPair(t);
    const second = await connectedPair(t);
    first.socket.on('data', (message) => second.socket.write(message));
    second.client.on('data', (message) => second.client.write(message));
    second.socket.on('data', (message) => first.socket.write(message));
    const received = messages(first.client, 50);
    for (const message of numbered(50)) first.client.write(message);
    assert.deepEqual(await received, numbered(50));
  });

  test('is counted in a session that is saved right after it', async (t) => {
    inOlderVersion(t, SAVED);
    const { socket, client } = await connectedPair(t);
    const counters = [];
    socket.on('data', (message) => {
      socket.write(message);
      counters.push(socket.outCounter.readBigUInt64BE());
    });
    const received = messages(client, 5);
    for (const message of numbered(5)) client.write(message);
    await received;
    assert.deepEqual(
      counters,
      [0, 1, 2, 3, 4].map((number) => counters[0] + BigInt(number)),
    );
  });
});
