'use strict';

// The option `pfx`: one PKCS#12 file in place of `key` and `cert`.

const { invalidArgType, invalidArgValue } = require('../errors');
const { openPfx } = require('../pkcs12/pfx');
const { copyBytes, pick, secretString } = require('./validate');

const BASE64 = /^[A-Za-z0-9+/\s]+={0,2}\s*$/;

/**
 * One file, or an array of one: node:tls takes several files, but there is one `key` here.
 *
 * @returns {{ buf: Buffer, passphrase?: string }}
 */
function pfxFile(value, name) {
  if (!Array.isArray(value)) return { __proto__: null, buf: fileBytes(value, name) };
  if (value.length !== 1) throw invalidArgValue(name, 'must hold exactly one entry, because there is one key');
  const [entry] = value;
  const { buf, passphrase } = pick(Object(entry), ['buf', 'passphrase']);
  if (buf === undefined) return { __proto__: null, buf: fileBytes(entry, `${name}[0]`) };
  const secret = passphrase === undefined ? undefined : secretString(passphrase, `${name}[0].passphrase`);
  return { __proto__: null, buf: fileBytes(buf, `${name}[0].buf`), passphrase: secret };
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
 * Completes options in place: `key` and `cert` from `pfx`, and `roots`, which count when nothing else says whom to
 * trust.
 */
function takePfx(all) {
  const other = ['key', 'cert'].find((name) => all[name] !== undefined);
  if (other !== undefined) throw invalidArgValue('options.pfx', `cannot be used together with "options.${other}"`);
  const { buf, passphrase = all.passphrase ?? '' } = all.pfx;
  Object.assign(all, openPfx(buf, passphrase));
}

module.exports = { pfxFile, takePfx };
