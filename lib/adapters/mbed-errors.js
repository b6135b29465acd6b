'use strict';

// Errors as node-mbed-dtls told them: Mbed TLS's number, and Mbed TLS's text.

/** Mbed TLS 2's texts for the numbers that node-mbed-dtls handed out. */
const TEXTS = new Map([
  [-0x2700, 'X509 - Certificate verification failed, e.g. CRL, CA or signature check failed'],
  [-0x6800, 'SSL - The operation timed out'],
  [-0x6c00, 'SSL - Internal error (eg, unexpected failure in lower-level module)'],
  [-0x6c80, 'SSL - Unknown identity received (eg, PSK identity)'],
  [-0x7100, 'SSL - Bad input parameters to function'],
  [-0x7180, 'SSL - Verification of the message MAC failed'],
  [-0x7280, 'SSL - The connection indicated an EOF'],
  [-0x7380, 'SSL - The server has no ciphersuites in common with the client'],
  [-0x7600, 'SSL - The own private key or pre-shared key is not set, but needed'],
  [-0x7700, 'SSL - An unexpected message was received from our peer'],
  [-0x7780, 'SSL - A fatal alert message was received from our peer'],
  [-0x7880, 'SSL - The peer notified us that the connection is going to be closed'],
]);

/** Numbers for errors that do not come from Mbed TLS, or that Mbed TLS distinguishes less exactly. */
const NUMBERS = {
  __proto__: null,
  ERR_DTLS_ALERT_RECEIVED: -0x7780,
  ERR_DTLS_BAD_RECORD_MAC: -0x7180,
  ERR_DTLS_CLOSED_DURING_HANDSHAKE: -0x7880,
  ERR_DTLS_HANDSHAKE_TIMEOUT: -0x6800,
  ERR_DTLS_LOOKUP_FAILED: -0x6c80,
  ERR_DTLS_NOT_DTLS: -0x6800,
  ERR_DTLS_NO_ANSWER: -0x6800,
  ERR_DTLS_NO_PSK: -0x7600,
  ERR_DTLS_NO_SHARED_CIPHER: -0x7380,
  ERR_DTLS_PAYLOAD_TOO_LARGE: -0x7100,
  ERR_DTLS_PROTOCOL: -0x7700,
  ERR_DTLS_SOCKET_CLOSED: -0x7280,
  ERR_DTLS_UNKNOWN_PSK_IDENTITY: -0x6c80,
  ERR_DTLS_WRONG_PSK: -0x7180,
};

/** Mbed TLS's number for an error. */
function numberOf({ code, errno }) {
  if (errno !== 0) return errno;
  return NUMBERS[code] ?? (/^ERR_DTLS_/.test(code) ? -0x6c00 : -0x2700);
}

/** Mbed TLS's text for an error. */
function textOf(error) {
  return TEXTS.get(numberOf(error)) ?? error.message;
}

module.exports = { numberOf, textOf };
