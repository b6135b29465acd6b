'use strict';

// Certificates (RFC 5280): an authority with a P-256 key, and what it issues to servers and devices.

const { createHash, createPublicKey, randomBytes, sign } = require('node:crypto');
const net = require('node:net');

const { bitString, boolean, element, integer, octetString, oid, sequence, set, time, utf8String } = require('./der');

const DAY = 24 * 60 * 60 * 1000;

/** Clocks of devices run slow, and a certificate must not seem to come from the future. */
const LEEWAY = DAY;

const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));

// Bits of KeyUsage (RFC 5280 section 4.2.1.3), and how many bits after the last one are unused.
const SIGNS_HANDSHAKES = bitString(Buffer.from([0x80]), 7);
const SIGNS_CERTIFICATES = bitString(Buffer.from([0x06]), 1);

const EXTENDED_KEY_USAGE = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' };

/**
 * The certificate of an authority, signed by itself.
 *
 * @returns {string} PEM
 */
function makeAuthority({ name, key, days, now }) {
  const spki = publicKeyOf(key);
  return issue({
    subject: name,
    issuer: { name: commonName(name), key },
    spki,
    days,
    now,
    extensions: [
      // It issues no other authorities.
      critical('2.5.29.19', sequence(boolean(true), integer(Buffer.from([0])))),
      critical('2.5.29.15', SIGNS_CERTIFICATES),
      extension('2.5.29.14', octetString(keyIdentifier(spki))),
    ],
  });
}

/**
 * A certificate that an authority issues.
 *
 * @param {object} request
 * @param {string} request.subject common name
 * @param {'server' | 'client'} request.role
 * @param {string[]} request.names DNS names and IP addresses
 * @param {{ name: Buffer, key: import('node:crypto').KeyObject }} request.issuer the authority's name in DER, and its key
 * @param {number} request.days how long it is valid from now on
 * @returns {string} PEM
 */
function makeCertificate({ subject, role, names, key, issuer, days, now }) {
  const spki = publicKeyOf(key);
  const usage = sequence(oid(EXTENDED_KEY_USAGE[role]));
  return issue({
    subject,
    issuer,
    spki,
    days,
    now,
    extensions: [
      critical('2.5.29.19', sequence()),
      critical('2.5.29.15', SIGNS_HANDSHAKES),
      extension('2.5.29.37', usage),
      extension('2.5.29.14', octetString(keyIdentifier(spki))),
      extension('2.5.29.35', sequence(element(0x80, keyIdentifier(publicKeyOf(issuer.key))))),
      ...(names.length > 0 ? [extension('2.5.29.17', sequence(...names.map(generalName)))] : []),
    ],
  });
}

function issue({ subject, issuer, spki, days, now, extensions }) {
  const body = sequence(
    element(0xa0, integer(Buffer.from([2]))),
    integer(serialNumber()),
    ECDSA_WITH_SHA256,
    issuer.name,
    sequence(time(new Date(now - LEEWAY)), time(new Date(now + days * DAY))),
    commonName(subject),
    spki,
    element(0xa3, sequence(...extensions)),
  );
  const der = sequence(body, ECDSA_WITH_SHA256, bitString(sign('sha256', body, issuer.key)));
  const lines = der.toString('base64').match(/.{1,64}/g);
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** Positive, and with more than the 64 random bits that authorities must use. */
function serialNumber() {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] & 0x7f) | 0x40;
  return bytes;
}

/** A Name of one part. */
function commonName(text) {
  return sequence(set(sequence(oid('2.5.4.3'), utf8String(text))));
}

function generalName(name) {
  return net.isIP(name) === 0 ? element(0x82, Buffer.from(name)) : element(0x87, ipBytes(name));
}

function ipBytes(ip) {
  if (net.isIPv4(ip)) return Buffer.from(ip.split('.').map(Number));
  // The URL parser writes an IPv6 address in its canonical form, which has no part in dotted decimals.
  const [head, tail] = new URL(`http://[${ip}]`).hostname.slice(1, -1).split('::');
  const words = (part) => (part ? part.split(':').map((word) => Number.parseInt(word, 16)) : []);
  const [before, after] = [words(head), words(tail)];
  const all = [...before, ...Array(8 - before.length - after.length).fill(0), ...after];
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 0xff]));
}

function publicKeyOf(key) {
  return createPublicKey(key).export({ type: 'spki', format: 'der' });
}

/** RFC 7093 section 2, method 4: a part of the hash of the whole SubjectPublicKeyInfo. */
function keyIdentifier(spki) {
  return createHash('sha256').update(spki).digest().subarray(0, 20);
}

function extension(id, value) {
  return sequence(oid(id), octetString(value));
}

function critical(id, value) {
  return sequence(oid(id), boolean(true), octetString(value));
}

module.exports = { commonName, makeAuthority, makeCertificate };
