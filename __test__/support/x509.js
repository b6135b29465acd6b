'use strict';

// Certificates and revocation lists of any shape, well-formed or not, written as DER and signed by node:crypto: for the
// tests that judge chains, which need hundreds of them at once.

const crypto = require('node:crypto');

const VALID = ['20200101000000Z', '20491231235959Z'];

// --- DER (X.690) -----------------------------------------------------------------------------------------------------

function tlv(tag, ...parts) {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  const digits = length.subarray(length.findIndex((byte) => byte !== 0));
  return Buffer.concat([Buffer.from([tag, 0x80 | digits.length]), digits, content]);
}

const sequence = (...parts) => tlv(0x30, ...parts);
const set = (...parts) => tlv(0x31, ...parts);
const octets = (...parts) => tlv(0x04, ...parts);
const boolean = (value) => tlv(0x01, [value ? 0xff : 0]);
const utf8 = (text) => tlv(0x0c, Buffer.from(text));
/** RFC 5280, 4.1.2.5: two digits for the year until 2049. */
const time = (text) => (text < '2050' ? tlv(0x17, Buffer.from(text.slice(2))) : tlv(0x18, Buffer.from(text)));
const bits = (bytes, unused = 0) => tlv(0x03, [unused], bytes);

/** A number below 2^47, or bytes. */
function integer(value) {
  if (typeof value !== 'number') return tlv(0x02, value);
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 0, 6);
  const first = bytes.findIndex((byte, index) => byte !== 0 || index === 5);
  return tlv(0x02, bytes[first] & 0x80 ? [0] : [], bytes.subarray(first));
}

function oid(text) {
  const [first, second, ...rest] = text.split('.').map(Number);
  const digits = (number) => {
    const bytes = [number & 0x7f];
    for (let left = number >> 7; left > 0; left >>= 7) bytes.unshift(0x80 | (left & 0x7f));
    return bytes;
  };
  return tlv(0x06, digits(first * 40 + second), ...rest.map(digits));
}

// --- names (RFC 5280) ------------------------------------------------------------------------------------------------

const ATTRIBUTES = { C: '2.5.4.6', O: '2.5.4.10', CN: '2.5.4.3', emailAddress: '1.2.840.113549.1.9.1' };

/** `CN=a` or `O=b,CN=a`; nothing is a name without attributes. */
function name(text) {
  const attribute = (entry) => {
    const [type, value] = entry.split('=');
    return set(sequence(oid(ATTRIBUTES[type]), utf8(value)));
  };
  return sequence(...(text === '' ? [] : text.split(',').map(attribute)));
}

/** A GeneralName: `dns:a`, `email:a`, `uri:a`, `dir:CN=a`, `ip:` and hexadecimal digits. */
function generalName(text) {
  const [, kind, value] = /^(\w+):(.*)$/s.exec(text);
  if (kind === 'dir') return tlv(0xa4, name(value));
  if (kind === 'ip') return tlv(0x87, Buffer.from(value, 'hex'));
  return tlv({ email: 0x81, dns: 0x82, uri: 0x86 }[kind], Buffer.from(value));
}

// --- extensions ------------------------------------------------------------------------------------------------------

const extension = (id, content, critical = false) =>
  sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(content));

const PURPOSES = { serverAuth: 1, clientAuth: 2, codeSigning: 3, ocspSigning: 9 };
const USAGES = { digitalSignature: 0x80, keyEncipherment: 0x20, keyAgreement: 0x08, keyCertSign: 0x04, cRLSign: 0x02 };

const extensions = {
  basicConstraints: (ca, pathLength, critical = true) =>
    extension(
      '2.5.29.19',
      sequence(...(ca ? [boolean(true)] : []), ...(pathLength === undefined ? [] : [integer(pathLength)])),
      critical,
    ),
  keyUsage: (...usages) =>
    extension('2.5.29.15', bits([usages.reduce((byte, usage) => byte | USAGES[usage], 0)], 1), true),
  extendedKeyUsage: (...purposes) =>
    extension(
      '2.5.29.37',
      sequence(
        ...purposes.map((purpose) => oid(purpose === 'any' ? '2.5.29.37.0' : `1.3.6.1.5.5.7.3.${PURPOSES[purpose]}`)),
      ),
    ),
  alternativeNames: (...names) => extension('2.5.29.17', sequence(...names.map(generalName))),
  nameConstraints: ({ permitted = [], excluded = [] }, critical = false) => {
    const subtrees = (tag, names) =>
      names.length === 0 ? [] : [tlv(tag, ...names.map((entry) => sequence(generalName(entry))))];
    return extension('2.5.29.30', sequence(...subtrees(0xa0, permitted), ...subtrees(0xa1, excluded)), critical);
  },
  policies: (critical, ...ids) => extension('2.5.29.32', sequence(...ids.map((id) => sequence(oid(id)))), critical),
  policyConstraints: (required, critical) => extension('2.5.29.36', sequence(tlv(0x80, [required])), critical),
  inhibitAnyPolicy: (skip, critical) => extension('2.5.29.54', integer(skip), critical),
  unknown: (critical) => extension('1.3.6.1.4.1.99999.1', octets([1, 2, 3]), critical),
};

// --- signatures ------------------------------------------------------------------------------------------------------

const HASHES = {
  md5: { rsa: '1.2.840.113549.1.1.4' },
  sha1: { rsa: '1.2.840.113549.1.1.5', ec: '1.2.840.10045.4.1' },
  sha224: { rsa: '1.2.840.113549.1.1.14', ec: '1.2.840.10045.4.3.1' },
  sha256: { rsa: '1.2.840.113549.1.1.11', ec: '1.2.840.10045.4.3.2', id: '2.16.840.1.101.3.4.2.1' },
  sha384: { rsa: '1.2.840.113549.1.1.12', ec: '1.2.840.10045.4.3.3' },
  sha512: { rsa: '1.2.840.113549.1.1.13', ec: '1.2.840.10045.4.3.4' },
};

function signing(key, hash, pss) {
  if (key.asymmetricKeyType === 'ed25519') return { algorithm: sequence(oid('1.3.101.112')), sign: [null, key] };
  if (pss || key.asymmetricKeyType === 'rsa-pss') {
    const digest = sequence(oid(HASHES.sha256.id));
    const mask = sequence(oid('1.2.840.113549.1.1.8'), digest);
    const parameters = sequence(tlv(0xa0, digest), tlv(0xa1, mask), tlv(0xa2, integer(32)));
    const padding = crypto.constants.RSA_PKCS1_PSS_PADDING;
    return {
      algorithm: sequence(oid('1.2.840.113549.1.1.10'), parameters),
      sign: ['sha256', { key, padding, saltLength: 32 }],
    };
  }
  const kind = key.asymmetricKeyType;
  const parameters = kind === 'rsa' ? [tlv(0x05)] : [];
  return { algorithm: sequence(oid(HASHES[hash][kind]), ...parameters), sign: [hash, key] };
}

function signed(content, key, { hash = 'sha256', pss = false, damaged = false } = {}) {
  const { algorithm, sign } = signing(key, hash, pss);
  const whole = content(algorithm);
  const signature = crypto.sign(sign[0], whole, sign[1]);
  if (damaged) signature[signature.length - 1] ^= 1;
  return sequence(whole, algorithm, bits(signature));
}

// --- certificates ----------------------------------------------------------------------------------------------------

const pem = (label, der) =>
  `-----BEGIN ${label}-----\n${der.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;

let serial = 1000;

/** A key pair; `kind` as of crypto.generateKeyPairSync(). */
function newKey(kind = 'ec', options = { namedCurve: 'P-256' }) {
  return crypto.generateKeyPairSync(kind, options).privateKey;
}

/** The SubjectPublicKeyInfo of an RSA key of this size that nobody has. */
function rsaPublicKey(size) {
  const modulus = crypto.randomBytes(size / 8);
  modulus[0] |= 0x80;
  modulus[modulus.length - 1] |= 1;
  const key = sequence(integer(Buffer.concat([Buffer.from([0]), modulus])), integer(65537));
  return sequence(sequence(oid('1.2.840.113549.1.1.1'), tlv(0x05)), bits(key));
}

/**
 * A certificate; its own issuer unless there is another.
 *
 * @param {{ subject?: string, key?: KeyObject, issuer?: object, issuerName?: string, validity?: string[], version?: number,
 *   extensions?: Buffer[], identifiers?: boolean, spki?: Buffer, hash?: string, pss?: boolean, damaged?: boolean }} recipe
 * @returns {{ pem: string, key: KeyObject, keyPem: string, subject: string, serial: number }}
 */
function certificate({
  subject = 'CN=server.test',
  key = newKey(),
  issuer,
  issuerName = issuer?.subject ?? subject,
  validity = VALID,
  version = 3,
  extensions: own = [],
  identifiers = true,
  spki = crypto.createPublicKey(key).export({ type: 'spki', format: 'der' }),
  ...signature
}) {
  const number = serial++;
  const identifier = (of) => crypto.createHash('sha1').update(of).digest();
  const issuerSpki = issuer && crypto.createPublicKey(issuer.key).export({ type: 'spki', format: 'der' });
  const all = identifiers
    ? [
        extension('2.5.29.14', octets(identifier(spki))),
        extension('2.5.29.35', sequence(tlv(0x80, identifier(issuerSpki ?? spki)))),
        ...own,
      ]
    : own;
  const content = (algorithm) =>
    sequence(
      ...(version === 1 ? [] : [tlv(0xa0, integer(version - 1))]),
      integer(number),
      algorithm,
      name(issuerName),
      sequence(...validity.map(time)),
      name(subject),
      spki,
      ...(version === 3 && all.length > 0 ? [tlv(0xa3, sequence(...all))] : []),
    );
  const der = signed(content, issuer?.key ?? key, signature);
  return {
    pem: pem('CERTIFICATE', der),
    key,
    keyPem: key.export({ type: 'pkcs8', format: 'pem' }),
    subject,
    serial: number,
  };
}

/** A revocation list of this issuer's, PEM. */
function revocationList(issuer, revoked, { validity = VALID, ...signature } = {}) {
  const entry = ({ serial: number }) => sequence(integer(number), time(VALID[0]));
  const content = (algorithm) =>
    sequence(
      integer(1),
      algorithm,
      name(issuer.subject),
      ...validity.map(time),
      ...(revoked.length > 0 ? [sequence(...revoked.map(entry))] : []),
    );
  return pem('X509 CRL', signed(content, issuer.key, signature));
}

module.exports = { certificate, extensions, newKey, revocationList, rsaPublicKey };
