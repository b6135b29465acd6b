'use strict';

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const { describe, test } = require('node:test');
const { inspect } = require('node:util');

const { createServer } = require('..');
const {
  BOB,
  HOST,
  connectedPair,
  event,
  messages,
  openClient,
  startServer,
  uncaught,
} = require('./support/endpoints.js');

/** How a handshake with this server ends, on its side. */
async function handshakeOutcome(t, server, options = BOB) {
  const outcome = Promise.race([
    event(server, 'secureConnection').then(() => 'secure'),
    event(server, 'clientError').then(([error]) => error),
  ]);
  openClient(t, server, options).on('error', () => {});
  return outcome;
}

describe('a look-up that goes wrong ends its own handshake, with the cause', () => {
  const failure = new Error('database down');
  const wrong = {
    'a callback that throws': () => {
      throw failure;
    },
    'a promise that is rejected': () => Promise.reject(failure),
    'a callback that is given an error': (_socket, _identity, callback) => callback(failure),
    'a callback that is given an error later': (_socket, _identity, callback) => void setImmediate(callback, failure),
  };
  for (const [title, pskCallback] of Object.entries(wrong)) {
    test(title, async (t) => {
      const error = await handshakeOutcome(t, await startServer(t, { pskCallback }));
      assert.equal(error.code, 'ERR_DTLS_LOOKUP_FAILED');
      assert.equal(error.cause, failure);
      assert.match(error.message, /database down/);
    });
  }

  for (const answer of [5, true, {}, '', Buffer.alloc(65), Symbol('key'), ['key'], { psk: 'secret' }]) {
    test(`an answer that is no key: ${inspect(answer)}`, async (t) => {
      for (const pskCallback of [() => answer, async () => answer]) {
        const error = await handshakeOutcome(t, await startServer(t, { pskCallback }));
        assert.equal(error.code, 'ERR_DTLS_LOOKUP_FAILED');
        assert.match(error.cause.code, /^ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE)$/);
      }
    });
  }

  test('anything else that is thrown', async (t) => {
    for (const thrown of [undefined, null, 'a string', Symbol('symbol'), { __proto__: null }]) {
      const pskCallback = () => {
        throw thrown;
      };
      const error = await handshakeOutcome(t, await startServer(t, { pskCallback }));
      assert.equal(error.code, 'ERR_DTLS_LOOKUP_FAILED');
    }
  });
});

describe('an answer to a look-up', () => {
  test('counts once', async (t) => {
    const pskCallback = (_socket, _identity, callback) => {
      callback(null, BOB.psk);
      callback(null, 'another key');
      callback(new Error('after all not'));
      setImmediate(callback, null, null);
      return BOB.psk;
    };
    const server = await startServer(t, { pskCallback });
    assert.equal(await handshakeOutcome(t, server), 'secure');
    assert.equal(await handshakeOutcome(t, server), 'secure');
  });

  test('may come too late', async (t) => {
    let answer;
    const pskCallback = (_socket, _identity, callback) => {
      answer = callback;
    };
    const server = await startServer(t, { pskCallback, handshakeTimeout: 100, handshakeTimeoutMin: 20 });
    const error = await handshakeOutcome(t, server);
    assert.equal(error.code, 'ERR_DTLS_HANDSHAKE_TIMEOUT');
    answer(null, BOB.psk);
    await new Promise(setImmediate);
    assert.equal(server.getConnections(), 0);
    assert.equal(server.stats.lookups, 0);
  });

  test('may come after the server has closed', async (t) => {
    const server = await startServer(t, { pskCallback: (_socket, _identity, callback) => asked(callback) });
    let asked;
    const question = new Promise((resolve) => {
      asked = resolve;
    });
    openClient(t, server).on('error', () => {});
    const answer = await question;
    await new Promise((resolve) => server.close(resolve));
    answer(null, BOB.psk);
    await new Promise(setImmediate);
  });

  test('may end the socket that asks', async (t) => {
    const pskCallback = (socket) => {
      socket.destroy();
      return BOB.psk;
    };
    const server = await startServer(t, { pskCallback });
    openClient(t, server).on('error', () => {});
    const [socket] = await event(server, 'connection');
    assert.deepEqual(await event(socket, 'close'), [false]);
  });
});

describe('a listener that throws', () => {
  const failure = new Error('bug in the application');
  const fail = () => {
    throw failure;
  };

  for (const name of ['connection', 'secureConnection']) {
    test(`on '${name}' disturbs nobody`, async (t) => {
      const server = await startServer(t, { psk: BOB.psk }, (socket) => socket.pipe(socket));
      server.once(name, fail);
      const thrown = await uncaught(() => openClient(t, server).write('hello'));
      assert.equal(thrown, failure);
      const client = openClient(t, server);
      client.write('hello');
      assert.deepEqual(await messages(client, 1), ['hello']);
    });
  }

  test("on 'clientError' leaves no socket behind", async (t) => {
    const server = await startServer(t);
    server.once('clientError', fail);
    const connection = event(server, 'connection');
    const client = openClient(t, server, { ...BOB, psk: 'wrong' });
    client.on('error', () => {});
    const closed = connection.then(([socket]) => event(socket, 'close'));
    assert.equal(await uncaught(() => connection), failure);
    assert.deepEqual(await closed, [true]);
    assert.deepEqual(Object.keys(server.sockets), []);
  });

  test("on 'secureConnect' of a client does not keep what was written from leaving", async (t) => {
    const server = await startServer(t);
    const client = openClient(t, server);
    client.write('hello');
    client.once('secureConnect', fail);
    const announced = event(server, 'secureConnection');
    assert.equal(await uncaught(() => announced), failure);
    assert.deepEqual(await messages((await announced)[0], 1), ['hello']);
  });

  test("on 'data' loses that message only", async (t) => {
    const { socket, client } = await connectedPair(t);
    socket.once('data', fail);
    assert.equal(await uncaught(() => client.write('one')), failure);
    const received = messages(socket, 2);
    client.write('two');
    client.write('three');
    assert.deepEqual(await received, ['two', 'three']);
  });

  test("on 'close' leaves the server whole", async (t) => {
    const { server, socket, client } = await connectedPair(t);
    socket.resume().once('close', fail);
    assert.equal(await uncaught(() => client.end()), failure);
    await event(openClient(t, server), 'secureConnect');
  });
});

describe('listeners may re-enter', () => {
  test('and write, end and destroy from every event', async (t) => {
    for (const act of ['write', 'end', 'destroy']) {
      for (const name of ['connection', 'secureConnection']) {
        const server = await startServer(t);
        server.on(name, (socket) => {
          socket.resume();
          if (act === 'write') socket.write('hello');
          else socket[act]();
        });
        const client = openClient(t, server);
        client.on('error', () => {});
        if (act === 'write') assert.deepEqual(await messages(client, 1), ['hello']);
        else await event(client.resume(), 'close');
        await new Promise((resolve) => server.close(resolve));
      }
    }
  });

  test('and close the server from every event', async (t) => {
    for (const name of ['listening', 'connection', 'secureConnection', 'clientError']) {
      const server = await startServer(t, { psk: { bob: BOB.psk } });
      server.once(name, () => server.close());
      if (name === 'listening') {
        await new Promise((resolve) => server.close(resolve));
        server.listen(0, HOST);
      } else {
        const key = name === 'clientError' ? 'wrong' : BOB.psk;
        openClient(t, server, { ...BOB, psk: key }).on('error', () => {});
      }
      await event(server, 'close');
    }
  });

  test("and write to another connection from 'data'", async (t) => {
    const server = await startServer(t);
    const sockets = [];
    server.on('secureConnection', (socket) => {
      sockets.push(socket);
      socket.on('data', (message) => {
        for (const other of sockets) other.write(message);
      });
    });
    const clients = [openClient(t, server), openClient(t, server), openClient(t, server)];
    await Promise.all(clients.map((client) => event(client, 'secureConnect')));
    while (sockets.length < clients.length) await event(server, 'secureConnection');
    const received = clients.map((client) => messages(client, 1));
    clients[0].write('to all');
    for (const each of received) assert.deepEqual(await each, ['to all']);
  });
});

describe('what is no DTLS', () => {
  test('is dropped and counted, and disturbs nobody', async (t) => {
    const { server, socket, client } = await connectedPair(t);
    const stranger = dgram.createSocket('udp4');
    t.after(() => stranger.close());
    const garbage = [Buffer.alloc(0), Buffer.from([0x16]), Buffer.from('GET / HTTP/1.1\r\n'), Buffer.alloc(9000, 0x17)];
    const onConnection = t.mock.fn();
    server.on('connection', onConnection);
    const before = server.stats;
    for (const datagram of garbage) stranger.send(datagram, server.address().port, HOST);
    // From the port of the live connection as well: whoever can spoof that must not be able to end it.
    for (const datagram of garbage) client.dgramSocket.send(datagram, server.address().port, HOST);
    const close = Buffer.from('15fefd00000000000000630002020a', 'hex');
    client.dgramSocket.send(close, server.address().port, HOST);

    client.write('still here');
    assert.deepEqual(await messages(socket, 1), ['still here']);
    while (server.stats.datagramsDropped < before.datagramsDropped + 2 * garbage.length) {
      await new Promise(setImmediate);
    }
    assert.equal(onConnection.mock.callCount(), 0);
    assert.equal(server.getConnections(), 1);
  });

  test('is dropped and counted by a client too', async (t) => {
    const { socket, client } = await connectedPair(t);
    const stranger = dgram.createSocket('udp4');
    t.after(() => stranger.close());
    await new Promise((resolve) => stranger.send('boo', client.localPort, HOST, resolve));
    socket.write('still here');
    assert.deepEqual(await messages(client, 1), ['still here']);
    while (client.stats.datagramsDropped === 0) await new Promise(setImmediate);
    assert.equal(client.connected, true);
  });
});

test('key material that is no good is refused at the call', () => {
  const pem = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n';
  assert.throws(() => createServer({ key: pem, cert: pem }), {
    name: 'DtlsError',
    code: /^ERR_DTLS_INVALID_(KEY|CERT)$/,
  });
  assert.throws(() => createServer({ psk: 'secret', ciphers: 'TLS_NO_SUCH_SUITE' }), {
    name: 'DtlsError',
    code: 'ERR_DTLS_INVALID_CIPHER',
    message: /TLS_NO_SUCH_SUITE/,
  });
  assert.throws(() => createServer({ psk: 'secret', ciphers: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256' }), {
    code: 'ERR_DTLS_NO_USABLE_CIPHER',
  });
});

test('debug writes to stderr, and nothing is written without', async (t) => {
  for (const debug of [0, 2]) {
    const lines = [];
    t.mock.method(process.stderr, 'write', (line) => lines.push(line));
    const { server, client } = await connectedPair(t, { serverOptions: { debug } });
    client.end();
    await event(client, 'close');
    await new Promise((resolve) => server.close(resolve));
    t.mock.restoreAll();
    if (debug === 0) assert.deepEqual(lines, []);
    else assert(lines.length > 0 && lines.every((line) => /^mbed-dtls .*\n$/.test(line)));
  }
});

test('a socket shows no key when it is printed', async (t) => {
  const { server, socket, client } = await connectedPair(t);
  for (const each of [server, socket, client]) {
    assert(!inspect(each, { depth: 20, showHidden: true }).includes(BOB.psk));
    assert(!inspect(each, { depth: 20 }).includes(Buffer.from(BOB.psk).toString('hex').match(/../g).join(' ')));
  }
});
