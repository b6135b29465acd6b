'use strict';

// The system's clock is set back or forward. What is limited in time does not go by it.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { connectedPair, event, messages } = require('../support/endpoints.js');

const DAY = 86_400_000;

/** What a server waits for sockets that nobody reads when it is closed, and as much again for a busy machine, ms. */
const PATIENCE = 5_000;

for (const [what, step] of [
  ['back', -DAY],
  ['forward', DAY],
]) {
  test(`a clock that is set ${what} by a day disturbs no connection, and delays no close()`, async (t) => {
    const { server, socket, client } = await connectedPair(t);
    const now = Date.now;
    t.mock.method(Date, 'now', () => now() + step);
    const received = messages(socket, 1);
    client.write('hello');
    assert.deepEqual(await received, ['hello']);
    // Nobody reads the next one, so that close() has to wait.
    socket.pause();
    const arrived = event(socket, 'receive');
    client.write('unread');
    await arrived;
    const closed = event(server, 'close').then(() => 'closed');
    server.close();
    t.mock.restoreAll();
    t.mock.method(Date, 'now', () => now() + 2 * step);
    const overdue = new Promise((resolve) => setTimeout(resolve, PATIENCE, 'overdue').unref());
    assert.equal(await Promise.race([closed, overdue]), 'closed');
  });
}
