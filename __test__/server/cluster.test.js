'use strict';

// One port for several workers of node:cluster.

const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const path = require('node:path');
const { test } = require('node:test');

const { BOB, event, freePort, messages, openClient } = require('../support/endpoints.js');

const WORKERS = 2;
const CLIENTS = 24;

/** Node deals nothing by peer itself, and Linux is the system that does. */
const skip = process.platform === 'linux' ? false : 'this system does not give each peer to one process';

test('every echo arrives at the peers of two workers on one port', { skip }, async (t) => {
  const port = await freePort();
  const primary = fork(path.join(__dirname, '..', 'support', 'cluster.js'), [String(port), String(WORKERS)]);
  t.after(() => primary.disconnect());
  assert.equal((await event(primary, 'message'))[0], 'listening');

  const workers = new Set();
  const server = { address: () => ({ port }) };
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const client = openClient(t, server, BOB);
      const echoed = messages(client, 3);
      for (const message of ['one', 'two', 'three']) client.write(message);
      const answers = (await echoed).map((answer) => answer.split(' '));
      assert.deepEqual(
        answers.map(([, message]) => message),
        ['one', 'two', 'three'],
      );
      // A peer stays with its worker.
      assert.equal(new Set(answers.map(([worker]) => worker)).size, 1);
      workers.add(answers[0][0]);
    }),
  );
  // With 24 peers, one worker has none once in eight million times.
  assert.equal(workers.size, WORKERS);
});
