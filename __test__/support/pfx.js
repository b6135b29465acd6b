'use strict';

// PKCS#12 files of the tests' own keys and certificates, made by the `openssl` and `keytool` programs.

const { spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { SEQUENCE, context, parse } = require('../../lib/pkcs12/der');
const certificates = require('./certificates.js');

const [INTEGER, OCTETS, NULL, OID] = [0x02, 0x04, 0x05, 0x06];

/** Why tests with Java's keytool cannot run here, or false. */
const keytoolMissing = spawnSync('keytool', ['-help']).error ? 'keytool not found' : false;

/**
 * What `openssl pkcs12 -export` writes.
 *
 * @param {string} name of a certificate
 * @param {string} passphrase
 * @param {string[]} [args]
 * @param {string[]} [others] names of certificates to go with it
 * @returns {Buffer}
 */
function opensslPfx(name, passphrase, args = [], others = []) {
  return inDirectory((file) => {
    fs.writeFileSync(file('others'), others.map((other) => certificates[other].cert.toString()).join(''));
    const what = args.includes('-nokeys') ? [] : ['-inkey', certificates[name].keyPath];
    if (!args.includes('-nocerts')) what.push('-in', certificates[name].certPath);
    if (others.length > 0) what.push('-certfile', file('others'));
    run('openssl', 'pkcs12', '-export', ...what, ...args, '-out', file('pfx'), '-passout', `pass:${passphrase}`);
    return fs.readFileSync(file('pfx'));
  });
}

/** What keytool makes of such a file, with an authority that it is told to trust. */
function keytoolPfx(name, passphrase, authority) {
  return inDirectory((file) => {
    fs.writeFileSync(file('source'), opensslPfx(name, passphrase, ['-name', 'mine']));
    const store = ['-keystore', file('pfx'), '-storetype', 'PKCS12', '-storepass', passphrase];
    const from = ['-srckeystore', file('source'), '-srcstoretype', 'PKCS12', '-srcstorepass', passphrase];
    run(
      'keytool',
      '-importkeystore',
      '-noprompt',
      ...from,
      '-destkeystore',
      file('pfx'),
      '-deststoretype',
      'PKCS12',
      '-deststorepass',
      passphrase,
    );
    run('keytool', '-importcert', '-noprompt', '-alias', 'root', '-file', certificates[authority].certPath, ...store);
    return fs.readFileSync(file('pfx'));
  });
}

/**
 * The same file with indefinite lengths and strings in pieces, as some programs write it (BER). Only the outermost
 * strings are cut: what is inside them is under the MAC.
 */
function berOf(der) {
  const parts = [];
  for (let at = 0; at < der.length; ) {
    const tag = der[at];
    const size = der[at + 1] < 0x80 ? 0 : der[at + 1] & 0x7f;
    const length = size === 0 ? der[at + 1] : der.readUIntBE(at + 2, size);
    const content = der.subarray(at + 2 + size, at + 2 + size + length);
    at += 2 + size + length;
    if (tag & 0x20) parts.push(Buffer.from([tag, 0x80]), berOf(content), Buffer.alloc(2));
    else if (tag === 0x04 && length > 200) parts.push(Buffer.from([0x24, 0x80]), pieces(content), Buffer.alloc(2));
    else parts.push(Buffer.from([tag]), lengthOf(length), content);
  }
  return Buffer.concat(parts);
}

/** The same file with the MAC of RFC 9579, as `openssl pkcs12 -export -pbmac1_pbkdf2` writes it since 3.4. */
function withPbmac1(pfx, passphrase) {
  const [version, authSafe] = parse(pfx).fields(2);
  const content = authSafe.fields(2)[1].only(context(0)).octets();
  const salt = Buffer.from('a salt of this test');
  const key = crypto.pbkdf2Sync(passphrase, salt, 2048, 32, 'sha512');
  const mac = crypto.createHmac('sha256', key).update(content).digest();
  const hmac = (hash) => tlv(SEQUENCE, tlv(OID, Buffer.from('2a864886f70d02', 'hex'), [hash]), tlv(NULL));
  const parameters = [tlv(OCTETS, salt), tlv(INTEGER, [0x08, 0x00]), tlv(INTEGER, [32]), hmac(0x0b)];
  const derivation = tlv(SEQUENCE, pkcs5(0x0c), tlv(SEQUENCE, ...parameters));
  const algorithm = tlv(SEQUENCE, pkcs5(0x0e), tlv(SEQUENCE, derivation, hmac(0x09)));
  const macData = [tlv(SEQUENCE, algorithm, tlv(OCTETS, mac)), tlv(OCTETS, Buffer.from('NOT USED')), tlv(INTEGER, [1])];
  return tlv(SEQUENCE, version.bytes, authSafe.bytes, tlv(SEQUENCE, ...macData));
}

const pkcs5 = (number) => tlv(OID, Buffer.from('2a864886f70d0105', 'hex'), [number]);

function tlv(tag, ...contents) {
  const content = Buffer.concat(contents.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
}

function pieces(content) {
  const parts = [];
  for (let at = 0; at < content.length; at += 100) {
    const piece = content.subarray(at, at + 100);
    parts.push(Buffer.from([0x04, piece.length]), piece);
  }
  return Buffer.concat(parts);
}

function lengthOf(length) {
  return length < 0x80 ? Buffer.from([length]) : Buffer.from([0x82, length >> 8, length & 0xff]);
}

function inDirectory(act) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'pfx-'));
  try {
    return act((name) => path.join(directory, name));
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

function run(program, ...args) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}`);
}

module.exports = { berOf, keytoolMissing, keytoolPfx, opensslPfx, withPbmac1 };
