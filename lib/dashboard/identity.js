'use strict';

// Who a peer is and where, in one line: its address; the identity of its pre-shared key, the subject of its certificate, or its raw public key.

const { createHash } = require('node:crypto');

/** @returns {string} '192.0.2.1:5684' or '[2001:db8::1]:5684' */
function addressOf({ remoteAddress: address, remotePort: port }) {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** @returns {{ kind: 'psk' | 'certificate' | 'key' | 'none', name: string }} of a socket, once its handshake is over */
function identityOf(socket) {
  const { pskIdentity, publicKey } = socket;
  if (pskIdentity !== undefined) return { kind: 'psk', name: bytesInWords(pskIdentity) };
  const certificate = socket.getPeerX509Certificate();
  if (certificate !== undefined) return { kind: 'certificate', name: nameInWords(certificate.subject) };
  if (publicKey.length > 0) return { kind: 'key', name: keyInWords(publicKey) };
  return { kind: 'none', name: '' };
}

/** @returns {string | null} what a peer whose handshake has failed says it is; nobody has proved it */
function claimInWords(claim) {
  if (claim?.pskIdentity !== undefined) return bytesInWords(claim.pskIdentity);
  if (claim?.subject !== undefined) return nameInWords(claim.subject);
  return claim?.publicKey === undefined ? null : keyInWords(claim.publicKey);
}

/** Text where the bytes are UTF-8, hex where they are not. */
function bytesInWords(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return `0x${bytes.toString('hex')}`;
  }
}

/** Node writes the parts of a name on lines of their own. */
function nameInWords(subject) {
  return (subject ?? '').replaceAll('\n', ', ');
}

function keyInWords(publicKey) {
  return `sha256:${createHash('sha256').update(publicKey).digest('base64')}`;
}

module.exports = { addressOf, claimInWords, identityOf, nameInWords };
