'use strict';

// What can go wrong, in words for the person at the terminal: what happened, and what to do.

const EXIT = { OK: 0, FAILED: 1, USAGE: 2 };

/** The command line, a file or the environment is wrong, and nothing has been tried. */
class UsageError extends Error {
  constructor(message, advice = '', code = 'USAGE') {
    super(message);
    this.advice = advice;
    this.code = code;
  }
}

/** The peer or the system refused, or did not answer. */
class Failure extends Error {
  constructor(message, advice = '', code = 'FAILED') {
    super(message);
    this.advice = advice;
    this.code = code;
  }
}

/** What to do, by the code of an error. */
const ADVICE = {
  __proto__: null,
  CERT_HAS_EXPIRED: "The peer needs a new certificate; also check this machine's clock.",
  CERT_NOT_YET_VALID: "Check this machine's clock, and the peer's when it made the certificate.",
  DEPTH_ZERO_SELF_SIGNED_CERT: 'If you trust this certificate, name its file with --ca.',
  ERR_DTLS_HANDSHAKE_TIMEOUT: 'Check that no firewall drops large datagrams. --timeout gives the handshake more time.',
  ERR_DTLS_INVALID_KEY:
    'Check the file. If the key is encrypted, put its passphrase into the environment, as MBED_DTLS_PASSPHRASE.',
  ERR_DTLS_NOT_DTLS: 'Check the port: another protocol lives there.',
  ERR_DTLS_NO_ANSWER:
    'Check host and port, that a DTLS server listens there, and that no firewall drops UDP. ' +
    '--timeout gives it more time.',
  ERR_DTLS_NO_PEER_CERTIFICATE: 'The peer has none of what was asked for. Check --ca and --peer-key.',
  ERR_DTLS_NO_SHARED_CIPHER: 'Check --ciphers, and that both sides authenticate in the same way.',
  ERR_DTLS_PEER_KEY_MISMATCH: "The peer's key is none of --peer-key. Somebody else may be answering.",
  ERR_DTLS_UNKNOWN_PSK_IDENTITY: 'Add the identity to the file of --psk.',
  ERR_DTLS_WRONG_PASSPHRASE: 'Put the passphrase into the environment, as MBED_DTLS_PASSPHRASE.',
  ERR_DTLS_WRONG_VERSION: 'mbed-dtls inspect shows which versions the peer has. Check --dtls and --ciphers.',
  ERR_DTLS_WRONG_PSK: 'Both sides must have the same key for this identity.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'If this is the right server, give the name in its certificate with --servername.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "Name the certificate of the peer's authority with --ca.",
};

/** What has happened and what to do, by the codes of the system. */
const SYSTEM = {
  __proto__: null,
  EACCES: ['this port may not be used', 'Choose a port above 1023, or run with the right to use this one.'],
  EADDRINUSE: ['another program has this UDP port', "Choose another port, or 0 for one of the system's choice."],
  EADDRNOTAVAIL: ['this machine does not have that address', 'Choose one that it has, or leave HOST out.'],
  EAI_AGAIN: ['the host name could not be looked up now', 'Check the network, or give an IP address.'],
  ECONNREFUSED: ['nobody listens on that port', 'Check the port, and that the server is running.'],
  EHOSTUNREACH: ['that host cannot be reached', 'Check the address and the network.'],
  ENETUNREACH: ['this machine has no route to that address', 'Check the address and the network.'],
  ENOTFOUND: ['there is no host of that name', 'Check its spelling, or give an IP address.'],
};

/** What to do about alerts of the peer, by their numbers. */
const ALERT_ADVICE = {
  __proto__: null,
  20: 'Check that key and identity are those that the peer knows.',
  40: 'The two sides have nothing in common, or the peer wants a key that was not given. mbed-dtls inspect shows what it accepts.',
  42: 'The peer does not accept the certificate. Check --cert.',
  44: 'The certificate is on a revocation list of the peer. Its authority has to make another one.',
  45: "The certificate has expired, or the peer's clock is wrong.",
  48: 'The peer does not know the authority of the certificate. Check --cert, and the CA that the peer has.',
  43: 'Check whether the peer wants a certificate (--cert, --ca) or a raw public key (--key alone, --peer-key).',
  49: 'Check that the peer has our key.',
  51: 'Check that key and identity are those that the peer knows.',
  115: 'The peer does not know this identity. Check --psk.',
  116: 'The peer wants a certificate: --cert and --key, or a raw public key: --key.',
};

/** @returns {{ code: string, message: string, advice: string, isUsage: boolean }} */
function explain(error) {
  const isUsage = error instanceof UsageError;
  if (isUsage || error instanceof Failure) {
    return { code: error.code, message: error.message, advice: error.advice, isUsage };
  }
  const code = error?.code ?? 'ERR_DTLS_INTERNAL';
  if (code in SYSTEM) {
    const [message, advice] = SYSTEM[code];
    return { code, message, advice, isUsage };
  }
  const message = typeof error?.message === 'string' ? error.message : String(error);
  return { code, message, advice: adviceFor(code, error?.alert), isUsage };
}

function adviceFor(code, alert) {
  const advice = (code === 'ERR_DTLS_ALERT_RECEIVED' ? ALERT_ADVICE[alert] : undefined) ?? ADVICE[code];
  if (advice !== undefined) return advice;
  return /^ERR_D?TLS/.test(code) ? `docs/errors.md has a heading for ${code}.` : '';
}

/** Runs a call that checks options and reads key material, and that throws when they are wrong. */
function configured(call) {
  try {
    return call();
  } catch (error) {
    if (error.code === 'ERR_DTLS_NO_BINARY') throw error;
    const { code, message, advice } = explain(error);
    throw new UsageError(message, advice, code);
  }
}

module.exports = { EXIT, Failure, UsageError, configured, explain };
