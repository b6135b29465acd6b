'use strict';

// The numbers and texts that node-mbed-dtls had for errors.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { numberOf, textOf } = require('../../lib/adapters/mbed-errors');

// Code, number, and the beginning of the text.
const TABLE = [
  ['ERR_DTLS_ALERT_RECEIVED', -0x7780, 'SSL - A fatal alert message was received'],
  ['ERR_DTLS_BAD_RECORD_MAC', -0x7180, 'SSL - Verification of the message MAC failed'],
  ['ERR_DTLS_CLOSED_DURING_HANDSHAKE', -0x7880, 'SSL - The peer notified us that the connection is going to be closed'],
  ['ERR_DTLS_HANDSHAKE_TIMEOUT', -0x6800, 'SSL - The operation timed out'],
  ['ERR_DTLS_LOOKUP_FAILED', -0x6c80, 'SSL - Unknown identity received'],
  ['ERR_DTLS_NOT_DTLS', -0x6800, 'SSL - The operation timed out'],
  ['ERR_DTLS_NO_ANSWER', -0x6800, 'SSL - The operation timed out'],
  ['ERR_DTLS_NO_PSK', -0x7600, 'SSL - The own private key or pre-shared key is not set'],
  ['ERR_DTLS_NO_SHARED_CIPHER', -0x7380, 'SSL - The server has no ciphersuites in common'],
  ['ERR_DTLS_PAYLOAD_TOO_LARGE', -0x7100, 'SSL - Bad input parameters to function'],
  ['ERR_DTLS_PROTOCOL', -0x7700, 'SSL - An unexpected message was received from our peer'],
  ['ERR_DTLS_SOCKET_CLOSED', -0x7280, 'SSL - The connection indicated an EOF'],
  ['ERR_DTLS_UNKNOWN_PSK_IDENTITY', -0x6c80, 'SSL - Unknown identity received'],
  ['ERR_DTLS_WRONG_PSK', -0x7180, 'SSL - Verification of the message MAC failed'],
  ['ERR_DTLS_ANYTHING_ELSE', -0x6c00, 'SSL - Internal error'],
  ['CERT_HAS_EXPIRED', -0x2700, 'X509 - Certificate verification failed'],
  ['XERR_DTLS_X', -0x2700, 'X509 - Certificate verification failed'],
  ['toString', -0x2700, 'X509 - Certificate verification failed'],
];

for (const [code, number, text] of TABLE) {
  test(`${code} has its number and its text`, () => {
    assert.equal(numberOf({ code, errno: 0 }), number);
    const words = textOf({ code, errno: 0, message: 'ours' });
    assert(words.startsWith(text), words);
  });
}

test("Mbed TLS's own number counts, and a number without a text keeps the message", () => {
  assert.equal(numberOf({ code: 'ERR_DTLS_WRONG_PSK', errno: -0x7280 }), -0x7280);
  assert.match(textOf({ code: 'ERR_DTLS_WRONG_PSK', errno: -0x7280, message: 'ours' }), /EOF$/);
  assert.equal(textOf({ code: 'ERR_DTLS_WRONG_PSK', errno: -1, message: 'ours' }), 'ours');
});
