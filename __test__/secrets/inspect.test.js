'use strict';

// What is printed for debugging must not hold a secret.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { inspect } = require('node:util');

const { connectedPair } = require('../support/endpoints.js');

test('no way to inspect a socket, a server or a session shows the master secret', async (t) => {
  const { server, socket, client } = await connectedPair(t);
  const { session } = socket;
  const shown = session.master.toString('hex').match(/../g).slice(0, 8).join(' ');
  assert.match(inspect(session.master), new RegExp(shown), 'this is how it would look');
  for (const options of [{}, { getters: true }, { getters: true, showHidden: true, depth: 9 }]) {
    for (const object of [session, { session }, socket, client, server]) {
      assert(!inspect(object, options).includes(shown), JSON.stringify(options));
    }
  }
  assert.match(inspect(session), /master: <48 secret bytes>/);
  assert.equal(JSON.parse(JSON.stringify(session)).master.data.length, 48);
});
