'use strict';

// What a server can be told anew while it runs: addContext() and setSecureContext().

const { certificates, decryptKey, identityHint, privateKey } = require('./credentials');
const { invalidArgValue, missingOption } = require('./errors');
const { OPTIONS, negotiation } = require('./negotiation');
const { pfxFile, takePfx } = require('./pfx');
const { checkOptions, secretString, string } = require('./validate');

const MAX_NAME = 255;

/** `ciphers` as options.js checks it. */
function contextCheckers(ciphers) {
  const credentials = { key: privateKey, passphrase: secretString, cert: certificates, pfx: pfxFile };
  const others = { ca: certificates, crl: certificates, ciphers, pskIdentityHint: identityHint };
  return { __proto__: null, ...credentials, ...others, ...OPTIONS };
}

/**
 * The options of a server with some of them replaced.
 *
 * @param {object} native as options.js made them for the addon
 * @param {unknown} options as the application gives them
 * @param {object} checkers as by contextCheckers()
 * @returns {object} for the addon
 */
function changedOptions(native, options, checkers) {
  const given = checkOptions(options, 'options', checkers);
  const changed = { ...native };
  if (given.pfx !== undefined) {
    takePfx(given);
    changed.key = given.key;
  } else if (given.key !== undefined) {
    changed.key = given.passphrase === undefined ? given.key : decryptKey(given.key, given.passphrase);
    // A key without a certificate is a raw public key; the old certificate would not belong to it.
    delete changed.cert;
  } else if (given.cert !== undefined) {
    throw missingOption('"options.key"', '"options.cert" is of no use without its private key');
  }
  if (given.pskIdentityHint !== undefined && !native.psk) {
    throw missingOption('createServer()\'s "options.psk"', '"options.pskIdentityHint" helps to choose a key');
  }
  for (const name of ['cert', 'ca', 'crl', 'ciphers']) {
    if (given[name] !== undefined) changed[name] = given[name];
  }
  const extended = given.requireExtendedMasterSecret ?? native.negotiation.extendedMasterSecret;
  changed.negotiation = { ...native.negotiation, ...negotiation({ ...given, requireExtendedMasterSecret: extended }) };
  return changed;
}

/** A DNS name, or '*.' and the rest of one: the star stands for one label. */
function namePattern(value, name) {
  const rest = string(value, name).replace(/^\*\./, '');
  if (!/^[A-Za-z0-9._-]+$/.test(rest) || value.length > MAX_NAME) {
    throw invalidArgValue(name, "must be a DNS name, or '*.' and one");
  }
  return value;
}

module.exports = { changedOptions, contextCheckers, namePattern };
