'use strict';

// Options of node:tls, node:net and node:dgram that do not exist here, each with what applies in its place.

const ELSEWHERE = {
  __proto__: null,
  secureProtocol: 'minVersion and maxVersion choose the versions of DTLS',
  secureOptions: 'there are no OpenSSL options; ciphers, ecdhCurve and sigalgs say what is negotiated',
  dhparam: 'there is no finite-field Diffie-Hellman; ecdhCurve chooses the groups for ECDHE',
  ticketKeys: 'servers have it; a client keeps what getSession() returns',
  sessionTimeout: 'servers have it; a client keeps to what its server says',
  sessionIdContext: 'sessions are bound to the credentials and rules of their server by themselves',
  session: "clients have it; a server's sockets have one that 'resumeSession' takes",
  isServer: 'createServer() makes servers and connect() makes clients',
  allowPartialTrustChain: 'a certificate in ca is trusted by itself',
  privateKeyEngine: 'there are no engines; give the private key as key',
  privateKeyIdentifier: 'there are no engines; give the private key as key',
  clientCertEngine: 'there are no engines; give key and cert',
  requestOCSP: 'there is no OCSP; crl takes revocation lists',
  path: 'there are no pipes; give host and port',
  timeout: 'idleTimeout closes a quiet connection, and handshakeTimeout gives a handshake up',
  keepAlive: 'UDP has none; idleTimeout closes a quiet connection',
  noDelay: 'UDP has none; each write() leaves at once',
  allowHalfOpen: 'DTLS has no half-closed connections',
  highWaterMark: 'receiveQueueLimit limits the messages that wait to be read, in bytes',
  signal: 'listen() and connect() take a signal; close() ends a server',
  receiveBlockList: 'blockList keeps datagrams of its addresses out',
  sendBlockList: 'blockList keeps clients from connecting to its addresses',
};

/** What applies in place of an option that is known elsewhere; null for any other. */
function elsewhere(option) {
  return ELSEWHERE[option] ?? null;
}

module.exports = { elsewhere };
