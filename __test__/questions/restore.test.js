'use strict';

// Saved connections that go on in a new process, from the same address and from another one.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { inspect } = require('node:util');

const { connect, createServer } = require('../..');
const { BOB, HOST, connectedPair, event, heardBy, messages, startServer } = require('../support/endpoints.js');
const { announcement, openDevice } = require('../support/device.js');
const { SAVED, inOlderVersion } = require('../support/older-version.js');

const CIPHER = 'PSK-AES128-CCM8';
const OPTIONS = { psk: BOB.psk, ciphers: CIPHER };

/** The server process, for whose lines of output a test can wait. */
class Service {
  constructor(t, file, port = 0) {
    const script = path.join(__dirname, '..', 'support', 'device-service.js');
    this.child = spawn(process.execPath, [script, file, port], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => this.child.kill('SIGKILL'));
    this.lines = [];
    readline.createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.lines.push(line);
      this.child.emit('line');
    });
  }

  async said(start) {
    const signal = AbortSignal.timeout(10_000);
    for (;;) {
      const line = this.lines.find((candidate) => candidate.startsWith(start));
      if (line !== undefined) return line;
      await once(this.child, 'line', { signal });
    }
  }

  async port() {
    return Number((await this.said('listening')).split(' ')[1]);
  }

  async kill() {
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
}

/** A device that has talked to a server, the server's file, and the port, after the server was killed. */
async function killedService(t) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-'));
  t.after(() => fs.rmSync(directory, { recursive: true }));
  const file = path.join(directory, 'store.json');
  const service = new Service(t, file);
  const port = await service.port();
  const device = await openDevice(t, port, { id: Buffer.from(BOB.pskIdentity), ciphers: CIPHER });
  const echoed = messages(device.client, 1);
  device.client.write('before');
  assert.deepEqual(await echoed, ['echo before']);
  await service.kill();
  return { device, file, port };
}

describe('a connection survives the end of its server process', () => {
  test('from the same address, without a handshake, and no old message is delivered again', async (t) => {
    const { device, file, port } = await killedService(t);
    const recorded = device.sent.at(-1);
    for (const restart of [1, 2]) {
      const service = new Service(t, file, port);
      await service.port();
      const echoed = messages(device.client, 1);
      device.client.write(`after restart ${restart}`);
      assert.deepEqual(await echoed, [`echo after restart ${restart}`]);
      device.sendRaw(recorded);
      const again = messages(device.client, 1);
      device.client.write('again');
      assert.deepEqual(await again, ['echo again']);
      assert.deepEqual(service.lines.slice(1), ['resumed bob', `data after restart ${restart}`, 'data again']);
      await service.kill();
    }
  });

  test('from another address', async (t) => {
    const { device, file, port } = await killedService(t);
    const service = new Service(t, file, port);
    await service.port();
    await device.move();
    device.announce = true;
    const echoed = messages(device.client, 1);
    device.client.write('moved meanwhile');
    assert.deepEqual(await echoed, ['echo moved meanwhile']);
    assert.deepEqual(service.lines.slice(1), ['resumed bob', 'moved bob', 'data moved meanwhile']);
  });

  test('from the same address, although it announces another', async (t) => {
    const { device, file, port } = await killedService(t);
    const service = new Service(t, file, port);
    await service.port();
    device.announce = true;
    const echoed = messages(device.client, 1);
    device.client.write('did I move?');
    assert.deepEqual(await echoed, ['echo did I move?']);
    assert.deepEqual(service.lines.slice(1), ['resumed bob', 'data did I move?']);
  });

  test('but recorded datagrams do not bring it back', async (t) => {
    const { device, file, port } = await killedService(t);
    const service = new Service(t, file, port);
    await service.port();
    device.sendRaw(device.sent.at(-1));
    await device.move();
    device.sendRaw(announcement(device.sent.at(-1), device.id));
    while (service.lines.length < 3) await sleep(10);
    // Nothing else follows.
    await sleep(100);
    assert.deepEqual(service.lines.slice(1).sort(), ['lost ', 'lost 626f62']);
  });
});

describe('a saved session', () => {
  test('is there from the end of the handshake to the end of the connection', async (t) => {
    inOlderVersion(t, SAVED);
    const server = await startServer(t);
    const connection = event(server, 'connection');
    const client = connect({ ...BOB, host: HOST, port: server.address().port });
    t.after(() => client.destroy());
    const [socket] = await connection;
    for (const side of [socket, client]) {
      assert.equal(side.session, undefined);
      assert.deepEqual(side.outCounter, Buffer.alloc(8));
    }
    await Promise.all([event(client, 'secureConnect'), event(server, 'secureConnection')]);
    for (const side of [socket, client]) {
      const { session } = side;
      assert.deepEqual(session.randbytes, socket.session.randbytes);
      assert.deepEqual(session.master, client.session.master);
      assert.equal(session.randbytes.length, 64);
      assert.equal(session.master.length, 48);
      assert.equal(session.in_epoch, 1);
      assert.deepEqual(session.out_ctr, side.outCounter);
      assert.deepEqual(Object.keys(session).slice(0, 6), [
        'ciphersuite',
        'randbytes',
        'id',
        'master',
        'in_epoch',
        'out_ctr',
      ]);
    }
    const before = socket.outCounter.readBigUInt64BE();
    socket.write('one');
    assert.equal(socket.outCounter.readBigUInt64BE(), before + 1n);
    client.end();
    await event(socket.resume(), 'close');
    assert.equal(socket.session, undefined);
    assert.deepEqual(socket.outCounter, Buffer.alloc(8));
  });

  const forms = {
    'as it is': (session) => session,
    'from JSON': (session) => JSON.parse(JSON.stringify(session)),
    'with bytes in base64': (session) => mapBytes(session, (bytes) => bytes.toString('base64')),
    'with Uint8Arrays': (session) => mapBytes(session, (bytes) => new Uint8Array(bytes)),
    "with node-mbed-dtls's six fields only": ({ ciphersuite, randbytes, id, master, in_epoch, out_ctr }) => {
      return { ciphersuite, randbytes, id, master, in_epoch, out_ctr };
    },
  };
  for (const [form, change] of Object.entries(forms)) {
    test(`goes on ${form}, with resumeSocket()`, async (t) => {
      const { device, session, address } = await savedDevice(t);
      const server = await startServer(t, OPTIONS);
      device.port = server.address().port;
      const order = [];
      server.on('connection', (socket) => order.push(['connection', socket.connected]));
      server.on('secureConnection', (socket, saved) => order.push(['secureConnection', socket.connected, saved]));
      const saved = change(session);
      assert.equal(server.resumeSocket(address, saved), true);
      assert.deepEqual(order, [
        ['connection', false],
        ['secureConnection', true, saved],
      ]);
      const socket = server.sockets[`${HOST}:${address.port}`];
      assert.equal(socket.resumed, true);
      assert.equal(socket.selfRestored, true);
      assert.equal(socket.getCipher().name, CIPHER);
      assert.deepEqual(socket.pskIdentity?.toString(), form.includes('six') ? undefined : 'bob');
      assert.equal(server.getConnections(), 1);

      const heard = messages(device.client, 1);
      socket.write('first word');
      assert.deepEqual(await heard, ['first word']);
      const received = messages(socket, 1);
      device.client.write('and an answer');
      assert.deepEqual(await received, ['and an answer']);
      // It can be saved once more.
      assert.deepEqual(socket.session.master, session.master);

      assert.equal(server.resumeSocket(address, saved), false);
      assert.equal(server.getConnections(), 1);
    });
  }

  test('goes on with resumeSession, and a listener misses nothing', async (t) => {
    const { device, session, address } = await savedDevice(t);
    const server = await startServer(t, OPTIONS);
    device.port = server.address().port;
    const order = [];
    server.on('resumeSession', (key, socket, callback) => {
      order.push(['resumeSession', key, socket.connected, socket.remotePort]);
      setImmediate(callback, null, session);
    });
    server.on('connection', (socket) => {
      order.push(['connection']);
      socket.on('data', (data) => order.push(['data', data.toString()]));
    });
    server.on('secureConnection', (socket) => {
      order.push(['secureConnection', socket.resumed, socket.selfRestored]);
      socket.write('welcome back');
    });
    const heard = messages(device.client, 1);
    device.client.write('one');
    device.client.write('two');
    assert.deepEqual(await heard, ['welcome back']);
    assert.deepEqual(order, [
      ['resumeSession', `${HOST}:${address.port}`, false, address.port],
      ['connection'],
      ['secureConnection', true, false],
      ['data', 'one'],
      ['data', 'two'],
    ]);
    assert.equal(server.stats.lookups, 0);
    assert.equal(server.getConnections(), 1);
  });

  test("goes on in a tick after the answer, so that what its listeners throw is not the answer's", async (t) => {
    const { device, session } = await savedDevice(t);
    const server = await startServer(t, OPTIONS);
    device.port = server.address().port;
    const order = [];
    server.on('secureConnection', () => order.push('secureConnection'));
    const asked = new Promise((resolve) => {
      server.on('resumeSession', (_key, _socket, callback) => {
        callback(null, session);
        order.push('answered');
        setImmediate(resolve);
      });
    });
    device.client.write('hello');
    await asked;
    assert.deepEqual(order, ['answered', 'secureConnection']);
  });

  test('goes on with socket.resumeSession(), which answers at once', async (t) => {
    const { device, session } = await savedDevice(t);
    const server = await startServer(t, OPTIONS);
    device.port = server.address().port;
    const answers = [];
    server.on('resumeSession', (_key, socket, callback) => {
      answers.push(socket.resumeSession(session), socket.connected, socket.resumeSession(session));
      callback(null, null);
    });
    const secure = event(server, 'secureConnection');
    device.client.write('hello');
    const [socket] = await secure;
    assert.deepEqual(await messages(socket, 1), ['hello']);
    assert.deepEqual(answers, [true, true, false]);
    assert.equal(socket.resumeSession(session), false);
    assert.equal(device.client.resumeSession(session), false);
  });

  test('of which the same copy is restored again and again never repeats a record number', async (t) => {
    const { device, session, address } = await savedDevice(t);
    let highest = 0n;
    for (let restart = 0; restart < 3; restart++) {
      const server = await startServer(t, { ...OPTIONS, sendClose: false });
      device.port = server.address().port;
      assert.equal(server.resumeSocket(address, session), true);
      const socket = server.sockets[`${HOST}:${address.port}`];
      const heard = messages(device.client, 20);
      for (let count = 0; count < 20; count++) {
        const number = socket.outCounter.readBigUInt64BE();
        assert(number > highest, `${number} after ${highest}`);
        highest = number;
        socket.write(`${count}`);
      }
      await heard;
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe('a saved session that cannot be used', () => {
  const wrong = {
    nothing: () => undefined,
    'a number': () => 5,
    'an empty object': () => ({}),
    'a stranger: of another connection': async (t) => (await connectedPair(t)).socket.session,
    ...Object.fromEntries(
      ['ciphersuite', 'randbytes', 'id', 'master', 'in_epoch', 'out_ctr'].flatMap((name) =>
        [undefined, null, 5.5, -1, 65_536, 'no base64!', Buffer.alloc(7), { type: 'Buffer' }, [1, 2], {}].map(
          (value) => [`${name}: ${inspect(value)}`, (_t, session) => ({ ...session, [name]: value })],
        ),
      ),
    ),
    ...Object.fromEntries(
      [null, -1, 1.5, '2026', 2 ** 60, Number.NaN].map((value) => [
        `saved_at: ${inspect(value)}`,
        (_t, session) => ({ ...session, saved_at: value }),
      ]),
    ),
    'in_window: true': (_t, session) => ({ ...session, in_window: true }),
    'psk_identity: 5': (_t, session) => ({ ...session, psk_identity: 5 }),
    'a suite that does not exist': (_t, session) => ({ ...session, ciphersuite: 1 }),
    'a record number that is used up': (_t, session) => ({ ...session, out_ctr: Buffer.alloc(8, 255) }),
    'a JSON text': (_t, session) => JSON.stringify(session),
    'bytes that are no bytes': (_t, session) => ({ ...session, master: { type: 'Buffer', data: Array(48).fill(256) } }),
    'something that throws when it is looked at': (_t, session) => ({
      ...session,
      get master() {
        throw new Error('revoked proxy');
      },
    }),
  };
  test('is refused, and ends nothing else', async (t) => {
    const { device, session, address } = await savedDevice(t);
    const server = await startServer(t, OPTIONS);
    device.port = server.address().port;
    server.on('clientError', (error) => assert.match(error.code, /^ERR_DTLS_(INVALID_SESSION|LOOKUP_FAILED)$/));
    for (const [title, change] of Object.entries(wrong)) {
      const bad = await change(t, session);
      // An id may be shorter, and Mbed TLS does not need one.
      if (title.startsWith('id: <Buffer')) continue;
      if (!title.startsWith('a stranger')) assert.equal(server.resumeSocket(address, bad), false, title);
      const closed = new Promise((resolve) => {
        server.once('resumeSession', (_key, socket, callback) => {
          socket.once('close', resolve);
          callback(null, bad);
        });
      });
      device.client.write('is anybody there?');
      assert.equal(await closed, false, title);
    }
    assert.equal(server.stats.connections, 0);
    assert.equal(server.stats.lookups, 0);
    assert.equal(server.resumeSocket(address, session), true);
  });

  const failure = new Error('database down');
  for (const [title, answer] of Object.entries({
    'an error': (_key, _socket, callback) => callback(failure),
    'a late error': (_key, _socket, callback) => void setImmediate(callback, failure),
    'an exception': () => {
      throw failure;
    },
    'a promise that is rejected': () => Promise.reject(failure),
  })) {
    test(`leads to a clientError with its cause when the answer is ${title}`, async (t) => {
      const { device } = await savedDevice(t);
      const server = await startServer(t, OPTIONS);
      device.port = server.address().port;
      server.on('resumeSession', answer);
      const refusal = event(server, 'clientError');
      device.client.write('hello');
      const [error, socket] = await refusal;
      assert.equal(error.code, 'ERR_DTLS_LOOKUP_FAILED');
      assert.equal(error.cause, failure);
      assert.equal(error.port, socket.remotePort);
      assert.equal(server.stats.lookups, 0);
    });
  }

  test('and answers that come twice, late or never do nothing', async (t) => {
    const { device, session } = await savedDevice(t);
    const server = await startServer(t, { ...OPTIONS, handshakeTimeout: 100 });
    device.port = server.address().port;
    const callbacks = [];
    server.on('resumeSession', (_key, socket, callback) => callbacks.push({ socket, callback }));
    device.client.write('never answered');
    while (callbacks.length < 1) await sleep(1);
    while (!callbacks[0].socket.destroyed) await sleep(10);
    callbacks[0].callback(null, session);
    assert.equal(callbacks[0].socket.resumeSession(session), false);

    device.client.write('closed by the application');
    while (callbacks.length < 2) await sleep(1);
    callbacks[1].socket.destroy();
    callbacks[1].callback(null, session);
    assert.equal(server.getConnections(), 0);

    const secure = event(server, 'secureConnection');
    device.client.write('answered twice');
    while (callbacks.length < 3) await sleep(1);
    callbacks[2].callback(null, session);
    callbacks[2].callback(failure);
    callbacks[2].callback(null, null);
    const [socket] = await secure;
    assert.deepEqual(await messages(socket, 1), ['answered twice']);
    assert.equal(server.getConnections(), 1);
  });

  test('is asked for only while the event has listeners, also after removeAllListeners()', async (t) => {
    const { device } = await savedDevice(t);
    const server = await startServer(t, OPTIONS);
    device.port = server.address().port;
    const asked = t.mock.fn((_key, _socket, callback) => callback());
    await heardBy(server, () => device.client.write('nobody'));
    server.once('resumeSession', asked);
    device.client.write('once');
    while (asked.mock.callCount() === 0) await sleep(1);
    await heardBy(server, () => device.client.write('nobody any more'));
    server.on('resumeSession', asked).removeAllListeners();
    await heardBy(server, () => device.client.write('nobody again'));
    server.prependListener('resumeSession', asked);
    device.client.write('twice');
    while (asked.mock.callCount() === 1) await sleep(1);
    server.off('resumeSession', asked);
    assert.equal(asked.mock.callCount(), 2);
  });
});

describe('resumeSocket()', () => {
  test('requires an address', async (t) => {
    const server = await startServer(t, OPTIONS);
    for (const remote of [undefined, null, 5, {}, { address: 'localhost', port: 5 }, { address: HOST }]) {
      assert.throws(() => server.resumeSocket(remote, {}), { code: 'ERR_INVALID_ARG_TYPE' });
    }
    assert.throws(() => server.resumeSocket({ address: HOST, port: 0 }, {}), { code: 'ERR_OUT_OF_RANGE' });
  });

  test('requires a server that listens', () => {
    const server = createServer(OPTIONS);
    assert.throws(() => server.resumeSocket({ address: HOST, port: 5 }, {}), { code: 'ERR_SERVER_NOT_RUNNING' });
  });
});

/** A device with an open connection whose server has gone, and its saved session. */
async function savedDevice(t) {
  const server = createServer({ ...OPTIONS, sendClose: false });
  server.listen(0, HOST);
  await event(server, 'listening');
  const secure = event(server, 'secureConnection');
  const device = await openDevice(t, server.address().port, { ciphers: CIPHER });
  const [socket] = await secure;
  const received = messages(socket, 1);
  device.client.write('hello');
  await received;
  const { session } = socket;
  await new Promise((resolve) => server.close(resolve));
  return { device, session, address: device.address };
}

function mapBytes(session, change) {
  return Object.fromEntries(
    Object.entries(session).map(([name, value]) => [name, Buffer.isBuffer(value) ? change(value) : value]),
  );
}
