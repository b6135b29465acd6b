'use strict';

// Keys and certificates, from files and from the environment, as options of connect() and createServer().

const fs = require('node:fs');
const process = require('node:process');

const { UsageError } = require('./failures');

/** The longest file that is read, in bytes. */
const MAX_FILE_LENGTH = 1024 * 1024;

const VERSIONS = ['1.2', '1.3'];

const string = { type: 'string' };

const BOTH = {
  psk: string,
  'psk-key': string,
  key: string,
  cert: string,
  pfx: string,
  ca: string,
  'peer-key': { type: 'string', multiple: true },
  ciphers: string,
  alpn: string,
  dtls: string,
};
const SERVER_OPTIONS = BOTH;
const CLIENT_OPTIONS = {
  ...BOTH,
  'psk-identity': string,
  servername: string,
  insecure: { type: 'boolean' },
};

/** What the options mean, for the help of each command that has them. */
const HELP = `  --psk FILE         pre-shared keys: lines of IDENTITY:KEY, the key in hex
  --key FILE         own private key; a raw public key if there is no --cert
  --cert FILE        own certificate and its chain
  --pfx FILE         key and certificate in a PKCS#12 file
  --ca FILE          authorities that may vouch for the peer
  --peer-key FILE    raw public key of the peer; may be repeated
  --ciphers LIST     cipher suites, best first, with colons between them
  --alpn LIST        application protocols, best first, with commas between them
  --dtls VERSION     1.2 or 1.3, and no other; without it, both are spoken`;

/** @returns options of connect() */
function clientCredentials(values, terminal) {
  const options = shared(values, terminal);
  const keys = presharedKeys(values, terminal);
  if (keys !== null) Object.assign(options, chooseIdentity(keys, values['psk-identity'], terminal));
  else if (values['psk-identity'] !== undefined) throw new UsageError('--psk-identity needs --psk');
  if (values.servername !== undefined) options.servername = values.servername;
  if (values.insecure) {
    terminal.warning('with --insecure anybody can be the server, because its certificate or key is not verified');
    options.rejectUnauthorized = false;
  }
  return options;
}

/** @returns options of createServer() */
function serverCredentials(values, terminal) {
  const options = shared(values, terminal);
  const keys = presharedKeys(values, terminal);
  if (keys !== null) options.psk = keys;
  if (keys === null && options.key === undefined && options.pfx === undefined) {
    throw new UsageError(
      'a server needs something to prove itself with: --psk, --key or --pfx',
      'mbed-dtls keygen makes keys and certificates.',
    );
  }
  return options;
}

function shared(values, terminal) {
  const options = {};
  if (values.dtls !== undefined) options.minVersion = options.maxVersion = version(values.dtls, terminal);
  const { MBED_DTLS_KEY: key, MBED_DTLS_PASSPHRASE: passphrase } = process.env;
  if (values.key !== undefined) options.key = readFile('key', values.key);
  else if (key) options.key = pem(key);
  if (values.cert !== undefined) options.cert = readFile('cert', values.cert);
  if (values.ca !== undefined) options.ca = readFile('ca', values.ca);
  if (values.pfx !== undefined) {
    const buf = readFile('pfx', values.pfx);
    options.pfx = passphrase ? [{ buf, passphrase }] : buf;
  } else if (passphrase && options.key !== undefined) {
    options.passphrase = passphrase;
  }
  if (values['peer-key'] !== undefined)
    options.peerPublicKey = values['peer-key'].map((file) => readFile('peer-key', file));
  if (values.ciphers !== undefined) options.ciphers = values.ciphers;
  if (values.alpn !== undefined) options.ALPNProtocols = values.alpn.split(',');
  if (values.cert !== undefined && options.key === undefined) {
    throw new UsageError('--cert needs the private key of the certificate: --key FILE, or MBED_DTLS_KEY');
  }
  return options;
}

function version(number, terminal) {
  if (!VERSIONS.includes(number))
    throw new UsageError(`--dtls ${terminal.quote(number)}: the versions are 1.2 and 1.3`);
  return `DTLSv${number}`;
}

function pem(text) {
  if (!text.includes('-----BEGIN ')) throw new UsageError('MBED_DTLS_KEY does not hold a private key in PEM');
  return text;
}

/** The table of pre-shared keys, from wherever they are given; null if they are not. */
function presharedKeys(values, terminal) {
  const environment = process.env.MBED_DTLS_PSK;
  if (values['psk-key'] !== undefined) {
    terminal.warning(
      '--psk-key shows the key to everybody who can list the processes of this machine. ' +
        'Put it into a file for --psk, or into MBED_DTLS_PSK.',
    );
    return readPsks(values['psk-key'], '--psk-key');
  }
  if (values.psk !== undefined) return readPsks(readFile('psk', values.psk).toString(), values.psk);
  return environment ? readPsks(environment, 'MBED_DTLS_PSK') : null;
}

/** Lines of IDENTITY:KEY. The key has no colon, and an identity may have some. No message repeats a key. */
function readPsks(text, source) {
  const keys = new Map();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const match = /^(.+):((?:[0-9a-f]{2}){1,64})\s*$/i.exec(line);
    if (match === null) {
      const advice = 'The form is IDENTITY:KEY, with a key of 1 to 64 bytes in hex. mbed-dtls keygen psk makes one.';
      throw new UsageError(`${source}: line ${index + 1} is not a pre-shared key`, advice);
    }
    keys.set(match[1], Buffer.from(match[2], 'hex'));
  }
  if (keys.size === 0) throw new UsageError(`${source} holds no pre-shared key`);
  return keys;
}

function chooseIdentity(keys, wanted, terminal) {
  const known = [...keys.keys()];
  if (wanted === undefined && known.length > 1) {
    const some = known.slice(0, 5).map((identity) => terminal.quote(identity));
    throw new UsageError(
      `there are ${known.length} pre-shared keys, ${some.join(', ')}${known.length > 5 ? ' ...' : ''}`,
      'Choose one with --psk-identity.',
    );
  }
  const pskIdentity = wanted ?? known[0];
  const psk = keys.get(pskIdentity);
  if (psk === undefined)
    throw new UsageError(`there is no pre-shared key for the identity ${terminal.quote(pskIdentity)}`);
  return { psk, pskIdentity };
}

/** The contents of a file, or of a pipe, of bounded length. */
function readFile(option, name) {
  try {
    const file = fs.openSync(name, 'r');
    try {
      return readBounded(file);
    } finally {
      fs.closeSync(file);
    }
  } catch (error) {
    // A key that was given in place of a file must not be repeated in a log.
    if (LOOKS_LIKE_A_KEY.test(name)) {
      throw new UsageError(`--${option} takes the name of a file, and not the key itself`, '', error.code);
    }
    throw new UsageError(`--${option} ${name}: ${REASONS[error.code] ?? error.message}`, '', error.code);
  }
}

const LOOKS_LIKE_A_KEY = /-----BEGIN|[0-9a-f]{16}/i;

const REASONS = {
  __proto__: null,
  EACCES: 'this file may not be read',
  EISDIR: 'this is a directory, and not a file',
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
};

function readBounded(file) {
  const chunks = [];
  let length = 0;
  for (;;) {
    const chunk = Buffer.alloc(64 * 1024);
    const count = fs.readSync(file, chunk);
    if (count === 0) return Buffer.concat(chunks);
    length += count;
    if (length > MAX_FILE_LENGTH)
      throw new Error(`it is longer than ${MAX_FILE_LENGTH} bytes, so it is not a key or a certificate`);
    chunks.push(chunk.subarray(0, count));
  }
}

module.exports = { CLIENT_OPTIONS, HELP, SERVER_OPTIONS, clientCredentials, serverCredentials };
