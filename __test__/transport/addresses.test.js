'use strict';

// Which address is which, and which one a client reaches.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const dgram = require('node:dgram');
const { describe, test } = require('node:test');

const { connect, createServer } = require('../..');
const { canonicalAddress } = require('../../lib/transport/addresses.js');
const { BOB, HOST, echo, event, freePort, messages, openClient, startServer } = require('../support/endpoints.js');
const { SAVED, inOlderVersion } = require('../support/older-version.js');

const OPTIONS = { psk: { [BOB.pskIdentity]: BOB.psk } };

/** A server that listens where these arguments of listen() say. */
async function serve(t, ...where) {
  const server = createServer(OPTIONS, echo);
  t.after(() => server.close());
  server.listen(...where);
  await event(server, 'listening');
  return server;
}

async function assertEchoes(client) {
  const echoed = messages(client, 1);
  client.write('hello');
  assert.deepEqual(await echoed, ['hello']);
}

/** A lookup that finds these addresses. */
const finds = (addresses) => (_host, _family, callback) =>
  callback(
    null,
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
  );

/** A UDP socket that takes everything and answers nothing. */
async function deaf(t, address, port) {
  const udp = dgram.createSocket('udp4').bind(port, address);
  t.after(() => udp.close());
  await event(udp, 'listening');
}

describe('a server that listens on a port alone', () => {
  test('is reached by a client that names a port alone', async (t) => {
    const server = await serve(t, 0);
    await assertEchoes(openClient(t, server, { ...BOB, host: undefined }));
  });

  for (const host of ['127.0.0.1', '::1', 'localhost', '0.0.0.0', '::', '::ffff:127.0.0.1']) {
    test(`is reached as ${host}`, async (t) => {
      const server = await serve(t, 0);
      await assertEchoes(openClient(t, server, { ...BOB, host }));
    });
  }

  test("is on IPv4 alone with type 'udp4'", async (t) => {
    const server = createServer({ ...OPTIONS, type: 'udp4' });
    t.after(() => server.close());
    server.listen(0);
    await event(server, 'listening');
    assert.equal(server.address().address, '0.0.0.0');
  });
});

describe('an IPv4 peer of a dual-stack server', () => {
  test('has its IPv4 address in events, keys and answers', async (t) => {
    inOlderVersion(t, SAVED);
    const server = await serve(t, 0, '::');
    const client = openClient(t, server);
    const [socket] = await event(server, 'secureConnection');
    assert.equal(socket.remoteAddress, HOST);
    assert.equal(socket.remoteFamily, 'IPv4');
    assert.deepEqual(Object.keys(server.sockets), [`${HOST}:${client.localPort}`]);

    const { session, remotePort: port } = socket;
    socket.reset();
    assert.equal(server.resumeSocket({ address: `::ffff:${HOST}`, port }, session), true);
    assert.deepEqual(Object.keys(server.sockets), [`${HOST}:${port}`]);
    server.sockets[`${HOST}:${port}`].on('data', (data) => server.sockets[`${HOST}:${port}`].write(data));
    await assertEchoes(client);
  });

  test('has it on a given UDP socket too', async (t) => {
    const udp = dgram.createSocket('udp6');
    const server = createServer({ ...OPTIONS, socket: udp }, echo);
    t.after(() => server.close());
    server.listen(0);
    await event(server, 'listening');
    const client = openClient(t, server);
    const [socket] = await event(server, 'secureConnection');
    assert.equal(socket.remoteAddress, HOST);
    await assertEchoes(client);
  });

  test('has one form, however it is written', () => {
    for (const [written, canonical] of [
      ['192.0.2.1', '192.0.2.1'],
      ['::ffff:192.0.2.1', '192.0.2.1'],
      ['::FFFF:c000:0201', '192.0.2.1'],
      ['0:0:0:0:0:0:0:1', '::1'],
      ['FE80::1%eth0', 'fe80::1%eth0'],
    ]) {
      assert.equal(canonicalAddress(written), canonical);
    }
  });
});

describe('a name with several addresses', () => {
  test('is reached at the second when the first is silent', async (t) => {
    const server = await startServer(t, OPTIONS, echo);
    await deaf(t, '127.0.0.9', server.address().port);
    const client = openClient(t, server, { ...BOB, host: 'two.test', lookup: finds(['127.0.0.9', HOST]) });
    await event(client, 'secureConnect');
    assert.equal(client.remoteAddress, HOST);
    await assertEchoes(client);
    assert.equal(server.getConnections(), 1);
  });

  test('is reached at the second at once when the first is refused', async (t) => {
    const server = await startServer(t, OPTIONS, echo);
    const client = openClient(t, server, { ...BOB, host: 'two.test', lookup: finds(['::1', HOST]) });
    const began = performance.now();
    await event(client, 'secureConnect');
    assert(performance.now() - began < 5000);
    assert.equal(client.remoteAddress, HOST);
    await assertEchoes(client);
  });

  test('stays at the first when that has answered and takes its time', async (t) => {
    const slow = createServer({
      pskCallback: () => new Promise((resolve) => setTimeout(resolve, 600, BOB.psk)),
    });
    t.after(() => slow.close());
    slow.listen(0, HOST);
    await event(slow, 'listening');
    const other = createServer(OPTIONS);
    t.after(() => other.close());
    other.listen(slow.address().port, '127.0.0.9');
    await event(other, 'listening');
    const client = openClient(t, slow, { ...BOB, host: 'two.test', lookup: finds([HOST, '127.0.0.9']) });
    await event(client, 'secureConnect');
    assert.equal(client.remoteAddress, HOST);
    assert.equal(other.stats.datagramsReceived, 0);
  });

  test('at none of which anybody listens is refused', async (t) => {
    const client = connect({ ...BOB, port: await freePort(), host: 'two.test', lookup: finds(['::1', HOST]) });
    t.after(() => client.destroy());
    const [error] = await event(client, 'error');
    assert.equal(error.code, 'ECONNREFUSED');
  });
});

/** Whether this test may make a network of its own, in which there is nothing at all. */
const noNetwork = spawnSync('unshare', ['-n', 'true']).status === 0 ? false : 'no network namespaces here';

test('a network without a route is an error at once', { skip: noNetwork }, () => {
  const script = `
    const { connect } = require(${JSON.stringify(require.resolve('../..'))});
    const client = connect({ psk: 'secret', pskIdentity: 'bob', host: '192.0.2.1', port: 5684 });
    client.on('error', ({ code, address, port }) => console.log(code, address, port));
  `;
  const { stdout } = spawnSync('unshare', ['-n', process.execPath, '-e', script], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  assert.equal(stdout, 'ENETUNREACH 192.0.2.1 5684\n');
});

describe('a port that is closed', () => {
  test('is an error at once, with the address and the port', async (t) => {
    const port = await freePort();
    const client = connect({ ...BOB, host: HOST, port });
    t.after(() => client.destroy());
    const began = performance.now();
    const [error] = await event(client, 'error');
    assert.equal(error.code, 'ECONNREFUSED');
    assert.equal(error.address, HOST);
    assert.equal(error.port, port);
    assert(performance.now() - began < 10_000);
  });

  test('and opens a moment later is tried again', async (t) => {
    const port = await freePort();
    const client = connect({ ...BOB, host: HOST, port });
    t.after(() => client.destroy());
    const server = createServer(OPTIONS, echo);
    t.after(() => server.close());
    setTimeout(() => server.listen(port, HOST), 50);
    await event(client, 'secureConnect');
    await assertEchoes(client);
  });

  test('does not end an established connection: anybody can forge ICMP', async (t) => {
    inOlderVersion(t, SAVED);
    const server = await startServer(t, OPTIONS, echo);
    const client = openClient(t, server);
    const [socket] = await event(server, 'secureConnection');
    const { port } = server.address();
    const { session } = socket;
    // The server is gone without a word, and back.
    socket.reset();
    await new Promise((resolve) => server.close(resolve));
    for (let count = 0; count < 5; count++) {
      client.write('into the void');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(client.connected, true);
    server.listen(port, HOST);
    await event(server, 'listening');
    server.once('secureConnection', echo);
    assert.equal(server.resumeSocket({ address: HOST, port: client.localPort }, session), true);
    await assertEchoes(client);
  });
});
