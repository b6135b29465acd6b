'use strict';

// The peer's certificate and public key, in the forms in which sockets hand them out.

const { X509Certificate } = require('node:crypto');

/** The public key of a peer that has not shown one. */
const NO_KEY = Buffer.alloc(0);

/** Base64 characters on a line of PEM (RFC 7468). */
const PEM_LINE = 64;

/**
 * @param {Buffer | undefined} certificate DER
 * @returns {X509Certificate | undefined} undefined when there is none, or when OpenSSL cannot read it
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
 * @param {Buffer[]} others the certificates that the peer has sent after its own
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
    // node:tls marks the end of a chain with a circular reference.
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

/**
 * Who the peer of a failed handshake says it is. Nobody has proved it.
 *
 * @param {{ pskIdentity?: Buffer, publicKey?: Buffer, certificate?: Buffer }} native the addon's error
 * @returns {{ pskIdentity?: Buffer, publicKey?: Buffer, subject?: string }} what is unknown is absent
 */
function claimOf({ pskIdentity, publicKey, certificate }) {
  const claim = {};
  const x509 = x509Certificate(certificate);
  const key = publicKey ?? x509?.publicKey.export({ format: 'der', type: 'spki' });
  if (pskIdentity !== undefined) claim.pskIdentity = pskIdentity;
  if (x509 !== undefined) claim.subject = x509.subject;
  if (key !== undefined) claim.publicKey = key;
  return claim;
}

/** SubjectPublicKeyInfo as PEM (RFC 7468), empty when there is none. */
function publicKeyPem(der) {
  if (der.length === 0) return NO_KEY;
  const lines = der.toString('base64').match(new RegExp(`.{1,${PEM_LINE}}`, 'g'));
  return Buffer.from(`-----BEGIN PUBLIC KEY-----\n${lines.join('\n')}\n-----END PUBLIC KEY-----\n`);
}

module.exports = { NO_KEY, claimOf, legacyCertificate, publicKeyPem, x509Certificate };
