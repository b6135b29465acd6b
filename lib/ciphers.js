'use strict';

/**
 * OpenSSL's name of a cipher suite, which is what node:tls's getCipher().name holds. Derived from the IANA name by
 * OpenSSL's own habits; where OpenSSL does not have the suite, this is what it would be called.
 *
 * @param {string} standardName IANA name: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'
 * @returns {string} 'ECDHE-ECDSA-AES128-GCM-SHA256'
 */
function opensslName(standardName) {
  const match = /^TLS_(\w+?)_WITH_(\w+)$/.exec(standardName);
  if (match === null) return standardName;
  let [, keyExchange, cipher] = match;
  cipher = cipher
    .replace(/_(128|192|256)/, '$1')
    .replace('CHACHA20_POLY1305_SHA256', 'CHACHA20_POLY1305')
    .replace('CCM_8', 'CCM8');
  // 'CBC' is left out of the older names, which are those without PSK, and so is the key exchange when it is plain RSA.
  if (!keyExchange.includes('PSK')) cipher = cipher.replace('_CBC', '');
  if (keyExchange === 'RSA') keyExchange = '';
  return `${keyExchange}_${cipher}`.replace(/^_/, '').replaceAll('_', '-');
}

// IANA's numbers of the suites of this module, see src/tls/suites.rs: a saved session names its suite by number.
const NAMES = new Map([
  [0x00a8, 'TLS_PSK_WITH_AES_128_GCM_SHA256'],
  [0x00a9, 'TLS_PSK_WITH_AES_256_GCM_SHA384'],
  [0x00ae, 'TLS_PSK_WITH_AES_128_CBC_SHA256'],
  [0x00af, 'TLS_PSK_WITH_AES_256_CBC_SHA384'],
  [0xc023, 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256'],
  [0xc024, 'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384'],
  [0xc027, 'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256'],
  [0xc028, 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384'],
  [0xc02b, 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'],
  [0xc02c, 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'],
  [0xc02f, 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'],
  [0xc030, 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384'],
  [0xc037, 'TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256'],
  [0xc038, 'TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA384'],
  [0xc0a4, 'TLS_PSK_WITH_AES_128_CCM'],
  [0xc0a5, 'TLS_PSK_WITH_AES_256_CCM'],
  [0xc0a8, 'TLS_PSK_WITH_AES_128_CCM_8'],
  [0xc0a9, 'TLS_PSK_WITH_AES_256_CCM_8'],
  [0xc0ac, 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM'],
  [0xc0ad, 'TLS_ECDHE_ECDSA_WITH_AES_256_CCM'],
  [0xc0ae, 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8'],
  [0xc0af, 'TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8'],
  [0xcca8, 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256'],
  [0xcca9, 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256'],
  [0xccab, 'TLS_PSK_WITH_CHACHA20_POLY1305_SHA256'],
  [0xccac, 'TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256'],
  [0xd001, 'TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256'],
  [0xd002, 'TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384'],
  [0xd003, 'TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256'],
  [0xd005, 'TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256'],
]);

/**
 * @param {number} number IANA's
 * @returns {string} IANA's name
 */
function suiteName(number) {
  return NAMES.get(number) ?? `0x${number.toString(16).padStart(4, '0')}`;
}

module.exports = { opensslName, suiteName };
