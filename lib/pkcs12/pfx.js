'use strict';

// A private key, its certificate and those that vouch for it, out of one PKCS#12 file.

const { X509Certificate, createPrivateKey } = require('node:crypto');

const { DtlsError } = require('../errors');
const { Unsupported } = require('./pbe');
const { WrongPassphrase, readPkcs12 } = require('./pkcs12');

/** Longest file, bytes. */
const MAX_PFX = 1_048_576;

/**
 * @param {Buffer} bytes the file
 * @param {string} passphrase empty for none
 * @returns {{ key: Buffer, cert: Buffer[], roots: Buffer[] }} DER: the first key that has a certificate, its chain
 *   without the root, and the roots that the file has beside
 */
function openPfx(bytes, passphrase) {
  const { keys, certificates } = read(bytes, passphrase);
  if (keys.length === 0) throw invalidPfx('it holds no private key');
  for (const key of keys) {
    const own = certificates.find((certificate) => certificate.checkPrivateKey(key));
    if (own === undefined) continue;
    const others = certificates.filter((certificate) => certificate !== own);
    return {
      key: key.export({ format: 'der', type: 'pkcs8' }),
      cert: chainOf(own, others).map(({ raw }) => raw),
      roots: others.filter(isRoot).map(({ raw }) => raw),
    };
  }
  throw invalidPfx('it holds no certificate of its private key');
}

function read(bytes, passphrase) {
  if (bytes.length > MAX_PFX) throw invalidPfx(`${bytes.length} bytes exceed the limit of ${MAX_PFX}`);
  try {
    const { keys, certificates } = readPkcs12(bytes, passphrase);
    return { keys: keys.map(privateKey), certificates: certificates.map((der) => new X509Certificate(der)) };
  } catch (cause) {
    throw explained(cause, passphrase);
  }
}

function explained(cause, passphrase) {
  if (cause instanceof WrongPassphrase) {
    const why = passphrase === '' ? 'it has a passphrase' : 'the passphrase is wrong, or the file is damaged';
    return new DtlsError(`The option 'pfx' cannot be read: ${why}`, { code: 'ERR_DTLS_WRONG_PASSPHRASE' });
  }
  if (cause instanceof Unsupported) {
    const advice = 'write it anew, as with `openssl pkcs12 -export`';
    return invalidPfx(`it uses ${cause.message}, which is not supported here; ${advice}`, cause);
  }
  return invalidPfx(`it is not a PKCS#12 file, or it is damaged: ${cause.message}`, cause);
}

function privateKey(der) {
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  return key;
}

/** The certificate and its issuers, in order. The root is left out: a peer that trusts it has it. */
function chainOf(own, others) {
  const chain = [own];
  const rest = new Set(others.filter((certificate) => !isRoot(certificate)));
  for (let last = own; last !== undefined; ) {
    last = [...rest].find((certificate) => isIssuedBy(last, certificate));
    if (last === undefined) break;
    rest.delete(last);
    chain.push(last);
  }
  return chain;
}

function isRoot(certificate) {
  return certificate.ca && isIssuedBy(certificate, certificate);
}

function isIssuedBy(certificate, issuer) {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function invalidPfx(why, cause) {
  return new DtlsError(`The option 'pfx' cannot be used: ${why}`, { code: 'ERR_DTLS_INVALID_PFX', cause });
}

module.exports = { openPfx };
