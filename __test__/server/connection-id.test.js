'use strict';

// Connection IDs (RFC 9146): connections outlive the address of their peer.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { BOB, HOST, connectedPair, echo, event, messages, openClient, startServer } = require('../support/endpoints.js');
const { startNat } = require('../support/nat.js');

const WITH_IDS = { serverOptions: { connectionId: 8 }, clientOptions: { connectionId: 0 } };

/** A server, and a client behind a NAT, after the handshake. */
async function behindNat(t, { serverOptions, clientOptions } = WITH_IDS) {
  const server = await startServer(t, { psk: { bob: BOB.psk }, ...serverOptions });
  const nat = await startNat(t, server.address().port);
  const client = openClient(t, { address: () => ({ port: nat.port }) }, { ...BOB, ...clientOptions });
  const [[socket]] = await Promise.all([event(server, 'secureConnection'), event(client, 'secureConnect')]);
  nat.say = () => client.write('I am here');
  return { server, socket, client, nat };
}

describe('connectionId', () => {
  test('is what each side puts into its records for the other', async (t) => {
    const options = { serverOptions: { connectionId: 8 }, clientOptions: { connectionId: 5 } };
    const { socket, client } = await connectedPair(t, options);
    assert.equal(socket.connectionId.length, 8);
    assert.equal(client.connectionId.length, 5);
    assert.deepEqual(socket.connectionId, client.peerConnectionId);
    assert.deepEqual(client.connectionId, socket.peerConnectionId);
  });

  test('may be 0 for a side that wants none', async (t) => {
    const { socket, client } = await connectedPair(t, WITH_IDS);
    assert.equal(client.peerConnectionId.length, 8);
    assert.equal(client.connectionId.length, 0);
    assert.equal(socket.peerConnectionId.length, 0);
  });

  for (const [who, options] of Object.entries({
    'only the server has it': { serverOptions: { connectionId: 8 } },
    'only the client has it': { clientOptions: { connectionId: 8 } },
    'nobody has it': {},
  })) {
    test(`is of no effect when ${who}`, async (t) => {
      const { socket, client } = await connectedPair(t, options);
      assert.equal(socket.connectionId, undefined);
      assert.equal(client.peerConnectionId, undefined);
      assert.equal(socket.session?.connection_id, undefined);
    });
  }
});

describe('a client whose NAT gives it another port', () => {
  test('keeps its connection, and is answered where it is', async (t) => {
    const { server, socket, client, nat } = await behindNat(t);
    const order = [];
    socket.on('ipChanged', (old) => order.push(['ipChanged', old.port, socket.remotePort]));
    socket.on('data', (data) => order.push(['data', data.toString()]));
    echo(socket);
    const expected = [];
    for (let round = 0; round < 5; round++) {
      const old = socket.remotePort;
      await nat.rebind();
      const answer = messages(client, 1);
      client.write(`round ${round}`);
      assert.deepEqual(await answer, [`round ${round}`]);
      expected.push(['ipChanged', old, nat.outerPort], ['data', `round ${round}`]);
    }
    assert.deepEqual(order, expected);
    assert.equal(server.stats.handshakesStarted, 1);
    assert.equal(server.stats.moves, 5);
  });

  test('is lost without connection IDs', async (t) => {
    const { server, client, nat } = await behindNat(t, {});
    await nat.rebind();
    const before = server.stats.datagramsDropped;
    client.write('nobody knows me here');
    while (server.stats.datagramsDropped === before) await new Promise(setImmediate);
    assert.equal(server.stats.moves, 0);
  });

  test('keeps its connection through a restart of the server', async (t) => {
    const { server, socket, client, nat } = await behindNat(t, {
      ...WITH_IDS,
      serverOptions: { connectionId: 8, sendClose: false, ciphers: 'PSK-AES128-GCM-SHA256' },
    });
    const id = socket.connectionId.toString('hex');
    const saved = new Map([[id, JSON.parse(JSON.stringify(socket.session))]]);
    const { port } = server.address();
    await new Promise((resolve) => server.close(resolve));
    await nat.rebind();
    const { createServer } = require('../..');
    const next = createServer({ psk: { bob: BOB.psk }, connectionId: 8 });
    t.after(() => new Promise((resolve) => next.close(resolve)));
    const asked = [];
    next.on('resumeSession', (_key, provisional, callback) => {
      asked.push(provisional.connectionId.toString('hex'));
      callback(null, saved.get(provisional.connectionId.toString('hex')));
    });
    next.on('secureConnection', echo);
    next.listen(port, HOST);
    await event(next, 'listening');
    const answer = messages(client, 1);
    client.write('still here');
    assert.deepEqual(await answer, ['still here']);
    assert.deepEqual(asked, [id]);
  });
});

describe('addressValidation', () => {
  for (const [addressValidation, least] of [
    ['rrc-basic', 0],
    ['rrc', 900],
  ]) {
    test(`'${addressValidation}' asks the client at its new address`, async (t) => {
      const { server, socket, nat } = await behindNat(t, {
        ...WITH_IDS,
        serverOptions: { connectionId: 8, addressValidation },
      });
      assert.equal(socket.addressConfirmed, true);
      const moved = [];
      socket.on('ipChanged', () => moved.push(socket.addressConfirmed));
      await nat.rebind();
      const began = Date.now();
      nat.say();
      while (moved.length === 0 || !socket.addressConfirmed) await sleep(5);
      assert.deepEqual(moved, [false]);
      assert(Date.now() - began >= least);
      const { addressChecks, addressChecksFailed } = server.stats;
      assert.deepEqual({ addressChecks, addressChecksFailed }, { addressChecks: 1, addressChecksFailed: 0 });
      assert.equal(socket.confirmAddress(), false);
    });
  }

  test("'none' believes the client at once", async (t) => {
    const { server, socket, nat } = await behindNat(t, {
      ...WITH_IDS,
      serverOptions: { connectionId: 8, addressValidation: 'none' },
    });
    await nat.rebind();
    nat.say();
    await event(socket, 'ipChanged');
    assert.equal(socket.addressConfirmed, true);
    assert.equal(server.stats.addressChecks, 0);
  });

  test('is over when the application has a proof of its own', async (t) => {
    const { server, socket, nat } = await behindNat(t);
    await nat.rebind();
    nat.say();
    await event(socket, 'ipChanged');
    assert.equal(socket.addressConfirmed, false);
    assert.equal(socket.confirmAddress(), true);
    assert.equal(socket.addressConfirmed, true);
    await sleep(50);
    assert.equal(server.stats.addressChecksFailed, 0);
  });

  test('sends three times what has come at most, and says so', async (t) => {
    const { server, socket, nat } = await behindNat(t);
    await nat.rebind();
    nat.say();
    await event(socket, 'ipChanged');
    socket.write(Buffer.alloc(1000));
    assert.equal(server.stats.datagramsWithheld, 1);
  });
});

test('a saved session with an impossible connection ID is refused', async (t) => {
  const { server, socket } = await connectedPair(t, {
    ...WITH_IDS,
    serverOptions: { connectionId: 8, ciphers: 'PSK-AES128-GCM-SHA256' },
  });
  const session = socket.session;
  const warnings = [];
  const warn = (warning) => warnings.push(warning.message);
  process.on('warning', warn);
  t.after(() => process.removeListener('warning', warn));
  const other = await startServer(t, { psk: { bob: BOB.psk }, connectionId: 8 });
  const remote = { address: HOST, port: 9 };
  for (const change of [
    { connection_id: Buffer.alloc(33) },
    { peer_connection_id: Buffer.alloc(33) },
    { connection_id: undefined },
    { connection_id: 7 },
    { connection_id: Buffer.alloc(7) },
    { return_routability: 'yes' },
  ]) {
    assert.equal(other.resumeSocket(remote, { ...session, ...change }), false, JSON.stringify(change));
  }
  assert.equal(server.stats.connections, 1);
  assert.equal(other.resumeSocket(remote, session), true);
});
