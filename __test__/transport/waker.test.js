'use strict';

// What wakes the event loop in an environment of its own, where nothing has been made before.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const path = require('node:path');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');

const certificates = require('../support/certificates');

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

test('endpoints that are woken together are all served, whatever their listeners throw', async () => {
  const act = (dtls, port) => {
    const { key, cert } = CREDENTIALS;
    // Nobody repeats anything, which would have the rest collected as well. In DTLS 1.2, a thread does a server's last step.
    const patience = { handshakeTimeoutMin: 60_000, maxVersion: 'DTLSv1.2' };
    const thrown = [];
    let waiting = 0;
    process.on('uncaughtException', (error) => thrown.push(error.message));
    for (const name of ['one', 'two', 'three']) {
      const server = dtls.createServer({ ...patience, key, cert, handshakeThreads: 1 });
      server.on('secureConnection', () => {
        server.close();
        throw new Error(name);
      });
      server.listen(0, '127.0.0.1', () => {
        waiting++;
        const remote = { host: '127.0.0.1', port: server.address().port, rejectUnauthorized: false };
        const client = dtls.connect({ ...patience, ...remote, handshakeThreads: 0 });
        client.on('close', () => {
          waiting--;
          if (waiting === 0) port.postMessage(thrown.sort().join());
        });
      });
    }
    // The threads are done with all of them before the event loop turns to any.
    const block = () => {
      const end = performance.now() + 20;
      while (performance.now() < end);
      if (thrown.length < 3) setImmediate(block);
    };
    block();
  };
  const credentials = JSON.stringify({ key: String(certificates.server.key), cert: String(certificates.server.cert) });
  assert.deepEqual(await inThread(String(act).replace('CREDENTIALS', credentials)), ['one,three,two', 0]);
});
