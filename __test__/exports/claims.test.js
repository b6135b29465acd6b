'use strict';

// Connections of DTLS 1.3 that were exported go on where somebody has claimed the export, and nowhere else.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { buffer } = require('node:stream/consumers');

const { createServer, importConnection, versions } = require('../..');
const { BOB, HOST, connectedPair, echo, event, messages, openClient } = require('../support/endpoints.js');

const KEY = randomBytes(32);
const NEWER = { minVersion: 'DTLSv1.3', maxVersion: 'DTLSv1.3' };
const OPTIONS = { psk: { bob: BOB.psk }, maxVersion: 'DTLSv1.3' };
const NOBODY = { imported: 0, refused: 1 };

const skip = versions['aws-lc'] === undefined && 'this build has no AWS-LC';

/** A server with a client of each version, whose handshakes have nothing under way any more. */
async function serve(t) {
  const pair = await connectedPair(t, { serverOptions: OPTIONS, clientOptions: NEWER });
  pair.server.on('secureConnection', echo);
  echo(pair.socket);
  for (let count = 0; count < 2; count++) await hears(pair.client, `before ${count}`);
  return pair;
}

async function hears(client, message) {
  const answer = messages(client, 1);
  client.write(message);
  assert.deepEqual(await answer, [message]);
}

async function exported(server) {
  const closed = event(server, 'close');
  const bytes = await buffer(server.exportConnections({ key: KEY }));
  await closed;
  return bytes;
}

/** Answers true to the first who asks for an export. */
function claimOnce() {
  const claimed = new Set();
  return (id) => {
    assert.match(id, /^[0-9a-f]{64}$/);
    if (claimed.has(id)) return false;
    claimed.add(id);
    return true;
  };
}

/** What an import says, and the code of the warning that it has led to. */
async function take(bytes, claim) {
  const server = createServer(OPTIONS);
  let code = null;
  const note = (warning) => {
    code = warning.code;
  };
  process.on('warning', note);
  try {
    const result = await server.importConnections(bytes, { key: KEY, claim });
    await new Promise(setImmediate);
    return { server, result, code };
  } finally {
    process.off('warning', note);
  }
}

describe('An export with connections of DTLS 1.3', { skip }, () => {
  test('goes on where it was claimed, and is refused where it is imported once more', async (t) => {
    const { server, client } = await serve(t);
    const { port } = server.address();
    const bytes = await exported(server);
    const claim = claimOnce();
    const { server: other, result, code } = await take(bytes, claim);
    assert.deepEqual([result, code], [{ imported: 1, refused: 0 }, null]);
    other.on('secureConnection', echo);
    other.listen(port, HOST);
    t.after(() => new Promise((resolve) => other.close(resolve)));
    await event(other, 'listening');
    const [socket] = Object.values(other.sockets);
    assert.deepEqual([socket.getProtocol(), socket.resumed, socket.pskIdentity.toString()], ['DTLSv1.3', true, 'bob']);
    await hears(client, 'still here');
    const again = await take(bytes, claim);
    assert.deepEqual([again.result, again.code], [NOBODY, 'ERR_DTLS_EXPORT_UNCLAIMED']);
  });

  test('does not go on without a claim, nor with any answer but true', async (t) => {
    const { server } = await serve(t);
    const bytes = await exported(server);
    const answers = [undefined, () => false, () => 'OK', () => 1, () => undefined, async () => null];
    for (const claim of answers) {
      const { result, code } = await take(bytes, claim);
      assert.deepEqual([result, code], [NOBODY, 'ERR_DTLS_EXPORT_UNCLAIMED'], String(claim));
    }
    // The same of a claim that is late.
    const { result } = await take(bytes, () => new Promise((resolve) => setTimeout(resolve, 20, true)));
    assert.deepEqual(result, { imported: 1, refused: 0 });
  });

  test('lets those of DTLS 1.2 go on all the same', async (t) => {
    const { server } = await serve(t);
    const older = openClient(t, server, { ...BOB, maxVersion: 'DTLSv1.2' });
    await event(older, 'secureConnect');
    await hears(older, 'older');
    const stream = server.exportConnections({ key: KEY });
    const bytes = await buffer(stream);
    assert.equal(stream.connections, 2);
    assert.deepEqual((await take(bytes, undefined)).result, { imported: 1, refused: 1 });
    assert.deepEqual((await take(bytes, () => true)).result, { imported: 2, refused: 0 });
  });

  test('is not imported at all when its claim throws, or is none', async (t) => {
    const { server } = await serve(t);
    const bytes = await exported(server);
    const other = createServer(OPTIONS);
    const failures = [
      () => {
        throw new Error('no room');
      },
      async () => {
        throw new Error('no room');
      },
    ];
    for (const claim of failures) {
      const failed = other.importConnections(bytes, { key: KEY, claim });
      await assert.rejects(failed, { code: 'ERR_DTLS_LOOKUP_FAILED', message: /no room/ });
    }
    await assert.rejects(other.importConnections(bytes, { key: KEY, claim: true }), { code: 'ERR_INVALID_ARG_TYPE' });
    // What is no export is not claimed.
    const claim = t.mock.fn(() => true);
    await assert.rejects(other.importConnections(bytes.subarray(1), { key: KEY, claim }));
    await assert.rejects(other.importConnections(bytes, { key: randomBytes(32), claim }));
    assert.equal(claim.mock.callCount(), 0);
    assert.throws(() => server.exportConnections({ key: KEY, claim }), { code: 'ERR_INVALID_ARG_VALUE' });
  });

  test('goes on in one of two processes that ask at once', async (t) => {
    const { server } = await serve(t);
    const bytes = await exported(server);
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-'));
    t.after(() => fs.rmSync(directory, { recursive: true }));
    const claim = async (id) => {
      try {
        await (await fs.promises.open(path.join(directory, id), 'wx')).close();
        return true;
      } catch {
        return false;
      }
    };
    const results = await Promise.all(Array.from({ length: 5 }, () => take(bytes, claim)));
    assert.deepEqual(results.map(({ result }) => result.imported).sort(), [0, 0, 0, 0, 1]);
  });
});

describe('One connection of DTLS 1.3', { skip }, () => {
  test('of a client goes on where it was claimed, and does not otherwise', async (t) => {
    const { client } = await serve(t);
    const bytes = await client.exportConnection({ key: KEY });
    const options = { ...BOB, ...NEWER };
    assert.throws(() => importConnection(bytes, { key: KEY }, options), { code: 'ERR_DTLS_EXPORT_UNCLAIMED' });
    const failure = async (claim, code) => {
      const refused = importConnection(bytes, { key: KEY, claim }, options);
      const [[error]] = await Promise.all([event(refused, 'error'), event(refused, 'close')]);
      assert.equal(error.code, code);
    };
    await failure(() => false, 'ERR_DTLS_EXPORT_UNCLAIMED');
    await failure(() => Promise.reject(new Error('no')), 'ERR_DTLS_LOOKUP_FAILED');
    const other = importConnection(bytes, { key: KEY, claim: async () => true }, options);
    t.after(() => other.destroy());
    await event(other, 'secureConnect');
    assert.deepEqual([other.getProtocol(), other.resumed], ['DTLSv1.3', true]);
    await hears(other, 'from a new process');
  });

  test('is exported as soon as its peer has acknowledged the end of the handshake', async (t) => {
    const { server, socket, client } = await connectedPair(t, { serverOptions: OPTIONS, clientOptions: NEWER });
    const bytes = await socket.exportConnection({ key: KEY });
    server.on('secureConnection', echo);
    assert.deepEqual(await server.importConnections(bytes, { key: KEY, claim: () => true }), {
      imported: 1,
      refused: 0,
    });
    await hears(client, 'back again');
  });

  test('that is closed while it is claimed does not go on', async (t) => {
    const { client } = await serve(t);
    const bytes = await client.exportConnection({ key: KEY });
    const other = importConnection(
      bytes,
      { key: KEY, claim: () => new Promise((resolve) => setTimeout(resolve, 20, true)) },
      { ...BOB, ...NEWER },
    );
    const closed = event(other, 'close');
    other.destroy();
    await closed;
    await new Promise((resolve) => setTimeout(resolve, 40));
    assert.equal(other.connected, false);
  });
});
