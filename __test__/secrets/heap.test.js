'use strict';

// JavaScript's heap, as a snapshot for a debugger has it, holds of a connection's secrets only what the application has.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { test } = require('node:test');
const { getHeapSnapshot } = require('node:v8');

const { BOB, event, openClient, startServer } = require('../support/endpoints.js');
const { secretOf } = require('../support/secrets.js');

/** The forms in which a string could contain a secret. A snapshot has strings, but not the bytes of buffers. */
function forms(secret) {
  return {
    hexadecimal: secret.toString('hex'),
    base64: secret.toString('base64').replace(/=+$/, ''),
    'one character for each byte': JSON.stringify(secret.toString('latin1')).slice(1, -1),
    'numbers, one after the other': [...secret].join(','),
  };
}

async function snapshot() {
  const parts = [];
  for await (const part of getHeapSnapshot()) parts.push(part.toString());
  return parts.join('');
}

test('a snapshot of the heap has neither the pre-shared key nor the secrets of a connection as text', async (t) => {
  const psk = randomBytes(32);
  const server = await startServer(t, { psk: { bob: psk } });
  const lines = [];
  server.on('keylog', (line) => lines.push(line));
  const accepted = event(server, 'secureConnection');
  const client = openClient(t, server, { ...BOB, psk });
  const [socket] = await accepted;
  client.write('hello');
  await event(socket, 'data');
  const known = randomBytes(16).toString('hex');
  const text = await snapshot();
  assert(text.includes(known), 'what is there as text is found');
  assert(lines.length > 0);
  const secrets = [['pre-shared key', psk], ...lines.map(secretOf)];
  for (const [name, secret] of secrets) {
    assert(secret.length >= 32, name);
    for (const [form, shown] of Object.entries(forms(secret))) assert(!text.includes(shown), `${name}, ${form}`);
  }
});
