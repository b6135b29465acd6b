'use strict';

// A system that takes no more datagrams for a while. The test needs Linux, and the right to make a network namespace.

const assert = require('node:assert/strict');
const { execFile, spawnSync } = require('node:child_process');
const path = require('node:path');
const { describe, test } = require('node:test');
const { promisify } = require('node:util');

const { connectedPair, event, messages } = require('../support/endpoints.js');

const NETWORK = [
  'ip link set lo up',
  'ip link add v0 type veth peer name v1',
  'ip link set v0 up',
  'ip link set v1 up',
  'ip addr add 10.77.0.1/24 dev v0',
].join(' && ');

const inNamespace = (command) => ['-Urn', 'sh', '-c', `${NETWORK} && ${command}`];
const skip = spawnSync('unshare', inNamespace('true')).status !== 0 && 'skipped (no network namespaces)';

test('datagrams that the system does not take wait, delay no connection for ever, and lose no callback', {
  skip,
}, async () => {
  const script = path.join(__dirname, '..', 'load', 'congestion.js');
  const { stdout } = await promisify(execFile)('unshare', inNamespace(`"${process.execPath}" "${script}"`));
  const { written, longest, left } = JSON.parse(stdout);
  assert.equal(written, 8);
  assert(longest > 0, 'the system has taken everything: nothing was tested');
  assert.equal(left, 0);
});

describe('while a datagram waits in the queue of Node', () => {
  /** A pair whose server's UDP socket holds what it is given: `release()` sends it, as a system does that has room again. */
  async function congested(t, lengthOfQueue) {
    const pair = await connectedPair(t);
    const { dgramSocket: udp, _endpoint: endpoint } = pair.server;
    if (!endpoint.isDirect) return t.skip('the native object has no socket here');
    const held = [];
    const { mock } = t.mock.method(udp, 'send', (...args) => held.push(args));
    t.mock.method(udp, 'getSendQueueCount', () => held.length);
    t.mock.method(udp, 'getSendQueueSize', () => lengthOfQueue);
    const { remotePort, remoteAddress } = pair.socket;
    endpoint._sender.send(Buffer.from('no record: it is dropped'), remotePort, remoteAddress);
    const release = () => {
      mock.restore();
      for (const args of held.splice(0)) udp.send(...args);
    };
    return { ...pair, held, release };
  }

  test('what is written later goes the same way, in order and whole, by itself and in a batch', async (t) => {
    const pair = await congested(t, 1);
    if (pair === undefined) return;
    const { socket, client, held, release } = pair;
    socket.write('one');
    socket.once('data', () => {
      socket.write('two');
      socket.write('three');
    });
    const heard = event(socket, 'data');
    client.write('go on');
    await heard;
    await new Promise(setImmediate);
    assert.equal(held.length, 4);
    const received = messages(client, 4);
    release();
    await new Promise(setImmediate);
    socket.write('four');
    assert.deepEqual(await received, ['one', 'two', 'three', 'four']);
  });

  test('a write is not over before its datagram has left, when the queue is long', async (t) => {
    const pair = await congested(t, 1_000_000);
    if (pair === undefined) return;
    const { socket, held, release } = pair;
    let isWritten = false;
    const written = new Promise((resolve) => socket.write('one', resolve)).then(() => {
      isWritten = true;
    });
    // The next one waits in the stream.
    socket.write('two');
    for (let tick = 0; tick < 5; tick++) await new Promise(setImmediate);
    assert.deepEqual([isWritten, held.length, socket.writableLength], [false, 2, 6]);
    release();
    await written;
  });
});
