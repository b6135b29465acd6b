'use strict';

// Connections of DTLS 1.3 that go on in another process by a handover.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const { createServer, versions } = require('../..');
const { defaults } = require('../../lib/options/defaults');
const { BOB, HOST, echo, event, openClient } = require('../support/endpoints');

const NEWER = { minVersion: 'DTLSv1.3', maxVersion: 'DTLSv1.3' };

const skip =
  (versions['aws-lc'] === undefined && 'this build has no AWS-LC') ||
  (process.platform === 'win32' && 'skipped (no descriptors are passed on here)') ||
  (!defaults.nativeUdp && 'skipped (only Node has the UDP socket)');

async function serve(t, handover) {
  const server = createServer({ psk: { bob: BOB.psk }, maxVersion: 'DTLSv1.3' }, echo);
  server.listen({ port: 0, host: HOST, handover });
  t.after(() => new Promise((resolve) => server.close(resolve)));
  await event(server, 'listening');
  return server;
}

test('a connection is handed over again and again', { skip }, async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-'));
  t.after(() => fs.rmSync(directory, { recursive: true }));
  const handover = { path: path.join(directory, 'handover'), key: randomBytes(32) };
  let server = await serve(t, handover);
  const client = openClient(t, server, { ...BOB, ...NEWER });
  await event(client, 'secureConnect');
  for (let count = 0; count < 3; count++) {
    client.write(`message ${count}`);
    const [answer] = await event(client, 'data');
    assert.equal(answer.toString(), `message ${count}`);
    const closed = event(server, 'close');
    server = await serve(t, handover);
    await closed;
    assert.equal(server.getConnections(), 1);
    const [socket] = Object.values(server.sockets);
    assert.deepEqual([socket.getProtocol(), socket.session], ['DTLSv1.3', undefined]);
    assert.equal(socket.pskIdentity.toString(), 'bob');
  }
});
