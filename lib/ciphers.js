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

module.exports = { opensslName };
