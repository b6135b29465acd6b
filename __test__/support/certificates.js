'use strict';

// Keys and certificates for the tests, made once by the `openssl` program and kept in target/test-certs.
//
//   const certificates = require('../support/certificates.js')
//   if (!certificates.available) ...          // openssl was not found
//   createServer({ key: certificates.server.key, cert: certificates.server.cert })
//   spawn('openssl', ['s_client', '-CAfile', certificates.ca.certPath, ...])
//
// Every entry: { key, cert: Buffer (PEM), keyPath, certPath }. `cert` of `intermediate` and `forged*` is a chain, leaf
// first.

const { spawnSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const NAMES = 'DNS:localhost, DNS:*.example.test, IP:127.0.0.1, IP:::1';
const NO_CA = 'basicConstraints = critical, CA:FALSE';
const LEAF = `${NO_CA}\nkeyUsage = critical, digitalSignature`;
const SERVER = `${LEAF}\nextendedKeyUsage = serverAuth\nsubjectAltName = ${NAMES}`;
const CLIENT = `${LEAF}\nextendedKeyUsage = clientAuth`;
// Certificates for both roles.
const EITHER = `${LEAF}\nsubjectAltName = ${NAMES}`;
const CA = 'basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign, cRLSign';

const EC = ['EC', 'ec_paramgen_curve:P-256'];
const P384 = ['EC', 'ec_paramgen_curve:P-384'];
const P521 = ['EC', 'ec_paramgen_curve:P-521'];
const RSA = ['RSA', 'rsa_keygen_bits:2048'];

const VALID = ['20200101000000Z', '20491231235959Z'];
const PAST = ['20200101000000Z', '20200102000000Z'];
const FUTURE = ['20480101000000Z', '20491231235959Z'];

// In the order of making: an issuer stands before what it issues; no issuer means self-signed.
const RECIPES = {
  ca: { subject: 'Test CA', extensions: CA },
  otherCa: { subject: 'Another CA', extensions: CA },
  rsaCa: { subject: 'Test RSA CA', extensions: CA, rsa: true },
  intermediateCa: { subject: 'Test Intermediate CA', issuer: 'ca', extensions: CA },
  // CVE-2026-49300: basicConstraints that say nothing of the kind, but that Mbed TLS 2.28 reads as CA:TRUE.
  forgedCaInteger: { subject: 'Forged CA 1', issuer: 'ca', extensions: 'basicConstraints = DER:30:03:02:01:01' },
  forgedCaOutside: { subject: 'Forged CA 2', issuer: 'ca', extensions: 'basicConstraints = DER:30:00:01:01:FF' },

  server: { subject: 'localhost', issuer: 'ca', extensions: SERVER },
  serverRsa: { subject: 'localhost', issuer: 'ca', extensions: SERVER, rsa: true },
  allRsa: { subject: 'localhost', issuer: 'rsaCa', extensions: SERVER, rsa: true },
  client: { subject: 'Test Client', issuer: 'ca', extensions: CLIENT },
  expired: { subject: 'localhost', issuer: 'ca', extensions: EITHER, validity: PAST },
  notYetValid: { subject: 'localhost', issuer: 'ca', extensions: EITHER, validity: FUTURE },
  selfSigned: { subject: 'localhost', extensions: EITHER },
  otherIssuer: { subject: 'localhost', issuer: 'otherCa', extensions: EITHER },
  clientAlone: { subject: 'localhost', issuer: 'ca', extensions: `${EITHER}\nextendedKeyUsage = clientAuth` },
  // Other kinds of keys, and authorities that have them.
  p384Ca: { subject: 'Test CA P-384', extensions: CA, kind: P384, hash: 'sha384' },
  p521Ca: { subject: 'Test CA P-521', extensions: CA, kind: P521, hash: 'sha512' },
  p384: { subject: 'localhost', issuer: 'p384Ca', extensions: EITHER, kind: P384, hash: 'sha384' },
  p521: { subject: 'localhost', issuer: 'p521Ca', extensions: EITHER, kind: P521, hash: 'sha512' },
  rsa4096: { subject: 'localhost', issuer: 'rsaCa', extensions: EITHER, kind: ['RSA', 'rsa_keygen_bits:4096'] },
  rsa1024: { subject: 'localhost', issuer: 'ca', extensions: EITHER, kind: ['RSA', 'rsa_keygen_bits:1024'] },
  sha1: { subject: 'localhost', issuer: 'ca', extensions: EITHER, hash: 'sha1' },
  rsaPss: { subject: 'localhost', issuer: 'ca', extensions: EITHER, kind: ['RSA-PSS', 'rsa_keygen_bits:2048'] },
  ed25519: { subject: 'localhost', issuer: 'ca', extensions: EITHER, kind: ['ED25519'] },
  secp256k1: { subject: 'localhost', issuer: 'ca', extensions: EITHER, kind: ['EC', 'ec_paramgen_curve:secp256k1'] },
  // Its key must not sign, which is all that a key has to do here.
  encipherment: {
    subject: 'localhost',
    issuer: 'ca',
    extensions: `${NO_CA}\nkeyUsage = critical, keyEncipherment`,
    rsa: true,
  },
  // Both have the same length, so that one can replace the other on the wire.
  mine: { subject: 'localhost', issuer: 'rsaCa', extensions: EITHER },
  borrowed: { subject: 'localhost', issuer: 'rsaCa', extensions: EITHER },
  wrongName: { subject: 'elsewhere.test', issuer: 'ca', extensions: `${LEAF}\nsubjectAltName = DNS:elsewhere.test` },
  intermediate: { subject: 'localhost', issuer: 'intermediateCa', extensions: SERVER, chain: true },
  issuedByLeaf: { subject: 'Child of a leaf', issuer: 'server', extensions: EITHER, chain: true },
  forgedInteger: { subject: 'localhost', issuer: 'forgedCaInteger', extensions: EITHER, chain: true },
  forgedOutside: { subject: 'localhost', issuer: 'forgedCaOutside', extensions: EITHER, chain: true },
};

/** The passphrase of `encrypted.key`, which is the key of `server`, encrypted. */
const PASSPHRASE = 'correct horse';

const ROOT = path.join(__dirname, '..', '..', 'target', 'test-certs');
// Other recipes get another directory, and a directory that exists is complete.
const DIRECTORY = path.join(ROOT, createHash('sha256').update(fs.readFileSync(__filename)).digest('hex').slice(0, 16));

module.exports = { available: make(), directory: DIRECTORY, passphrase: PASSPHRASE };
if (module.exports.available) {
  for (const name of [...Object.keys(RECIPES), 'encrypted']) {
    const keyPath = path.join(DIRECTORY, `${name}.key`);
    const certPath = path.join(DIRECTORY, `${name}.crt`);
    module.exports[name] = { key: fs.readFileSync(keyPath), cert: fs.readFileSync(certPath), keyPath, certPath };
  }
}

/** Makes the directory unless it exists; returns false without the openssl program. */
function make() {
  if (fs.existsSync(DIRECTORY)) return true;
  if (spawnSync('openssl', ['version']).error) return false;
  fs.mkdirSync(ROOT, { recursive: true });
  const draft = fs.mkdtempSync(path.join(ROOT, 'draft-'));
  for (const [name, recipe] of Object.entries(RECIPES)) issue(draft, name, recipe);
  encryptServerKey(draft);
  publish(draft);
  return true;
}

function issue(
  draft,
  name,
  {
    subject,
    issuer = name,
    extensions,
    validity = VALID,
    rsa = false,
    kind = rsa ? RSA : EC,
    hash = 'sha256',
    chain = false,
  },
) {
  const file = (extension, of = name) => path.join(draft, `${of}.${extension}`);
  const [algorithm, ...parameters] = kind;
  openssl('genpkey', '-algorithm', algorithm, ...parameters.flatMap((one) => ['-pkeyopt', one]), '-out', file('key'));

  // `openssl ca`, because no other command of OpenSSL before 3.4 takes dates.
  fs.writeFileSync(file('index'), '');
  fs.writeFileSync(file('serial'), `${createHash('sha256').update(name).digest('hex').slice(0, 14)}01\n`);
  fs.writeFileSync(
    file('cnf'),
    `[req]\ndistinguished_name = subject\n[subject]\n` +
      `[ca]\ndefault_ca = issue\n[issue]\ndatabase = ${posix(file('index'))}\nserial = ${posix(file('serial'))}\n` +
      `new_certs_dir = ${posix(draft)}\ndefault_md = ${hash}\npolicy = any\nx509_extensions = extensions\n` +
      `[any]\ncommonName = supplied\n[extensions]\n${extensions}\n`,
  );
  openssl('req', '-new', '-config', file('cnf'), '-key', file('key'), '-subj', `/CN=${subject}`, '-out', file('csr'));
  const signer = issuer === name ? ['-selfsign'] : ['-cert', file('crt', issuer)];
  const dates = ['-startdate', validity[0], '-enddate', validity[1]];
  const from = ['-config', file('cnf'), '-in', file('csr'), '-keyfile', file('key', issuer)];
  openssl('ca', '-batch', '-notext', ...from, ...signer, ...dates, '-out', file('crt'));
  if (chain) fs.appendFileSync(file('crt'), fs.readFileSync(file('crt', issuer)));
}

function encryptServerKey(draft) {
  const file = (name) => path.join(draft, name);
  const output = ['-out', file('encrypted.key'), '-passout', `pass:${PASSPHRASE}`];
  openssl('pkcs8', '-topk8', '-v2', 'aes-256-cbc', '-in', file('server.key'), ...output);
  fs.copyFileSync(file('server.crt'), file('encrypted.crt'));
}

/** Test files run side by side, and the first to finish provides the directory. */
function publish(draft) {
  for (const name of fs.readdirSync(draft)) {
    if (!/\.(key|crt)$/.test(name)) fs.rmSync(path.join(draft, name));
  }
  try {
    fs.renameSync(draft, DIRECTORY);
  } catch (error) {
    fs.rmSync(draft, { recursive: true });
    if (!fs.existsSync(DIRECTORY)) throw error;
  }
}

function openssl(...args) {
  const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${args.join(' ')}\n${stderr}`);
}

/** A backslash has a special meaning in OpenSSL's configuration files. */
function posix(file) {
  return file.replaceAll('\\', '/');
}
