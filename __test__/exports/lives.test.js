'use strict';

// Lives of connections of DTLS 1.3 that were exported, as the wire shows them: whoever imports what, and when, no number of a record
// is used twice.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const process = require('node:process');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { buffer } = require('node:stream/consumers');

const { importConnection } = require('../..');
const { clockAhead } = require('../support/clock.js');
const { BOB, connectedPair, event, messages, startServer } = require('../support/endpoints.js');
const {
  NEWER,
  OLDER,
  ask,
  assertNoNonceTwice,
  connectDevice,
  countNonces,
  lackingNewer,
  push,
  startNode,
  storedKey,
} = require('../support/fleet.js');
const { lacking, startRedis } = require('../support/redis.js');

const KEY = randomBytes(32);
const DAY = 86_400;
const OPTIONS = { psk: { bob: BOB.psk }, maxVersion: 'DTLSv1.3' };

/** A server that answers with its name, and a device that talks to it through a balancer. */
async function serve(t) {
  const server = await startServer(t, OPTIONS, (socket) => {
    socket.on('data', (message) => socket.write(`A ${message}`));
  });
  const device = await connectDevice(t, server.address().port, NEWER);
  assert.equal(await ask(device.client, 'hello'), 'A hello');
  return { server, ...device };
}

async function exported(server) {
  const closed = event(server, 'close');
  const bytes = await buffer(server.exportConnections({ key: KEY }));
  await closed;
  return bytes;
}

/** A directory in which a file stands for a claim, and one for the export. */
function place(t, bytes) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-'));
  t.after(() => fs.rmSync(directory, { recursive: true }));
  const file = path.join(directory, 'export');
  fs.writeFileSync(file, bytes);
  return { directory, file };
}

/** Another process that imports: what has come of it. It lives on. */
async function importElsewhere(t, { directory, file }, count, env = {}) {
  const program = path.join(__dirname, '..', 'support', 'import-child.js');
  const args = [program, file, KEY.toString('hex'), directory, String(count)];
  const stdio = ['ignore', 'pipe', 'ignore'];
  const child = spawn(process.execPath, args, { stdio, env: { ...process.env, ...env } });
  t.after(() => child.kill('SIGKILL'));
  const [line] = await event(child.stdout, 'data');
  return JSON.parse(line);
}

/** Answers true to the first who asks. */
function once() {
  let isClaimed = false;
  return () => {
    const wasClaimed = isClaimed;
    isClaimed = true;
    return !wasClaimed;
  };
}

describe('An export of DTLS 1.3', { skip: lackingNewer }, () => {
  test('has one life when two processes restore it at once', async (t) => {
    const { server, balancer, client, nonces } = await serve(t);
    client.resume();
    await push(Object.values(server.sockets)[0], 100);
    const shared = place(t, await exported(server));
    const lives = await Promise.all([importElsewhere(t, shared, 500), importElsewhere(t, shared, 500)]);
    assert.deepEqual(lives.map(({ imported, sent }) => [imported, sent]).sort(), [
      [0, 0],
      [1, 500],
    ]);
    const count = await countNonces(balancer, nonces);
    assert.ok(count > 600, `${count}`);
  });

  test('has one life when it is imported twice into one process, or into the server that has it', async (t) => {
    const { server, balancer, client, nonces } = await serve(t);
    const bytes = await exported(server);
    const claim = once();
    const servers = [];
    for (const count of [1, 0]) {
      const other = await startServer(t, OPTIONS);
      assert.equal((await other.importConnections(bytes, { key: KEY, claim })).imported, count);
      servers.push(other);
    }
    // Even one who is told twice that it is the first has one of them.
    const again = await servers[0].importConnections(bytes, { key: KEY, claim: () => true });
    assert.deepEqual(again, { imported: 0, refused: 1 });
    client.resume();
    for (const each of servers) for (const socket of Object.values(each.sockets)) await push(socket, 200);
    const count = await countNonces(balancer, nonces);
    assert.ok(count >= 200, `${count}`);
  });

  test('goes on a day later, with the number that is next, and takes no record twice', async (t) => {
    const later = clockAhead(t, DAY);
    if (later === null) {
      t.skip('skipped (no clock can be shifted here: it takes cc and Linux)');
      return;
    }
    const { server, balancer, client, nonces } = await serve(t);
    const recorded = balancer.received.at(-1);
    const shared = place(t, await exported(server));
    const heard = messages(client, 300);
    const { pid, imported, sent, port } = await importElsewhere(t, shared, 300, later);
    assert.deepEqual([imported, sent], [1, 300]);
    await heard;
    assertNoNonceTwice(balancer, nonces);
    balancer.target = port;
    const answers = [];
    client.on('data', (message) => answers.push(String(message)));
    balancer.forge(recorded);
    assert.equal(await ask(client, 'later'), `${pid} later`);
    assert.ok(!answers.includes(`${pid} hello`), 'what was heard before is not heard again');
    assertNoNonceTwice(balancer, nonces);
    assert.ok(nonces.count > 300);
  });

  /** An export of a node of a fleet, whose connection another node has taken over from the store and used. */
  async function goneOn(t) {
    const redis = await startRedis(t);
    const a = await startNode(t, 'A', redis.client, NEWER);
    const { balancer, client, nonces } = await connectDevice(t, a.address().port, NEWER);
    assert.equal(await ask(client, '1'), 'A 1');
    await storedKey(redis.client);
    client.resume();
    await push(Object.values(a.sockets)[0], 300);
    const bytes = await exported(a);
    const b = await startNode(t, 'B', redis.client, NEWER);
    balancer.target = b.address().port;
    assert.equal(await ask(client, '2'), 'B 2');
    const [socket] = Object.values(b.sockets);
    for (let round = 0; round < 3; round++) {
      await push(socket, 700);
      await sleep(20);
    }
    return { redis, bytes, socket, balancer, nonces };
  }

  test('has numbers of its own when its connection has gone on from a store meanwhile', {
    skip: lacking,
  }, async (t) => {
    const { bytes, socket, balancer, nonces } = await goneOn(t);
    const { imported, sent } = await importElsewhere(t, place(t, bytes), 4500, clockAhead(t, DAY) ?? {});
    assert.equal(imported, 1);
    assert.ok(sent > 3000 && sent < 4096, `${sent}: what its store had confirmed to it`);
    await push(socket, 500);
    const count = await countNonces(balancer, nonces);
    assert.ok(count > 5000, `${count}`);
  });

  test('does not become the owner again when it comes back into a fleet', { skip: lacking }, async (t) => {
    const { redis, bytes, socket, balancer, nonces } = await goneOn(t);
    const c = await startNode(t, 'C', redis.client, NEWER);
    assert.equal((await c.importConnections(bytes, { key: KEY, claim: () => true })).imported, 1);
    const [late] = Object.values(c.sockets);
    await push(late, 4500);
    await sleep(100);
    assert.deepEqual([c.fleetStats.unstored, socket.destroyed], [1, false]);
    await push(socket, 500);
    await push(late, 500);
    const count = await countNonces(balancer, nonces);
    assert.ok(count > 5000, `${count}`);
  });

  test('is refused by who speaks another version only, on either side', async (t) => {
    for (const [options, others] of [
      [NEWER, OLDER],
      [OLDER, NEWER],
    ]) {
      const { server, client } = await connectedPair(t, { serverOptions: options, clientOptions: options });
      const answer = messages(client, 1);
      Object.values(server.sockets)[0].write('settled');
      await answer;
      const clients = await client.exportConnection({ key: KEY });
      const servers = await exported(server);
      const claim = () => true;
      const other = await startServer(t, { ...OPTIONS, ...others });
      assert.deepEqual(await other.importConnections(servers, { key: KEY, claim }), { imported: 0, refused: 1 });
      const refused = importConnection(clients, { key: KEY, claim }, { ...BOB, ...others });
      const [[error]] = await Promise.all([event(refused, 'error'), event(refused, 'close')]);
      assert.equal(error.code, 'ERR_DTLS_EXPORT_DAMAGED');
    }
  });

  test('is refused on the other side', async (t) => {
    const { server, client } = await connectedPair(t, { serverOptions: OPTIONS, clientOptions: NEWER });
    const answer = messages(client, 1);
    Object.values(server.sockets)[0].write('settled');
    await answer;
    const clients = await client.exportConnection({ key: KEY });
    const servers = await exported(server);
    const claim = () => true;
    const refused = importConnection(servers, { key: KEY, claim }, { ...BOB, ...NEWER });
    const [[error]] = await Promise.all([event(refused, 'error'), event(refused, 'close')]);
    assert.equal(error.code, 'ERR_DTLS_EXPORT_DAMAGED');
    const other = await startServer(t, OPTIONS);
    assert.equal((await other.importConnections(clients, { key: KEY, claim })).imported, 0);
  });
});
