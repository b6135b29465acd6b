'use strict';

// What has arrived while the event loop was blocked is taken before anybody is judged to have been silent.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const path = require('node:path');
const { describe, test } = require('node:test');
const { Worker } = require('node:worker_threads');

const { connect, createServer } = require('../..');
const { BOB, HOST, event } = require('../support/endpoints.js');

const IDLE = 600;
const BLOCK = 1500;

/** The other side of a connection, in a thread of its own, and what it reports. */
async function talker(t, workerData) {
  const worker = new Worker(path.join(__dirname, '..', 'support', 'talker.js'), { workerData });
  t.after(() => worker.terminate());
  return event(worker, 'message');
}

/** Blocks before timers have their turn, which come before sockets have theirs. */
async function block(duration) {
  await new Promise(setImmediate);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, duration);
}

const pause = (duration) => new Promise((resolve) => setTimeout(resolve, duration));

for (const own of [true, false]) {
  describe(`with ${own ? 'its own' : 'a given'} UDP socket, a blocked server`, () => {
    test('keeps a peer that goes on speaking, and lets a silent one go', async (t) => {
      const socket = own ? undefined : dgram.createSocket('udp4');
      const server = createServer({ psk: { bob: BOB.psk }, idleTimeout: IDLE, ...(own ? {} : { socket }) });
      t.after(() => server.close());
      server.listen(0, HOST);
      await event(server, 'listening');
      const secured = event(server, 'secureConnection');
      await talker(t, { talksTo: server.address().port, every: 50 });
      const [speaking] = await secured;
      speaking.resume();
      const client = connect({ ...BOB, host: HOST, port: server.address().port });
      t.after(() => client.destroy());
      const [silent] = await event(server, 'secureConnection');
      const gone = event(silent.resume(), 'close');

      await block(BLOCK);
      await pause(IDLE);
      assert.equal(speaking.connected, true);
      await block(BLOCK);
      await gone;
      assert.equal(speaking.connected, true);
    });
  });
}

test('a blocked client takes the answer that has come meanwhile, however late it looks', async (t) => {
  const [port] = await talker(t, { answersAfter: 200 });
  const client = connect({ ...BOB, host: HOST, port, handshakeTimeout: 1000 });
  t.after(() => client.destroy());
  const ended = new Promise((resolve, reject) => {
    client.on('secureConnect', resolve);
    client.on('error', reject);
  });
  await pause(100);
  await block(BLOCK);
  await ended;
});
