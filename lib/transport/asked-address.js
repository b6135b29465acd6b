'use strict';

// A UDP socket that is bound to all addresses of the machine has to answer from the one that was asked (RFC 1122 section
// 4.1.3.5): a client hears nobody else. The native object does that where the system tells which one it was.

const os = require('node:os');
const process = require('node:process');

const { canonicalAddress } = require('./addresses');

const ANY = { __proto__: null, '0.0.0.0': ['IPv4'], '::': ['IPv4', 'IPv6'] };

let hasWarned = false;

/**
 * @param {import('./endpoint').Endpoint} endpoint which uses the socket
 * @param {import('node:dgram').Socket} udp bound
 */
function answerFromAskedAddress(endpoint, udp) {
  const families = ANY[canonicalAddress(udp.address().address)];
  if (families === undefined || endpoint.tellAddressesApart()) return;
  if (!hasWarned && families.some((family) => countAddresses(family) > 1)) warn();
}

/** Addresses of the machine that others can ask. Link-local ones are asked by neighbours alone, and are left out. */
function countAddresses(family) {
  const all = Object.values(os.networkInterfaces()).flat();
  return all.filter((one) => one.family === family && !one.internal && !one.address.startsWith('fe80:')).length;
}

/** Once, because it is the same for every socket. */
function warn() {
  hasWarned = true;
  process.emitWarning(
    'This machine has several addresses, and its system or this UDP socket does not tell which of them a client has asked. ' +
      'The system chooses the address that answers leave from, and a client that has asked another one never hears them. ' +
      "Listen on one address ('host').",
    { type: 'DtlsWarning', code: 'ERR_DTLS_ASKED_ADDRESS_UNKNOWN' },
  );
}

module.exports = { answerFromAskedAddress };
