'use strict';

// A system that refuses what is sent. The first test needs Linux, and the right to make a network namespace.

const assert = require('node:assert/strict');
const { execFile, spawnSync } = require('node:child_process');
const path = require('node:path');
const process = require('node:process');
const { test } = require('node:test');
const { promisify } = require('node:util');

const { connect } = require('../..');
const { BOB, HOST, connectedPair, event, messages } = require('../support/endpoints.js');
const { Radio, openPlace } = require('../support/radio.js');

const PROGRAM = path.join(__dirname, 'programs', 'outages.js');
const inNamespace = (command) => ['-Urn', 'sh', '-c', `ip link set lo up && ${command}`];
const skip =
  spawnSync('unshare', inNamespace('ip rule add pref 100 lookup local')).status !== 0 &&
  'skipped (no network namespaces)';

test('a connection and a handshake outlive an interface that goes and routes that are refused', { skip }, async () => {
  const command = `"${process.execPath}" "${PROGRAM}"`;
  const { stdout } = await promisify(execFile)('unshare', inNamespace(command), { timeout: 60_000 });
  const { results, troubles, connections } = JSON.parse(stdout);
  assert.deepEqual(
    results,
    Object.fromEntries(
      ['interface down', 'address gone', 'prohibited', 'unreachable', 'black hole'].map((name) => [name, name]),
    ),
  );
  assert.deepEqual(troubles, []);
  assert.equal(connections, 1);
});

/** A client's UDP socket whose next datagram the system refuses. */
class RefusedRadio extends Radio {
  send(datagram, port, host, callback) {
    const { refusal } = this;
    this.refusal = undefined;
    if (refusal === undefined) super.send(datagram, port, host, callback);
    else process.nextTick(() => callback?.(Object.assign(new Error(refusal), { code: refusal })));
  }
}

for (const code of ['ENOBUFS', 'EMSGSIZE', 'EPERM', 'ENETDOWN', 'ECONNREFUSED']) {
  test(`a datagram that the system refuses with ${code} is lost, as datagrams are, and nothing else`, async (t) => {
    const { server } = await connectedPair(t);
    const place = await openPlace();
    const socket = new RefusedRadio(server.address().port, place);
    socket.refusal = code;
    t.after(() => place.udp.close());
    const client = connect({ host: HOST, port: server.address().port, ...BOB, socket, handshakeTimeoutMin: 100 });
    t.after(() => client.destroy());
    client.on('error', assert.fail);
    const [arrived] = await event(server, 'secureConnection');
    const received = messages(arrived, 1);
    socket.refusal = code;
    await new Promise((resolve) => client.write('lost', resolve));
    client.write('arrives');
    assert.deepEqual(await received, ['arrives']);
  });
}
