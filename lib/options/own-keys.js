'use strict';

// Our own private keys and certificates: one key, or on a server one of each kind, of which the suite decides.

const { X509Certificate } = require('node:crypto');

const { invalidArgType, invalidArgValue, missingOption } = require('../errors');
const { decryptKey, privateKey } = require('./credentials');
const { copyBytes, own, secretString } = require('./validate');

const BASE64 = /^[A-Za-z0-9+/\s]+={0,2}\s*$/;

/** A server's keys, in node:tls's forms. Returns one key, or an array of `{ pem, passphrase }`. */
function privateKeys(value, name) {
  if (!Array.isArray(value)) return privateKey(value, name);
  if (value.length === 0) throw invalidArgValue(name, 'must not be an empty array');
  return value.map((entry, index) => {
    const pem = own(Object(entry), 'pem');
    const passphrase = own(Object(entry), 'passphrase');
    if (pem === undefined) return { __proto__: null, pem: privateKey(entry, `${name}[${index}]`) };
    const secret = passphrase === undefined ? undefined : secretString(passphrase, `${name}[${index}].passphrase`);
    return { __proto__: null, pem: privateKey(pem, `${name}[${index}].pem`), passphrase: secret };
  });
}

/** A server's PKCS#12 files: one, or an array of them. Returns an array of `{ buf, passphrase }`. */
function pfxFiles(value, name) {
  if (!Array.isArray(value)) return [{ __proto__: null, buf: fileBytes(value, name) }];
  if (value.length === 0) throw invalidArgValue(name, 'must not be an empty array');
  return value.map((entry, index) => {
    const buf = own(Object(entry), 'buf');
    const passphrase = own(Object(entry), 'passphrase');
    if (buf === undefined) return { __proto__: null, buf: fileBytes(entry, `${name}[${index}]`) };
    const secret = passphrase === undefined ? undefined : secretString(passphrase, `${name}[${index}].passphrase`);
    return { __proto__: null, buf: fileBytes(buf, `${name}[${index}].buf`), passphrase: secret };
  });
}

/** A client's PKCS#12 file, which may stand in an array as well. */
function pfxFile(value, name) {
  const files = pfxFiles(value, name);
  if (files.length !== 1) throw invalidArgValue(name, 'must hold exactly one entry, because a client has one key');
  return files;
}

function fileBytes(value, name) {
  if (typeof value === 'string') {
    if (!BASE64.test(value))
      throw invalidArgValue(name, 'is a string but not base64; the bytes of a file go into a Buffer');
    return Buffer.from(value, 'base64');
  }
  const bytes = copyBytes(value);
  if (bytes === null) {
    throw invalidArgType(name, 'of type string or an instance of Buffer, Uint8Array or Array', value, { secret: true });
  }
  return bytes;
}

/**
 * Completes options in place, as the addon takes them: `key`, `cert` and `otherKeys`, all of them open, and `roots` out of
 * `pfx`, which count when nothing else says whom to trust. With `otherKeys`, each entry of `cert` is a whole chain.
 */
function openKeys(all) {
  if (all.pfx !== undefined) takePfx(all);
  else if (all.key !== undefined) takeKeys(all);
  else if (all.cert !== undefined) {
    throw missingOption('"options.key"', '"options.cert" is of no use without its private key');
  }
}

function takeKeys(all) {
  if (!Array.isArray(all.key)) {
    if (all.passphrase !== undefined) all.key = decryptKey(all.key, all.passphrase);
    return;
  }
  const keys = all.key.map(({ pem, passphrase = all.passphrase }) =>
    passphrase === undefined ? pem : decryptKey(pem, passphrase),
  );
  takeOpenKeys(all, keys);
  if (keys.length > 1 && all.cert !== undefined && all.cert.length !== keys.length) {
    throw invalidArgValue('options.cert', `must have one chain for each of the ${keys.length} keys`);
  }
}

function takePfx(all) {
  const other = ['key', 'cert'].find((name) => all[name] !== undefined);
  if (other !== undefined) throw invalidArgValue('options.pfx', `cannot be used together with "options.${other}"`);
  // Few programs want it.
  const { openPfx } = require('../pkcs12/pfx');
  const opened = all.pfx.map(({ buf, passphrase = all.passphrase ?? '' }) => openPfx(buf, passphrase));
  takeOpenKeys(
    all,
    opened.map(({ key }) => key),
  );
  all.cert = opened.length === 1 ? opened[0].cert : opened.map(({ cert }) => Buffer.from(cert.map(pemOf).join('')));
  all.roots = opened.flatMap(({ roots }) => roots);
}

function takeOpenKeys(all, [key, ...others]) {
  all.key = key;
  if (others.length > 0) all.otherKeys = others;
}

function pemOf(der) {
  return new X509Certificate(der).toString();
}

module.exports = { openKeys, pfxFile, pfxFiles, privateKeys };
