'use strict';

// Everything that a socket can be asked, at moments at which there is little to answer: in the middle of a handshake of DTLS 1.3, inside
// of the application's own callbacks, while it closes, and when it is gone. Nobody's question ends a process, or another's connection.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { Duplex } = require('node:stream');

const { versions } = require('../..');
const { BOB, event, messages, openClient, startServer } = require('../support/endpoints.js');

const skip = versions['aws-lc'] === undefined && 'this build has no AWS-LC';

/** What asks, and what changes nothing but for whom it is meant. */
const QUESTIONS = /^(get|is|address$|confirmAddress$|exportKeyingMaterial$)/;

/** The names of all that our classes have beyond those of Node. */
function* namesOf(socket) {
  for (let at = Object.getPrototypeOf(socket); at !== Duplex.prototype; at = Object.getPrototypeOf(at)) {
    for (const [name, { get, value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (name.startsWith('_') || name === 'constructor') continue;
      if (get !== undefined || (typeof value === 'function' && QUESTIONS.test(name))) yield name;
    }
  }
}

/** Asks a socket everything. How many questions there were. */
function askAll(socket, moment) {
  let count = 0;
  for (const name of namesOf(socket)) {
    count++;
    try {
      const answer = socket[name];
      if (typeof answer === 'function') answer.call(socket, 32, 'EXPERIMENTAL');
    } catch (error) {
      assert.match(String(error.code), /^ERR_/, `${name} ${moment}: ${error.stack}`);
      // Nothing is our own fault.
      assert.notEqual(error.code, 'ERR_DTLS_INTERNAL', `${name} ${moment}`);
    }
  }
  return count;
}

describe('A socket of DTLS 1.3 that is asked everything at an odd moment', { skip }, () => {
  test('answers, or says why not, and goes on', async (t) => {
    const moments = new Map();
    const ask = (socket, moment) => moments.set(moment, askAll(socket, moment));
    const server = await startServer(t, {
      maxVersion: 'DTLSv1.3',
      pskCallback(_socket, identity, callback) {
        for (const socket of begun) ask(socket, 'while its key is looked up');
        setImmediate(() => {
          for (const socket of begun) ask(socket, 'before its key is known');
          callback(null, identity.toString() === BOB.pskIdentity ? BOB.psk : undefined);
          callback(null, 'another key');
        });
      },
    });
    const begun = new Set();
    server.on('connection', (socket) => {
      begun.add(socket);
      ask(socket, 'when its handshake begins');
    });
    const secured = event(server, 'secureConnection');
    const client = openClient(t, server, { ...BOB, minVersion: 'DTLSv1.3', maxVersion: 'DTLSv1.3' });
    ask(client, 'before anything is sent');
    client.on('keylog', () => ask(client, 'when there are keys'));
    client.on('session', () => ask(client, 'when there is a session'));
    const [socket] = await secured;
    ask(socket, 'when it is secure');
    if (client.connecting) await event(client, 'secureConnect');
    for (const side of [socket, client]) {
      const heard = messages(side === socket ? client : socket, 1);
      side.once('data', () => ask(side, 'inside of its own data'));
      side.write('still here');
      assert.deepEqual(await heard, ['still here']);
      side.once('close', () => ask(side, 'inside of its end'));
    }
    client.end(() => ask(client, 'while it ends'));
    ask(client, 'when it has begun to end');
    await Promise.all([event(client, 'close'), event(socket, 'close')]);
    for (const side of [socket, client]) ask(side, 'when it is gone');
    assert(moments.size >= 10, [...moments.keys()].join(', '));
    for (const [moment, count] of moments) assert(count > 25, `${count} ${moment}`);
    // The next client is served.
    const next = openClient(t, server, { ...BOB, minVersion: 'DTLSv1.3', maxVersion: 'DTLSv1.3' });
    await event(next, 'secureConnect');
  });
});
