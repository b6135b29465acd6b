'use strict';

// `mbed-dtls bench` measures, and ends when it is asked to.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const process = require('node:process');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');

const { Command, run } = require('../support/cli');
const { BOB, openClient } = require('../support/endpoints');

test('it measures handshakes and echoes, and prints one JSON object', async (t) => {
  const { code, stdout, stderr } = await run(t, ['bench', '--seconds', '0.3', '--json']);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  const { ok, secondsEach, pskHandshakes, certificateHandshakes, echoes, roundTrips } = JSON.parse(stdout);
  assert.equal(ok, true);
  assert.equal(secondsEach, 0.3);
  assert.match(pskHandshakes.suite, /^PSK-/);
  assert.match(certificateHandshakes.suite, /^(ECDHE-ECDSA-|TLS_AES_)/);
  for (const { perSecond } of [pskHandshakes, certificateHandshakes, echoes, roundTrips]) assert(perSecond > 0);
  for (const { min, median, max } of [pskHandshakes, certificateHandshakes, roundTrips]) {
    assert(0 < min && min <= median && median <= max);
  }
});

test('its server echoes in a thread, which ends by itself when it is told to', { timeout: 30_000 }, async (t) => {
  const worker = new Worker(require.resolve('../../lib/cli/bench-server'), {
    workerData: { psk: { bob: BOB.psk } },
  });
  t.after(() => worker.terminate());
  const [port] = await once(worker, 'message');
  const client = openClient(t, { address: () => ({ port }) });
  client.write('hello');
  const [echo] = await once(client, 'data');
  assert.equal(echo.toString(), 'hello');
  worker.postMessage('end');
  const [code] = await once(worker, 'exit');
  assert.equal(code, 0);
});

test('a signal ends it with exit code 1', { skip: process.platform === 'win32' && 'it has no signals' }, async (t) => {
  const command = new Command(t, ['bench', '--seconds', '600']);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  command.child.kill('SIGTERM');
  const { code, stderr } = await command.end();
  assert.equal(code, 1);
  assert.match(stderr, /ended before/);
});
