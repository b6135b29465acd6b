'use strict';

const { stateError } = require('../errors');
const { legacyCertificate } = require('../peer-credentials');
const { PeerQuestion } = require('./peer');

/**
 * A client's decision about its server: node:tls's checkServerIdentity(servername, cert), which takes the place of the
 * engine's comparison of names, then verifyPeer. The source is `rules` as by clientOptions().
 */
class ServerIdentityQuestion extends PeerQuestion {
  ask(respond) {
    const { verifyPeer, checkServerIdentity, servername, rejectUnauthorized } = this.source;
    const { certificate } = this.event;
    const client = this.socket;
    if (certificate !== undefined && checkServerIdentity !== undefined) {
      client._refusal = checkServerIdentity(servername, legacyCertificate(certificate, [], false)) ?? null;
    }
    if (certificate === undefined && verifyPeer === undefined) {
      // The native object asks about a raw public key only when it is not an expected one. A key has no name to check.
      client._refusal = stateError(
        'ERR_DTLS_PEER_KEY_MISMATCH',
        "The server's raw public key is none of the expected ones",
      );
    }
    if (client._refusal !== null && rejectUnauthorized) respond(null, false);
    else if (verifyPeer === undefined) respond(null, true);
    else super.ask(respond);
  }
}

module.exports = { ServerIdentityQuestion };
