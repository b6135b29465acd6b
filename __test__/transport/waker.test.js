'use strict';

// What wakes the event loop in an environment of its own, where nothing has been made before.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const path = require('node:path');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');

const ROOT = path.join(__dirname, '..', '..');

/* global THREADS */

/** Runs this in a thread, which has `dtls`, and answers what it says. */
async function inThread(act) {
  const code = `(${act})(require(${JSON.stringify(ROOT)}), require('node:worker_threads').parentPort)`;
  const worker = new Worker(code, { eval: true });
  // It may be gone before what it has said has been read. An error of its rejects both.
  const [[said], [status]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
  return [said, status];
}

for (const handshakeThreads of [0, 1]) {
  test(`a server at all addresses is the first endpoint there is, with ${handshakeThreads} threads for handshakes`, async () => {
    const act = (dtls, port) => {
      const key = { psk: { bob: 'secret' }, handshakeThreads: THREADS };
      const server = dtls.createServer(key, (socket) => socket.on('data', (message) => socket.write(message)));
      server.listen(0, '0.0.0.0', () => {
        const remote = { host: '127.0.0.1', port: server.address().port, psk: 'secret', pskIdentity: 'bob' };
        const client = dtls.connect({ ...remote, handshakeThreads: THREADS });
        client.write('hello');
        client.once('data', (message) => {
          port.postMessage(String(message));
          client.end();
          server.close();
        });
      });
    };
    assert.deepEqual(await inThread(String(act).replaceAll('THREADS', handshakeThreads)), ['hello', 0]);
  });
}
