'use strict';

// The option connectionId as a function: the application makes the connection IDs.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const process = require('node:process');
const { describe, test } = require('node:test');

const { BOB, HOST, connectedPair, event, messages, openClient, startServer } = require('../support/endpoints.js');
const { startNat } = require('../support/nat.js');
const { connect, createServer } = require('../..');

const PSK = { psk: { bob: BOB.psk } };
const WITH_IDS = { ...BOB, connectionId: 0 };

/** IDs that count, and how many were made. */
function counting(prefix = []) {
  const made = [];
  const make = () => {
    const id = Buffer.from([...prefix, 0, 0, made.length >> 8, made.length & 255]);
    made.push(id.toString('hex'));
    return id;
  };
  return { made, make };
}

const hex = (socket) => socket.connectionId.toString('hex');

async function connected(t, server, way = server) {
  const client = openClient(t, way, WITH_IDS);
  const [[socket]] = await Promise.all([event(server, 'secureConnection'), event(client, 'secureConnect')]);
  return { client, socket };
}

describe('a function makes connection IDs', () => {
  test('ahead of the handshakes that use them, each once', async (t) => {
    const { made, make } = counting([0xab]);
    const server = await startServer(t, { ...PSK, connectionId: make });
    assert.equal(made.length, 64);
    const used = [];
    for (let round = 0; round < 3; round++) used.push(hex((await connected(t, server)).socket));
    assert.deepEqual(used, made.slice(0, 3));
    assert.equal(made.length, 128, 'it was asked once more when the first had been used');
  });

  test('for clients and servers alike, also when the client uses one ID all the time', async (t) => {
    const own = Buffer.from('client-1');
    const options = { serverOptions: { connectionId: counting().make }, clientOptions: { connectionId: () => own } };
    for (let round = 0; round < 2; round++) {
      const { socket, client } = await connectedPair(t, options);
      assert.deepEqual([client.connectionId, socket.peerConnectionId], [own, own]);
      assert.deepEqual(client.peerConnectionId, socket.connectionId);
    }
  });

  test('by which a connection is found behind a NAT', async (t) => {
    const make = () => Buffer.concat([Buffer.from([3, 0x1f]), randomBytes(6)]);
    const server = await startServer(t, { ...PSK, connectionId: make });
    const nat = await startNat(t, server.address().port);
    const { socket, client } = await connected(t, server, { address: () => ({ port: nat.port }) });
    await nat.rebind();
    const received = messages(socket, 1);
    client.write('here');
    assert.deepEqual(await received, ['here']);
  });

  test('that begin with the number of the node', async (t) => {
    const server = await startServer(t, { ...PSK, connectionId: counting([7]).make, nodeId: 7 });
    assert.equal((await connected(t, server)).socket.connectionId[0], 7);
    assert.throws(() => createServer({ ...PSK, connectionId: counting([8]).make, nodeId: 7 }), {
      code: 'ERR_OUT_OF_RANGE',
    });
    const clustered = createServer({ ...PSK, connectionId: counting([7]).make });
    assert.throws(() => clustered._node.become(7), { code: 'ERR_INVALID_ARG_VALUE' });
  });
});

describe('a function that makes no good connection IDs', () => {
  const cause = new Error('no more IDs');
  for (const [what, connectionId, expected] of [
    ['throws', () => assert.fail(cause), cause],
    ['returns text', () => 'text', { code: 'ERR_INVALID_ARG_TYPE' }],
    ['returns nothing', () => {}, { code: 'ERR_INVALID_ARG_TYPE' }],
    ['returns no bytes', () => Buffer.alloc(0), { code: 'ERR_OUT_OF_RANGE' }],
    ['returns too many bytes', () => randomBytes(33), { code: 'ERR_OUT_OF_RANGE' }],
  ]) {
    test(`is refused by createServer() and connect() when it ${what}`, () => {
      assert.throws(() => createServer({ ...PSK, connectionId }), expected);
      assert.throws(() => connect({ ...BOB, host: HOST, port: 9, connectionId }), expected);
    });
  }

  test('is refused by createServer() when all IDs are alike, or of several lengths', () => {
    const same = Buffer.from('same for everybody');
    assert.throws(() => createServer({ ...PSK, connectionId: () => same }), { code: 'ERR_DTLS_CONNECTION_ID' });
    // Only the last eight bytes count.
    let count = 0;
    const alike = () => Buffer.from([count++, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert.throws(() => createServer({ ...PSK, connectionId: alike }), { code: 'ERR_DTLS_CONNECTION_ID' });
    const longer = () => randomBytes(4 + count++);
    assert.throws(() => createServer({ ...PSK, connectionId: longer }), { code: 'ERR_OUT_OF_RANGE' });
  });

  test('lets connections go on without IDs when it fails later, says so once, and may recover', async (t) => {
    const warnings = [];
    const onWarning = (warning) => warnings.push(warning.code);
    process.on('warning', onWarning);
    t.after(() => process.removeListener('warning', onWarning));
    const { made, make } = counting();
    let fails = false;
    const connectionId = () => (fails ? assert.fail(cause) : make());
    const server = await startServer(t, { ...PSK, connectionId });
    fails = true;
    const ids = [];
    for (let round = 0; round < made.length + 2; round++) {
      const { client, socket } = await connected(t, server);
      ids.push(socket.connectionId);
      client.destroy();
    }
    assert.deepEqual(ids.slice(-2), [undefined, undefined]);
    assert.equal(ids.slice(0, -2).includes(undefined), false);
    assert.deepEqual(warnings, ['ERR_DTLS_CONNECTION_ID']);
    fails = false;
    await connected(t, server);
    assert.equal((await connected(t, server)).socket.connectionId.length, 4);
  });

  test('may call whatever it wants of its server', async (t) => {
    const { made, make } = counting();
    let server;
    const connectionId = () => {
      for (const socket of Object.values(server?.sockets ?? {})) socket.write('meanwhile');
      return make();
    };
    server = await startServer(t, { ...PSK, connectionId });
    for (let round = 0; round < 3; round++) await connected(t, server);
    assert.equal(made.length, 128);
  });
});
