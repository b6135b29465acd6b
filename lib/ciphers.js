'use strict';

// Names of cipher suites, as the addon says. A saved connection and a brief event name their suite by its number.

const { Capabilities } = require('./native');

const { ciphers } = Capabilities.read();

const OPENSSL_NAMES = new Map(ciphers.map(({ standardName, name }) => [standardName, name]));
const STANDARD_NAMES = new Map(ciphers.map(({ id, standardName }) => [id, standardName]));

/**
 * @param {string} standardName IANA's name: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'
 * @returns {string} OpenSSL's name, which is what node:tls's getCipher().name holds: 'ECDHE-ECDSA-AES128-GCM-SHA256'
 */
function opensslName(standardName) {
  return OPENSSL_NAMES.get(standardName) ?? standardName;
}

/**
 * @param {number} number IANA's
 * @returns {string} IANA's name
 */
function suiteName(number) {
  return STANDARD_NAMES.get(number) ?? `0x${number.toString(16).padStart(4, '0')}`;
}

/**
 * @param {string} standardName IANA's
 * @returns {'DTLSv1.2' | 'DTLSv1.3'} the version whose suite it is: the newer one's say nothing of the key exchange
 */
function suiteVersion(standardName) {
  return standardName.includes('_WITH_') ? 'DTLSv1.2' : 'DTLSv1.3';
}

module.exports = { opensslName, suiteName, suiteVersion };
