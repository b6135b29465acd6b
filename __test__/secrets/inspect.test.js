'use strict';

// What is printed for debugging must not hold a secret.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { inspect } = require('node:util');

const { connectedPair, event, openClient, startServer } = require('../support/endpoints.js');
const { secretOf } = require('../support/secrets.js');
const { SAVED, inOlderVersion } = require('../support/older-version.js');

const WAYS = [{}, { getters: true }, { getters: true, showHidden: true, depth: 9 }];

/** How the beginning of a secret would look. */
function look(secret) {
  const shown = secret.toString('hex').match(/../g).slice(0, 8).join(' ');
  assert.match(inspect(secret), new RegExp(shown));
  return shown;
}

test('no way to inspect a socket or a server shows a secret of their connection', async (t) => {
  const server = await startServer(t);
  // What the application keeps of its own is not looked for.
  const secrets = [];
  server.on('keylog', (line) => secrets.push(secretOf(line)));
  const accepted = event(server, 'secureConnection');
  const client = openClient(t, server);
  const [[socket]] = await Promise.all([accepted, event(client, 'secureConnect')]);
  assert(secrets.length > 0);
  for (const [name, secret] of secrets) {
    const shown = look(secret);
    for (const options of WAYS) {
      for (const object of [socket, client, server]) assert(!inspect(object, options).includes(shown), name);
    }
  }
});

test('no way to inspect a saved session shows its master secret', async (t) => {
  inOlderVersion(t, SAVED);
  const { server, socket, client } = await connectedPair(t);
  const { session } = socket;
  const shown = look(session.master);
  for (const options of WAYS) {
    for (const object of [session, { session }, socket, client, server]) {
      assert(!inspect(object, options).includes(shown), JSON.stringify(options));
    }
  }
  assert.match(inspect(session), /master: <48 secret bytes>/);
  assert.equal(JSON.parse(JSON.stringify(session)).master.data.length, 48);
});
