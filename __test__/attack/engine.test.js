'use strict';

// The attacker's engine itself: what it does as an honest client works, so that an attack which fails has not failed by
// the engine's own fault.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { BOB, echo, startServer } = require('../support/endpoints.js');
const { Address } = require('./engine/address.js');
const { Client } = require('./engine/client.js');
const { SUITES } = require('./engine/record.js');

for (const suite of Object.keys(SUITES).filter((name) => name.startsWith('PSK'))) {
  for (const extendedMasterSecret of [true, false]) {
    const how = extendedMasterSecret ? 'with' : 'without';
    test(`the engine speaks ${suite} ${how} extended master secret`, async (t) => {
      const server = await startServer(t, { psk: { bob: BOB.psk } }, echo);
      const { port } = server.address();
      const address = await Address.open(t);
      const client = await address.handshake(port, new Client({ suite, extendedMasterSecret }));
      address.send(client.data('hello'), port);
      await address.listen(client, () => client.received.length > 0, 'echo');
      assert.deepEqual(client.received, ['hello']);
    });
  }
}

test('the engine resumes a session', async (t) => {
  const sessions = new Map();
  const server = await startServer(t, { psk: { bob: BOB.psk } }, (socket) => {
    sessions.set(socket.session.id.toString('hex'), socket.session);
    echo(socket);
  });
  server.on('renegotiate', (id, _socket, callback) => callback(null, sessions.get(id)));
  const { port } = server.address();
  const address = await Address.open(t);
  const first = await address.handshake(port, new Client());
  assert.equal(first.isResumed, false);
  const second = await address.handshake(port, new Client({ session: first.session }));
  assert.equal(second.isResumed, true);
  address.send(second.data('hello again'), port);
  await address.listen(second, () => second.received.length > 0, 'echo');
  assert.deepEqual(second.received, ['hello again']);
});
