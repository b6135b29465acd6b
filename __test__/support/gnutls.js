'use strict';

// GnuTLS's gnutls-cli and gnutls-serv as peers with raw public keys: started, talked to through their standard streams,
// and ended with the test.

const { spawnSync } = require('node:child_process');
const { generateKeyPairSync } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { Program } = require('./program.js');

const absent = ['gnutls-cli', 'gnutls-serv'].find((program) => spawnSync(program, ['--version']).error);

/** Why tests with GnuTLS cannot run here, or false. */
const missing = absent === undefined ? false : `${absent} not found`;

const DTLS_1_2 = 'NORMAL:-VERS-ALL:+VERS-DTLS1.2:-CTYPE-ALL';
const RAW_KEYS = `${DTLS_1_2}:+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK`;
/** A client that offers a raw public key and has none cancels the handshake when it is asked for it. */
const ITS_RAW_KEY = `${DTLS_1_2}:+CTYPE-CLI-X509:+CTYPE-SRV-RAWPK`;

/** A key pair in two files, which are removed after the test. */
function keyPair(test, type = 'ec', options = { namedCurve: 'P-256' }) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raw-public-key-'));
  test.after(() => fs.rmSync(directory, { recursive: true }));
  const { privateKey, publicKey } = generateKeyPairSync(type, options);
  const pair = {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    publicKey: publicKey.export({ type: 'spki', format: 'der' }),
    keyPath: path.join(directory, 'key.pem'),
    publicKeyPath: path.join(directory, 'public.pem'),
  };
  fs.writeFileSync(pair.keyPath, pair.key);
  fs.writeFileSync(pair.publicKeyPath, publicKey.export({ type: 'spki', format: 'pem' }));
  return pair;
}

function rawKey({ keyPath, publicKeyPath }) {
  return ['--rawpkkeyfile', keyPath, '--rawpkfile', publicKeyPath];
}

/** Starts gnutls-cli against a local port; `own` is the key that it presents, if any. It accepts any server. */
function cli(test, port, own, { mtu = 1200 } = {}) {
  const presented = own === undefined ? ['--priority', ITS_RAW_KEY] : ['--priority', RAW_KEYS, ...rawKey(own)];
  const common = ['--udp', '--mtu', String(mtu), '--port', String(port), '--insecure'];
  const program = new Program('gnutls-cli', [...common, ...presented, '127.0.0.1']);
  test.after(() => program.kill());
  return program;
}

/** Starts gnutls-serv on a local port; it echoes, and with 'require' wants its clients to have a key, any key. */
function serv(test, port, own, { clients = 'disable' } = {}) {
  const asks = { require: ['--require-client-cert'], disable: ['--disable-client-cert'] }[clients];
  const common = ['--udp', '--mtu', '1200', '--port', String(port), '--echo', '--priority', RAW_KEYS];
  const program = new Program('gnutls-serv', [...common, ...rawKey(own), ...asks]);
  test.after(() => program.kill());
  return program;
}

module.exports = { missing, keyPair, cli, serv };
