'use strict';

// A client's decision about its server, in node:tls's form: checkServerIdentity(servername, cert) in place of the engine's
// comparison of names, and before verifyPeer.

const { legacyCertificate } = require('../peer-credentials');
const { stateError } = require('../errors');
const { askAboutPeer } = require('./peer');

/**
 * @param {{ verifyPeer?: Function, checkServerIdentity?: Function, servername?: string, rejectUnauthorized: boolean }} rules
 * @param {object} client that asks
 * @param {{ lookup: number, publicKey: Buffer, certificate?: Buffer }} event
 */
function askAboutServer(rules, client, event) {
  const { verifyPeer, checkServerIdentity, servername, rejectUnauthorized } = rules;
  const endpoint = client._endpoint;
  if (event.certificate !== undefined && checkServerIdentity !== undefined) {
    try {
      client._refusal = checkServerIdentity(servername, legacyCertificate(event.certificate, [], false)) ?? null;
    } catch (cause) {
      client._lookupCause = cause;
      endpoint.failLookup(event.lookup, cause);
      return;
    }
  }
  if (verifyPeer === undefined && event.certificate === undefined) {
    // Not the expected key, or nobody would ask; a key has no name to check.
    client._refusal = stateError(
      'ERR_DTLS_PEER_KEY_MISMATCH',
      "The server's raw public key is none of the expected ones",
    );
  }
  if (client._refusal !== null && rejectUnauthorized) endpoint.answerPeer(event.lookup, false);
  else if (verifyPeer === undefined) endpoint.answerPeer(event.lookup, true);
  else askAboutPeer(verifyPeer, endpoint, client, event);
}

module.exports = { askAboutServer };
