'use strict';

// PKCS#12 (RFC 7292): the keys and certificates of one file, whose MAC is verified first.

const crypto = require('node:crypto');

const { SEQUENCE, context, parse } = require('./der');
const { Passphrase, Unsupported } = require('./pbe');

const VERSION = 3;

const DATA = '1.2.840.113549.1.7.1';
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6';

const KEY_BAG = '1.2.840.113549.1.12.10.1.1';
const SHROUDED_KEY_BAG = '1.2.840.113549.1.12.10.1.2';
const CERT_BAG = '1.2.840.113549.1.12.10.1.3';
const SAFE_CONTENTS_BAG = '1.2.840.113549.1.12.10.1.6';

const X509_CERTIFICATE = '1.2.840.113549.1.9.22.1';

/** How deep safes may be nested. The standard sets no limit, and no program nests them. */
const MAX_NESTED_SAFES = 8;

/** The passphrase is wrong or the file is damaged: the MAC does not tell which. */
class WrongPassphrase extends Error {}

/**
 * @param {Buffer} bytes
 * @param {string} text the passphrase, empty for none
 * @returns {{ keys: Buffer[], certificates: Buffer[] }} PKCS#8 and X.509, DER, in the order of the file
 * @throws {WrongPassphrase}
 * @throws {Unsupported} for an algorithm that is not implemented here
 * @throws {SyntaxError} for anything but PKCS#12
 */
function readPkcs12(bytes, text) {
  const [version, authSafe, macData] = parse(bytes).fields(2);
  if (version.integer() !== VERSION) throw new SyntaxError(`a PKCS#12 file of version ${version.integer()}`);
  const content = dataOf(authSafe);
  const passphrase = new Passphrase(text);
  try {
    verify(passphrase, macData, content);
    const safes = parse(content).children(SEQUENCE);
    const found = { keys: [], certificates: [] };
    for (const safe of safes) collect(found, passphrase, parse(safeContents(passphrase, safe)), 0);
    return found;
  } finally {
    passphrase.wipe();
  }
}

/** Verifies the MAC, before anything is decrypted. */
function verify(passphrase, macData, content) {
  if (macData === undefined) {
    // As in OpenSSL 3.0, a passphrase has to prove itself by the MAC.
    if (!passphrase.isEmpty) throw new Unsupported('no MAC beside its passphrase');
    return;
  }
  const [digestInfo, salt, iterations] = macData.fields(2);
  const [algorithm, digest] = digestInfo.fields(2);
  const expected = digest.octets();
  do {
    const mac = passphrase.mac(algorithm, salt.octets(), iterations?.integer() ?? 1, content);
    if (mac.length === expected.length && crypto.timingSafeEqual(mac, expected)) return;
  } while (passphrase.takeOther());
  throw new WrongPassphrase();
}

/** SafeContents of a ContentInfo, encrypted or not. */
function safeContents(passphrase, contentInfo) {
  const [type, content] = contentInfo.fields(2);
  if (type.oid() === DATA) return dataOf(contentInfo);
  if (type.oid() !== ENCRYPTED_DATA) throw new SyntaxError(`a safe of the kind ${type.oid()}`);
  const [, encrypted] = content.only(context(0)).fields(2);
  const [, algorithm, bytes] = encrypted.fields(3);
  return decrypt(passphrase, algorithm, bytes.octets(0x80));
}

function dataOf(contentInfo) {
  const [type, content] = contentInfo.fields(2);
  if (type.oid() !== DATA) throw new SyntaxError(`a content of the kind ${type.oid()}`);
  return content.only(context(0)).octets();
}

function collect(found, passphrase, contents, depth) {
  if (depth > MAX_NESTED_SAFES) throw new SyntaxError(`safes nested more than ${MAX_NESTED_SAFES} deep`);
  for (const bag of contents.children(SEQUENCE)) {
    const [type, value] = bag.fields(2);
    const kind = type.oid();
    if (kind === KEY_BAG) found.keys.push(value.only(context(0)).bytes);
    else if (kind === SHROUDED_KEY_BAG) {
      const [algorithm, bytes] = value.only(context(0)).fields(2);
      found.keys.push(decrypt(passphrase, algorithm, bytes.octets()));
    } else if (kind === CERT_BAG) {
      const [type, certificate] = value.only(context(0)).fields(2);
      if (type.oid() === X509_CERTIFICATE) found.certificates.push(certificate.only(context(0)).octets());
    } else if (kind === SAFE_CONTENTS_BAG) collect(found, passphrase, value.only(context(0)), depth + 1);
    // Bags with revocation lists and other secrets are ignored.
  }
}

function decrypt(passphrase, algorithm, bytes) {
  try {
    return passphrase.decrypt(algorithm, bytes);
  } catch (error) {
    // OpenSSL reports wrong padding or half a block.
    if (error.code?.startsWith('ERR_OSSL_')) throw new WrongPassphrase();
    throw error;
  }
}

module.exports = { WrongPassphrase, readPkcs12 };
