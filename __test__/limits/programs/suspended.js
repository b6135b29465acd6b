'use strict';

// A process that suspended.test.js suspends: `server`, which echoes and ends idle connections soon, or `client PORT`, which gives a
// handshake up soon. Each prints a line when something has happened.

const { connect, createServer } = require('../../..');
const { BOB, HOST, echo } = require('../../support/endpoints.js');

/** Shorter than the time for which it is suspended, ms. */
const SOON = 600;

const [role, port] = process.argv.slice(2);

if (role === 'server') {
  const server = createServer({ psk: { bob: BOB.psk }, idleTimeout: SOON }, echo);
  server.listen(0, HOST, () => console.log(`port ${server.address().port}`));
} else {
  const client = connect({ host: HOST, port: Number(port), ...BOB, handshakeTimeout: SOON });
  client.on('secureConnect', () => console.log('connected'));
  client.on('error', ({ code }) => console.log(`error ${code}`));
  client.on('data', (message) => console.log(`received ${message}`));
}
