'use strict';

// The server that bench/full-house.mjs attacks: its application finds keys and connections in a store that takes its time, and one
// key never.
//
//   node full-house.js ADDRESS DELAY_MS
//
// Prints its port.

const process = require('node:process');

const { NEVER_FOUND } = require('../../__test__/attack/crowd/stages.js');
const { createServer } = require('../..');

const [host, delay] = process.argv.slice(2);

/** Of keys: a store in memory, at some distance. */
const KEY_DELAY = 5;

const server = createServer({
  pskCallback: (_socket, identity, callback) => {
    if (identity !== NEVER_FOUND) setTimeout(callback, KEY_DELAY, null, 'secret of bob');
  },
});
server.on('clientError', () => {});
server.on('resumeSession', (_key, _socket, callback) => setTimeout(callback, Number(delay), null, null));
server.on('lookupKey', (_id, callback) => setTimeout(callback, Number(delay), null, null));
server.listen(0, host, () => console.log(server.address().port));
