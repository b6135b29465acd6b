'use strict';

// What diagnostics channels cost while nobody listens: some looks at whether somebody does, and nothing else.

const assert = require('node:assert/strict');
const { test } = require('node:test');

// Before anything else reads them.
const { channels } = require('../../lib/diagnostics.js');
const { connectedPair, echo, event } = require('../support/endpoints.js');

const ECHOES = 100;

let looks = 0;
for (const channel of Object.values(channels)) {
  Object.defineProperty(channel, 'hasSubscribers', {
    get() {
      looks += 1;
      return false;
    },
  });
  channel.publish = () => assert.fail('something was published');
}

// A look took 7 ns on a machine with much other work. An echo costs a server 5 microseconds, and a handshake 29 or more.
test('while nobody listens, a handshake costs each side eight looks at a channel at most, and an echo one', async (t) => {
  const { socket, client } = await connectedPair(t);
  // Five, unless a flight is sent again.
  assert(looks <= 2 * 8, `${looks} looks in a handshake`);

  echo(socket);
  looks = 0;
  for (let sent = 0; sent < ECHOES; sent++) {
    client.write('x');
    await event(client, 'data');
  }
  assert(looks <= 2 * ECHOES, `${looks} looks in ${ECHOES} echoes`);
});
