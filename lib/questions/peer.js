'use strict';

// Who the peer is: the options that say whom we accept, the application's decision, and the peer's public key in the
// forms in which it is handed out.

const { certificates, isFileName, keyFile } = require('../options/credentials');
const { invalidArgType, invalidArgValue, missingOption } = require('../errors');
const { Question, askInThreeWays } = require('./question');

/** The public key of a peer that has shown none. */
const NO_KEY = Buffer.alloc(0);

const PEM_LINE = 64;

/** One public key or several: PEM or the name of one file as a string, PEM or DER as bytes. Answers an array, empty if it was. */
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

/** Completes a server's options about its clients, in place. Who says whom to accept means to ask. */
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
  // As in node:tls: who asks, and does not say whom to accept, accepts whom the roots beside his own key vouch for.
  if (trusts === undefined && all.roots?.length > 0) all.ca = all.roots;
  if (all.rejectUnauthorized && trusts === undefined && all.ca === undefined) {
    throw missingOption(
      '"options.ca", "options.peerPublicKey" or "options.verifyPeer"',
      '"options.requestCert" asks for something that somebody has to accept; "rejectUnauthorized: false" accepts all',
    );
  }
  completeServerVerification(all);
}

function checkPublicKeys({ peerPublicKey, verifyPeer }) {
  if (peerPublicKey?.length === 0 && verifyPeer === undefined) {
    throw invalidArgValue('options.peerPublicKey', 'must not be an empty array without "options.verifyPeer"');
  }
}

/**
 * Puts the question whether a peer is accepted to the application.
 *
 * @param {Function} verifyPeer as in the options
 * @param {object} endpoint that asks
 * @param {object} socket of the peer
 * @param {{ lookup: number, publicKey: Buffer, certificate?: Buffer }} event
 */
function askAboutPeer(verifyPeer, endpoint, socket, { lookup, publicKey, certificate }) {
  const peer = certificate === undefined ? { publicKey } : { publicKey, cert: certificate };
  const answer = (accepted) => endpoint.answerPeer(lookup, accepted);
  const fail = (cause) => {
    socket._lookupCause = cause;
    endpoint.failLookup(lookup, cause);
  };
  new Question(checkAnswer, answer, fail).put((respond) => askInThreeWays(verifyPeer, socket, peer, respond));
}

/** A boolean and nothing else: a forgotten `return` must not let anybody in, nor look like a decision. */
function checkAnswer(answer) {
  if (typeof answer !== 'boolean') throw invalidArgType("verifyPeer's answer", 'of type boolean', answer);
  return answer;
}

/** SubjectPublicKeyInfo as PEM (RFC 7468), empty if there is none. */
function publicKeyPem(der) {
  if (der.length === 0) return NO_KEY;
  const lines = der.toString('base64').match(new RegExp(`.{1,${PEM_LINE}}`, 'g'));
  return Buffer.from(`-----BEGIN PUBLIC KEY-----\n${lines.join('\n')}\n-----END PUBLIC KEY-----\n`);
}

module.exports = {
  NO_KEY,
  askAboutPeer,
  completeClientVerification,
  completeServerVerification,
  publicKeyPem,
  publicKeys,
};
