'use strict';

// The peer's certificate in the forms of node:tls.

const { X509Certificate } = require('node:crypto');

/**
 * @param {Buffer | undefined} certificate DER
 * @returns {X509Certificate | undefined} undefined when there is none, or none that OpenSSL can read
 */
function x509Certificate(certificate) {
  if (certificate === undefined) return undefined;
  try {
    return new X509Certificate(certificate);
  } catch {
    return undefined;
  }
}

/**
 * As tls.TLSSocket#getPeerCertificate() shapes it.
 *
 * @param {Buffer | undefined} certificate DER
 * @param {Buffer[]} others that the peer has sent behind it
 * @param {boolean} detailed whether `issuerCertificate` is wanted, as far as the peer has sent it
 * @returns {object} empty when there is no certificate
 */
function legacyCertificate(certificate, others, detailed) {
  const own = x509Certificate(certificate);
  if (own === undefined) return {};
  const object = own.toLegacyObject();
  if (!detailed) return object;
  const rest = others.map(x509Certificate).filter((other) => other !== undefined);
  let last = { x509: own, object };
  for (;;) {
    // Where a chain ends; node:tls says so with a circle.
    if (last.x509.issuer === last.x509.subject) {
      last.object.issuerCertificate = last.object;
      break;
    }
    const index = rest.findIndex((other) => last.x509.checkIssued(other));
    if (index === -1) break;
    const [issuer] = rest.splice(index, 1);
    const next = { x509: issuer, object: issuer.toLegacyObject() };
    last.object.issuerCertificate = next.object;
    last = next;
  }
  return object;
}

module.exports = { legacyCertificate, x509Certificate };
