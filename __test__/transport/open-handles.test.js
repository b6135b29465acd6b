'use strict';

// What keeps a process alive: servers that listen, unless they are told otherwise, and nothing behind closed endpoints, where
// tools look for it (jest --detectOpenHandles).

const assert = require('node:assert/strict');
const { createHook } = require('node:async_hooks');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const process = require('node:process');
const { test } = require('node:test');

const { HOST, connectedPair, event } = require('../support/endpoints.js');

/** What jest takes for open: a resource that says so, and any that cannot say. */
function openHandles() {
  const open = new Map();
  const hook = createHook({
    init: (id, type, _trigger, resource) => open.set(id, { type, resource }),
    destroy: (id) => open.delete(id),
  });
  const ours = () =>
    [...open.values()]
      .filter(({ type }) => /^(DTLS|napi)/.test(type))
      .filter(({ resource }) => !('hasRef' in resource) || resource.hasRef())
      .map(({ type }) => type);
  return { hook, ours };
}

test('closed endpoints leave no open handle, and can be used again', async (t) => {
  const { hook, ours } = openHandles();
  hook.enable();
  t.after(() => hook.disable());
  const { server, client } = await connectedPair(t, { serverOptions: { handshakeThreads: 1 } });
  assert.deepEqual(ours(), ['napi_rs_threadsafe_function']);
  for (let round = 0; round < 2; round++) {
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
    for (let tick = 0; ours().length > 0 && tick < 100; tick++) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(ours(), []);
    server.listen(0, HOST);
    await event(server, 'listening');
  }
});

/** How a process ends that listens with a server, does this with it, and is to be heard of in half a second. */
function outcomeOf(act) {
  const script = `
    const server = require(${JSON.stringify(path.join(__dirname, '..', '..'))}).createServer({ psk: 'key' });
    server.listen(0, '127.0.0.1', () => {
      ${act};
      setTimeout(() => process.exit(7), 500).unref();
    });`;
  return spawnSync(process.execPath, ['-e', script], { timeout: 60_000 }).status;
}

test('a server keeps its process alive unless it has been told otherwise, until it is told so again', () => {
  assert.equal(outcomeOf(''), 7);
  assert.equal(outcomeOf('server.unref()'), 0);
  assert.equal(outcomeOf('server.unref().ref()'), 7);
});
