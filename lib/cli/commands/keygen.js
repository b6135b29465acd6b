'use strict';

// mbed-dtls keygen: makes keys and certificates, and says how they are used.

const { X509Certificate, createPrivateKey, generateKeyPairSync, randomBytes } = require('node:crypto');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');

const { whole } = require('../arguments');
const { commonName, makeAuthority, makeCertificate } = require('../certificate');
const { UsageError } = require('../failures');
const { writeFiles } = require('../outfiles');

const USAGE = 'KIND [OPTIONS]';
const HELP = `usage: mbed-dtls keygen ${USAGE}

Makes keys and certificates, and prints the options that use them. KIND is

  psk           a pre-shared key of 16 bytes for one device
  rpk           key pairs of a server and a device, for raw public keys
  certificates  a CA, and certificates of a server and a device
  device        a certificate of another device, from the CA in the directory

  --out DIR     directory of the files, which is made if need be (.)
  --device NAME identity of the device (device-1)
  --name NAME   DNS name or IP address of the server; may be repeated
                (localhost, 127.0.0.1 and ::1)
  --days N      how long certificates are valid (365); a CA has ten years more
  --force       replace files that are there already
  --json        print one JSON object

Keys are for P-256. Private keys can be read by their owner only (mode 0600),
and are not encrypted. Keep ca.key off line: it can make certificates.`;

const OPTIONS = {
  out: { type: 'string' },
  device: { type: 'string' },
  name: { type: 'string', multiple: true },
  days: { type: 'string' },
  force: { type: 'boolean' },
};

const PSK_LENGTH = 16;
const CA_NAME = 'mbed-dtls keygen CA';
const CA_DAYS = 3650;

/** The longest common name (RFC 5280, ub-common-name), and the longest DNS name. */
const MAX_COMMON_NAME = 64;
const MAX_DNS_NAME = 253;

/** What each kind makes: the files, and how server and device use them. */
const KINDS = { __proto__: null, psk: makePsk, rpk: makeRawKeys, certificates: makeCertificates, device: makeDevice };

function run({ terminal, values, positionals: [kind] }) {
  if (!(kind in KINDS)) {
    throw new UsageError(`there is no kind ${terminal.quote(kind)}`, `The kinds are ${Object.keys(KINDS).join(', ')}.`);
  }
  const directory = values.out ?? '.';
  const settings = {
    directory,
    device: deviceName(values.device ?? 'device-1', terminal),
    names: (values.name ?? ['localhost', '127.0.0.1', '::1']).map((name) => serverName(name, terminal)),
    days: whole(values, 'days', { least: 1, most: 36500, otherwise: 365 }),
    now: Date.now(),
  };
  const { files, server, client } = KINDS[kind](settings);
  const paths = writeFiles(directory, files, { force: values.force === true });

  const asOptions = (options) =>
    options.map(([option, file]) => `--${option} ${shellWord(path.join(directory, file))}`);
  const lines = {
    server: server && `mbed-dtls server 5684 --echo ${asOptions(server).join(' ')}`,
    client: `mbed-dtls ping ${settings.names[0].includes(':') ? `[${settings.names[0]}]` : settings.names[0]}:5684 ${asOptions(client).join(' ')}`,
  };
  const made = files.map(({ isSecret }, index) => ({ file: paths[index], isSecret }));
  terminal.result({ files: made, ...lines }, inWords(made, lines));
}

function inWords(made, { server, client }) {
  const text = ['Wrote'];
  for (const { file, isSecret } of made) text.push(`  ${file}${isSecret ? ' (secret)' : ''}`);
  if (server !== undefined) text.push('', 'Server:', `  npx ${server}`);
  text.push('', 'Device:', `  npx ${client}`);
  return text.join('\n');
}

function makePsk({ device }) {
  const file = `${device}.psk`;
  const content = `${device}:${randomBytes(PSK_LENGTH).toString('hex')}\n`;
  return { files: [{ name: file, content, isSecret: true }], server: [['psk', file]], client: [['psk', file]] };
}

function makeRawKeys({ device }) {
  const pair = (name) => {
    const { publicKey, privateKey } = generateKey();
    return [secretKey(name, privateKey), { name: `${name}.pub`, content: toPem(publicKey, 'spki'), isSecret: false }];
  };
  return {
    files: [...pair('server'), ...pair(device)],
    server: [
      ['key', 'server.key'],
      ['peer-key', `${device}.pub`],
    ],
    client: [
      ['key', `${device}.key`],
      ['peer-key', 'server.pub'],
    ],
  };
}

function makeCertificates(settings) {
  const { names, days, now } = settings;
  const { privateKey: caKey } = generateKey();
  const authority = makeAuthority({ name: CA_NAME, key: caKey, days: days + CA_DAYS, now });
  const issuer = { name: commonName(CA_NAME), key: caKey };
  const { privateKey: serverKey } = generateKey();
  // A name that is too long for the subject is among the alternative names all the same, and only they are compared.
  const subject = names[0].length <= MAX_COMMON_NAME ? names[0] : 'server';
  const server = makeCertificate({ subject, role: 'server', names, key: serverKey, issuer, days, now });
  return {
    files: [
      secretKey('ca', caKey),
      certificate('ca', authority),
      secretKey('server', serverKey),
      certificate('server', server),
      ...deviceFiles(settings, issuer),
    ],
    server: [
      ['key', 'server.key'],
      ['cert', 'server.crt'],
      ['ca', 'ca.crt'],
    ],
    client: certificateOptions(settings),
  };
}

/** A certificate of another device, from an authority that makeCertificates() has made. */
function makeDevice(settings) {
  const { key, cert } = readAuthority(settings.directory);
  // The issuer's name has to be the same in every byte, so only an authority of our own making will do.
  if (!cert.raw.includes(commonName(CA_NAME))) {
    throw new UsageError(`${path.join(settings.directory, 'ca.crt')} was not made by mbed-dtls keygen certificates`);
  }
  const files = deviceFiles(settings, { name: commonName(CA_NAME), key });
  return { files, client: certificateOptions(settings) };
}

function readAuthority(directory) {
  const [keyFile, certFile] = ['ca.key', 'ca.crt'].map((name) => path.join(directory, name));
  let key;
  let cert;
  try {
    key = createPrivateKey(fs.readFileSync(keyFile));
    cert = new X509Certificate(fs.readFileSync(certFile));
  } catch (error) {
    const reason =
      error.code === 'ENOENT'
        ? `${error.path} is not there`
        : `${keyFile} and ${certFile} cannot be read: ${error.message}`;
    throw new UsageError(reason, 'mbed-dtls keygen certificates makes a CA; --out says where it is.', error.code);
  }
  if (!cert.checkPrivateKey(key)) throw new UsageError(`${keyFile} is not the key of ${certFile}`);
  return { key, cert };
}

function deviceFiles({ device, days, now }, issuer) {
  const { privateKey: key } = generateKey();
  const content = makeCertificate({ subject: device, role: 'client', names: [], key, issuer, days, now });
  return [secretKey(device, key), certificate(device, content)];
}

function certificateOptions({ device }) {
  return [
    ['key', `${device}.key`],
    ['cert', `${device}.crt`],
    ['ca', 'ca.crt'],
  ];
}

function generateKey() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function secretKey(name, key) {
  return { name: `${name}.key`, content: toPem(key, 'pkcs8'), isSecret: true };
}

function certificate(name, content) {
  return { name: `${name}.crt`, content, isSecret: false };
}

function toPem(key, type) {
  return key.export({ type, format: 'pem' });
}

/** The name becomes a part of file names. */
function deviceName(name, terminal) {
  if (/^[\w][\w.@-]*$/.test(name) && name.length <= MAX_COMMON_NAME && !['ca', 'server'].includes(name)) return name;
  const rule = `up to ${MAX_COMMON_NAME} letters, digits, dots, dashes, underscores and @, and neither "ca" nor "server"`;
  throw new UsageError(`--device takes ${rule}, not ${terminal.quote(name)}`);
}

function serverName(name, terminal) {
  if (net.isIP(name) !== 0 && !name.includes('%')) return name;
  if (/^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i.test(name) && name.length <= MAX_DNS_NAME) return name;
  throw new UsageError(`--name takes a DNS name or an IP address, not ${terminal.quote(name)}`);
}

/** A word as a shell takes it. */
function shellWord(word) {
  return /^[\w./@:-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

module.exports = { HELP, OPTIONS, POSITIONALS: [1, 1], USAGE, run };
