'use strict';

// Options that say which peers are accepted.

const { invalidArgValue, missingOption } = require('../errors');
const { certificates, isFileName, keyFile } = require('./credentials');

/**
 * One public key or several: PEM or the name of one file as a string, PEM or DER as bytes. Returns an array, which may
 * be empty.
 */
function publicKeys(value, name) {
  if (isFileName(value)) return [keyFile(value, name)];
  return Array.isArray(value) && value.length === 0 ? [] : certificates(value, name);
}

/**
 * Completes a client's options about the server, in place. Raw public keys are welcome when `peerPublicKey` says so, or
 * when verifyPeer decides and there is no `ca` whose verification a raw key would evade.
 */
function completeServerVerification(all) {
  checkPublicKeys(all);
  if (all.ca === undefined && all.verifyPeer !== undefined) all.peerPublicKey ??= [];
}

/**
 * Completes a server's options about its clients, in place. An option that says whom to accept implies `requestCert`.
 */
function completeClientVerification(all) {
  const trusts = ['ca', 'peerPublicKey', 'verifyPeer'].find((name) => all[name] !== undefined);
  all.requestCert ??= trusts !== undefined;
  if (!all.requestCert) {
    if (trusts === 'peerPublicKey' || trusts === 'verifyPeer') {
      throw invalidArgValue('options.requestCert', `must not be false beside "options.${trusts}"`);
    }
    return;
  }
  if (all.key === undefined) {
    throw missingOption('"options.key"', 'a server that asks for certificates or public keys shows its own first');
  }
  // As in node:tls, the roots in the file of the server's own key count when no option says whom to accept.
  if (trusts === undefined && all.roots?.length > 0) all.ca = all.roots;
  if (all.rejectUnauthorized && trusts === undefined && all.ca === undefined) {
    throw missingOption(
      '"options.ca", "options.peerPublicKey" or "options.verifyPeer"',
      'something has to decide about what "options.requestCert" asks for; "rejectUnauthorized: false" accepts all clients',
    );
  }
  completeServerVerification(all);
}

function checkPublicKeys({ peerPublicKey, verifyPeer }) {
  if (peerPublicKey?.length === 0 && verifyPeer === undefined) {
    throw invalidArgValue('options.peerPublicKey', 'must not be an empty array without "options.verifyPeer"');
  }
}

module.exports = { completeClientVerification, completeServerVerification, publicKeys };
