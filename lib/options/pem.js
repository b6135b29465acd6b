'use strict';

// PEM as it is found in files, in the one form that the addon reads (RFC 7468): with blanks behind the lines, and under the
// labels that OpenSSL takes as well.

const BEGIN = '-----BEGIN ';

/** Whether there is anything to change: nearly always there is not. */
const UNUSUAL = /-----[ \t]+\r?$|-----BEGIN (?:TRUSTED|X509) CERTIFICATE-----/m;

const BLANKS = /^(-----(?:BEGIN|END) [A-Z0-9 ]+-----)[ \t]+(\r?)$/gm;

const OLD_LABEL = /-----(BEGIN|END) X509 CERTIFICATE-----/g;

const TRUSTED = /-----BEGIN TRUSTED CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END TRUSTED CERTIFICATE-----/g;

/** @param {Buffer} bytes PEM or DER */
function usualPem(bytes) {
  if (!bytes.includes(BEGIN)) return bytes;
  const text = bytes.toString('latin1');
  if (!UNUSUAL.test(text)) return bytes;
  const usual = text
    .replace(BLANKS, '$1$2')
    .replace(OLD_LABEL, '-----$1 CERTIFICATE-----')
    .replace(TRUSTED, (_section, base64) => certificateOnly(Buffer.from(base64, 'base64')));
  return Buffer.from(usual, 'latin1');
}

/** OpenSSL puts what it trusts the certificate for behind it. That is none of our business: `ca` says what is trusted. */
function certificateOnly(der) {
  const certificate = der.subarray(0, lengthOfElement(der));
  return `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64')}\n-----END CERTIFICATE-----`;
}

/** Bytes of the first element in DER, header included; all when it makes no sense, which the addon then says. */
function lengthOfElement(der) {
  const first = der[1] ?? 0;
  if (first < 0x80) return 2 + first;
  const octets = first - 0x80;
  if (octets === 0 || octets > 4 || der.length < 2 + octets) return der.length;
  return 2 + octets + der.readUIntBE(2, octets);
}

module.exports = { usualPem };
