'use strict';

// How handshakes end: with a connection, or with errors on one side or both.

const certificates = require('./certificates.js');
const { event, openClient, startServer } = require('./endpoints.js');

/** A server, a client, and the server's socket for it, all after the handshake. */
async function secured(t, serverOptions, clientOptions) {
  const server = await startServer(t, serverOptions);
  const client = openClient(t, server, clientOptions);
  const [[socket]] = await Promise.all([event(server, 'secureConnection'), event(client, 'secureConnect')]);
  return { server, client, socket };
}

/** The errors with which server and client part. */
async function refused(t, serverOptions, clientOptions) {
  const server = await startServer(t, serverOptions);
  const refusal = event(server, 'clientError');
  const client = openClient(t, server, clientOptions);
  const [[clientError], [serverError]] = await Promise.all([event(client, 'error'), refusal]);
  return { clientError, serverError, codes: [serverError.code, clientError.code] };
}

/** 'secure', or the error of one side, with a client that trusts the authority of the tests. */
async function attempt(t, serverOptions, clientOptions, side = 'client') {
  const server = await startServer(t, serverOptions);
  const refusal = event(server, 'clientError').then(([error]) => error);
  const client = openClient(t, server, { ca: certificates.ca.cert, ...clientOptions });
  const failure = event(client, 'error').then(([error]) => (side === 'client' ? error : refusal));
  const secure = side === 'client' ? event(client, 'secureConnect') : event(server, 'secureConnection');
  const outcome = await Promise.race([secure.then(() => 'secure'), failure]);
  return { client, outcome };
}

module.exports = { attempt, refused, secured };
