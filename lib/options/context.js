'use strict';

// What a server shows its clients: contexts that are made once, and credentials that change while the server runs.

const { invalidArgType, invalidArgValue, missingOption } = require('../errors');
const native = require('../native');
const { certificates, identityHint } = require('./credentials');
const { refusal } = require('./key-material');
const {
  OPTIONS,
  impliedVersion,
  namesVersion,
  negotiation,
  speaksNewerVersion,
  withoutNewerVersion,
} = require('./negotiation');
const { openKeys, pfxFiles, privateKeys } = require('./own-keys');
const { boolean, checkOptions, secretString, string } = require('./validate');

const MAX_NAME = 255;

/** Checkers of a context's options. `ciphers` is the checker of that option. */
function contextCheckers(ciphers) {
  const credentials = { key: privateKeys, passphrase: secretString, cert: certificates, pfx: pfxFiles };
  const others = { ca: certificates, crl: certificates, ciphers, honorCipherOrder: boolean, nameAuthorities: boolean };
  return { __proto__: null, ...credentials, ...others, pskIdentityHint: identityHint, ...OPTIONS };
}

/** The contents of each SecureContext. They are not on the object because they hold keys. */
const CHECKED = new WeakMap();

/** Credentials and what is negotiated with them, checked by createSecureContext(). */
class SecureContext {
  get [Symbol.toStringTag]() {
    return 'SecureContext';
  }
}

/**
 * @param {unknown} options as the application gives them
 * @param {object} checkers as by contextCheckers()
 * @param {object} defaults the addon's options of a server that has been given none
 * @returns {SecureContext}
 * @throws {DtlsError} when the addon refuses the key material
 */
function makeSecureContext(options, checkers, defaults) {
  const checked = checkOptions(options, 'options', checkers);
  const prepared = prepareKey(checked);
  // It is not known yet which server will use it; what no server could use is refused here.
  makeNative(changedOptions(defaults, prepared));
  const context = Object.freeze(new SecureContext());
  CHECKED.set(context, prepared);
  return context;
}

/** One server's contexts: its own, which can be replaced, and those that have been made for names. */
class ServerContexts {
  // It is private because it holds keys.
  #options;
  #checkers;
  // Options of the contexts for names, which are made anew when the versions change.
  #named = new Map();
  #namesVersion;
  // Whether the newer version is left out.
  #isOlder = false;
  // Native objects by SecureContext. Each is parsed once for this server, whose options complete it.
  #parsed = new WeakMap();

  /**
   * @param {object} options as options.js made them for the addon
   * @param {object} checkers as by contextCheckers()
   * @param {boolean} isVersionNamed whether the newest version is the application's wish
   */
  constructor(options, checkers, isVersionNamed) {
    this.#options = options;
    this.#checkers = checkers;
    this.#namesVersion = isVersionNamed;
  }

  /**
   * Leaves the newer version out as long as the application saves connections, of which only the older one has copies
   * (docs/restarts.md), unless the application has named the version.
   */
  saveConnections(endpoint, saves) {
    const isOlder = saves && !this.#namesVersion && speaksNewerVersion(this.#options);
    if (isOlder === this.#isOlder) return;
    this.#isOlder = isOlder;
    this.#parsed = new WeakMap();
    endpoint.native.setSecureContext(makeVersions(this.#options, isOlder));
    for (const [pattern, checked] of this.#named) endpoint.native.addContext(pattern, this.#make(checked));
  }

  /** Does what addContext() is for. */
  add(endpoint, servername, context) {
    const pattern = namePattern(servername, 'servername');
    const checked = this.#check(context, 'context');
    if (checked.key === undefined && checked.pskIdentityHint === undefined) {
      const needed = '"options.key", "options.pfx" or "options.pskIdentityHint"';
      throw missingOption(needed, 'a name needs something of its own');
    }
    endpoint.native.addContext(pattern, this.#parse(context, checked));
    this.#named.set(pattern, checked);
  }

  /** Does what setSecureContext() is for. */
  replace(endpoint, context) {
    const checked = this.#check(context, 'context');
    const options = changedOptions(this.#options, checked);
    const isVersionNamed = this.#namesVersion || namesVersion(checked);
    const isOlder = this.#isOlder && !isVersionNamed;
    endpoint.native.setSecureContext(makeVersions(options, isOlder));
    this.#options = options;
    this.#namesVersion = isVersionNamed;
    this.#isOlder = isOlder;
    this.#parsed = new WeakMap();
  }

  /** The native form of SNICallback's answer; null stands for the server's own context. */
  answer(context) {
    return context == null ? null : this.#parse(context, this.#check(context, "SNICallback's answer"));
  }

  #check(context, name) {
    const known = CHECKED.get(context);
    if (known !== undefined) return known;
    if (context === null || typeof context !== 'object' || Array.isArray(context)) {
      throw invalidArgType(name, 'an instance of SecureContext or of type object', context);
    }
    return prepareKey(checkOptions(context, 'options', this.#checkers));
  }

  /** Plain options are parsed each time, because they may have changed. */
  #parse(context, checked) {
    const known = this.#parsed.get(context);
    if (known !== undefined) return known;
    const parsed = this.#make(checked);
    if (CHECKED.has(context)) this.#parsed.set(context, parsed);
    return parsed;
  }

  #make(checked) {
    return makeVersions(changedOptions(this.#options, checked), this.#isOlder && !namesVersion(checked));
  }
}

/** Checks that an option is a context, and answers its options, which have been checked. */
function secureContext(value, name) {
  const checked = CHECKED.get(value);
  if (checked === undefined) throw invalidArgType(name, 'an instance of SecureContext', value);
  return checked;
}

/** @throws {DtlsError} when the addon refuses the key material */
function makeNative(options) {
  try {
    return new native.ServerContext(options);
  } catch (error) {
    throw refusal(error, options);
  }
}

/** @param {boolean} isOlder whether the newer version is left out, unless suites or groups leave no other */
function makeVersions(options, isOlder) {
  if (!isOlder) return makeNative(options);
  try {
    return makeNative(withoutNewerVersion(options));
  } catch {
    return makeNative(options);
  }
}

/** Decrypts the keys or takes them out of their files, in place. */
function prepareKey(checked) {
  openKeys(checked);
  // The key is open now, and neither is needed any more.
  delete checked.passphrase;
  delete checked.pfx;
  return checked;
}

/**
 * The options of a server with some of them replaced.
 *
 * @param {object} options as options.js made them for the addon
 * @param {object} checked as by prepareKey()
 * @returns {object} for the addon
 */
function changedOptions(options, checked) {
  const changed = { __proto__: null, ...options };
  // A key without a certificate is a raw public key; the old certificate would not belong to it.
  if (checked.key !== undefined) {
    delete changed.cert;
    delete changed.otherKeys;
  }
  for (const name of ['key', 'otherKeys', 'cert', 'ca', 'crl', 'ciphers']) {
    if (checked[name] !== undefined) changed[name] = checked[name];
  }
  if (checked.pskIdentityHint !== undefined && !options.psk) {
    throw missingOption('createServer()\'s "options.psk"', '"options.pskIdentityHint" helps to choose a key');
  }
  const extended = checked.requireExtendedMasterSecret ?? options.negotiation.extendedMasterSecret;
  const wishes = negotiation({
    __proto__: null,
    ...impliedVersion(checked),
    ...checked,
    requireExtendedMasterSecret: extended,
  });
  changed.negotiation = { __proto__: null, ...options.negotiation, ...wishes };
  return changed;
}

/** A DNS name, or '*.' and the rest of one, where the star stands for one label. */
function namePattern(value, name) {
  const rest = string(value, name).replace(/^\*\./, '');
  if (!/^[A-Za-z0-9._-]+$/.test(rest) || value.length > MAX_NAME) {
    throw invalidArgValue(name, "must be a DNS name, or '*.' and one");
  }
  return value;
}

module.exports = { ServerContexts, contextCheckers, makeSecureContext, secureContext };
