'use strict';

// A server that takes the UDP socket and the connections of its predecessor over.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { createServer } = require('../..');
const { Succession } = require('../../lib/exports/handover');
const native = require('../../lib/native');
const { defaults } = require('../../lib/options/defaults');
const { BOB, HOST, echo, event, openClient } = require('../support/endpoints.js');

const OPTIONS = { psk: { bob: BOB.psk } };
const PORT = 0;
const skip = process.platform === 'win32' && 'skipped (no descriptors are passed on here)';

/** A path in a directory of its own. */
function newPath(t) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-'));
  t.after(() => fs.rmSync(directory, { recursive: true }));
  return path.join(directory, 'handover');
}

async function serve(t, handover, listener = echo, host = HOST) {
  const server = createServer(OPTIONS, listener);
  server.listen({ port: PORT, host, handover });
  t.after(() => new Promise((resolve) => server.close(resolve)));
  await event(server, 'listening');
  return server;
}

describe('A successor', { skip: skip || (!defaults.nativeUdp && 'skipped (only Node has the UDP socket)') }, () => {
  for (const host of [HOST, '0.0.0.0']) {
    const what = `takes over again and again at ${host}, and loses nothing of a thousand messages a second`;
    test(what, (t) => takesOver(t, host));
  }

  async function takesOver(t, host) {
    const handover = { path: newPath(t), key: randomBytes(32) };
    const first = await serve(t, handover, echo, host);
    const { port } = first.address();
    const client = openClient(t, first);
    await event(client, 'secureConnect');
    const answered = new Set();
    client.on('data', (message) => answered.add(message.toString()));
    let sent = 0;
    const timer = setInterval(() => {
      for (let count = 0; count < 5; count++) client.write(`message ${sent++}`);
    }, 5);
    let server = first;
    for (let count = 0; count < 3; count++) {
      await sleep(60);
      const closed = event(server, 'close');
      server = await serve(t, handover, echo, host);
      await closed;
      assert.equal(server.address().port, port);
      assert.equal(server.getConnections(), 1);
    }
    await sleep(60);
    clearInterval(timer);
    for (let count = 0; count < 100 && answered.size < sent; count++) await sleep(20);
    assert.equal(answered.size, sent);
    assert.deepEqual(fs.readdirSync(path.dirname(handover.path)), ['handover']);
  }

  test('without the key gets nothing, and its predecessor goes on', async (t) => {
    const handover = { path: newPath(t), key: randomBytes(32) };
    const server = await serve(t, handover);
    const warning = event(process, 'warning');
    const impostor = createServer(OPTIONS);
    const [error] = await new Promise((resolve) => {
      impostor.once('error', (...args) => resolve(args));
      impostor.listen({ port: PORT, host: HOST, handover: { ...handover, key: randomBytes(32) } });
    });
    assert.equal(error.code, 'ERR_DTLS_HANDOVER_REFUSED');
    assert.equal((await warning)[0].code, 'ERR_DTLS_HANDOVER_REFUSED');
    assert.equal(server.listening, true);
    const client = openClient(t, server);
    await event(client, 'secureConnect');
  });

  test('does not give the key away to whoever listens at the path', async (t) => {
    const handover = { path: newPath(t), key: randomBytes(32) };
    const heard = [];
    const impostor = net.createServer((stream) => {
      stream.write(Buffer.concat([Buffer.from('mbed-dtls handover 1'), randomBytes(32)]));
      stream.on('data', (bytes) => {
        heard.push(bytes);
        stream.end(randomBytes(32));
      });
      stream.on('error', () => {});
    });
    await new Promise((resolve) => impostor.listen(handover.path, resolve));
    t.after(() => impostor.close());
    const server = createServer(OPTIONS);
    server.listen({ port: PORT, host: HOST, handover });
    const [error] = await event(server, 'error');
    assert.equal(error.code, 'ERR_DTLS_HANDOVER_REFUSED');
    assert.equal(Buffer.concat(heard).includes(handover.key), false);
  });

  test('that speaks the protocol without the key gets neither the UDP socket nor a proof', async (t) => {
    const handover = { path: newPath(t), key: randomBytes(32) };
    const server = await serve(t, handover);
    const warning = event(process, 'warning');
    // Its inbox is a good one.
    const inboxPath = `${handover.path}.inbox`;
    const inbox = new native.DescriptorInbox(inboxPath);
    const stream = net.connect({ path: handover.path });
    const heard = [];
    stream.on('data', (bytes) => heard.push(bytes));
    stream.on('error', () => {});
    const [greeting] = await event(stream, 'data');
    const name = Buffer.from(inboxPath);
    stream.write(Buffer.concat([randomBytes(32 + 32), Buffer.of(name.length), name]));
    await event(stream, 'close');
    assert.equal((await warning)[0].code, 'ERR_DTLS_HANDOVER_REFUSED');
    assert.deepEqual(Buffer.concat(heard), greeting);
    assert.equal(inbox.receive(randomBytes(32)), null);
    assert.equal(server.listening, true);
  });

  /** A server whose one connection is more than the system keeps for a successor, and what that one reads, or not. */
  async function handingOver(t) {
    const handover = { path: newPath(t), key: randomBytes(32) };
    const server = await serve(t, handover, (socket) => {
      socket.data = 'x'.repeat(4_000_000);
    });
    const client = openClient(t, server);
    await event(client, 'secureConnect');
    const closed = event(server, 'close').then(() => 'closed');
    const { fd, source, key } = await new Succession(handover).begin();
    t.after(() => fs.closeSync(fd));
    return { closed, source, key };
  }

  test('has everything before its predecessor is closed, which may end its process then', async (t) => {
    const { closed, source, key } = await handingOver(t);
    assert.equal(await Promise.race([closed, sleep(100, 'not yet')]), 'not yet');
    const next = createServer(OPTIONS);
    assert.deepEqual(await next.importConnections(source, { key, claim: () => true }), { imported: 1, refused: 0 });
    assert.equal(await closed, 'closed');
  });

  test('that dies before it has everything is a warning of its predecessor, which is closed', async (t) => {
    const { closed, source } = await handingOver(t);
    const warning = event(process, 'warning');
    source.destroy();
    assert.match((await warning)[0].message, /the successor has not taken all connections, and they are lost: /);
    assert.equal(await closed, 'closed');
  });

  test('that reads nothing for a minute counts as dead', async (t) => {
    const { setTimeout: start } = net.Socket.prototype;
    const delays = [];
    // Without the minute.
    t.mock.method(net.Socket.prototype, 'setTimeout', function soon(delay, callback) {
      delays.push(delay);
      return start.call(this, 20, callback);
    });
    const warning = event(process, 'warning');
    const { closed } = await handingOver(t);
    assert.match((await warning)[0].message, /, and they are lost: it reads nothing$/);
    assert.equal(await closed, 'closed');
    assert.deepEqual(delays, [60_000]);
  });

  test('gets nothing as long as something has no form outside of the process, and its predecessor goes on', async (t) => {
    const handover = { path: newPath(t), key: randomBytes(32) };
    const sockets = [];
    const first = await serve(t, handover, (socket) => sockets.push(echo(socket) ?? socket));
    const client = openClient(t, first);
    await event(client, 'secureConnect');
    client.write('hello');
    await event(client, 'data');
    sockets[0].data = 5n;
    const warning = event(process, 'warning');
    const second = createServer(OPTIONS);
    second.listen({ port: PORT, host: HOST, handover });
    assert.equal((await event(second, 'error'))[0].code, 'ERR_DTLS_EXPORT_INCOMPLETE');
    assert.match((await warning)[0].message, /BigInt/);
    client.write('hello again');
    await event(client, 'data');
    sockets[0].data = 5;
    const third = await serve(t, handover);
    assert.equal(third.getConnections(), 1);
  });

  test('takes the place of one that has left its path behind', async (t) => {
    const handover = { path: newPath(t), key: randomBytes(32) };
    fs.writeFileSync(handover.path, '');
    const server = await serve(t, handover);
    assert.equal(server.getConnections(), 0);
  });
});

test('The options of a handover are checked', { skip }, () => {
  const listen = (handover) => () => createServer(OPTIONS).listen({ port: 0, handover });
  const key = randomBytes(32);
  assert.throws(listen({ key }), { code: 'ERR_MISSING_OPTION' });
  assert.throws(listen({ path: 'x' }), { code: 'ERR_MISSING_OPTION' });
  assert.throws(listen({ path: 1, key }), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(listen({ path: 'x', key: Buffer.alloc(8) }), { code: 'ERR_INVALID_ARG_VALUE' });
});
