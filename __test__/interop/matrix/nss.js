'use strict';

// NSS's tstclnt, a client with DTLS 1.3. It keeps no raw public keys, and its server is not for DTLS.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { installed } = require('./installed.js');
const { LineProgram } = require('./line.js');
const { IDENTITY, KEY, ecdsa, newer, psk } = require('./scenarios.js');

const ROOT = installed('nss');
const LIBRARIES = path.join(ROOT, 'usr', 'lib', 'x86_64-linux-gnu');
/** NSS's names of groups. Its first public value is in the first of them. */
const GROUPS = { 'P-256': 'P256', 'P-384': 'P384', X25519: 'x25519', X25519MLKEM768: 'mlkem768x25519' };
const GCM = 'TLS_AES_128_GCM_SHA256';
/** A known failure: it passes where that hello arrives. */
const LOST = { loss: true, theirs: 'its second ClientHello, which answers a HelloRetryRequest, is not repeated' };

class Client extends LineProgram {
  /** It says nothing of its handshake. */
  async connected() {}
}

/** One of NSS's programs, with the libraries that it was built with: the system's may be older. */
function command(program, ...args) {
  const loader = path.join(LIBRARIES, 'ld-linux-x86-64.so.2');
  return [loader, '--library-path', LIBRARIES, path.join(ROOT, 'usr', 'bin', program), ...args];
}

function run(program, ...args) {
  const [file, ...rest] = command(program, ...args);
  const { status, stderr } = spawnSync(file, rest, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} failed: ${stderr}`);
}

/** A database with the authority that is trusted, and the client's own key and certificates if it has them. */
function database(t, { ca, cert, key }) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'nss-'));
  t.after(() => fs.rmSync(directory, { recursive: true }));
  const store = ['-d', `sql:${directory}`];
  run('certutil', '-N', '--empty-password', ...store);
  run('certutil', '-A', '-n', 'authority', '-t', 'C,,', '-a', '-i', ca, ...store);
  if (cert === undefined) return store;
  const own = path.join(directory, 'own.p12');
  const packed = spawnSync(
    'openssl',
    ['pkcs12', '-export', '-in', cert, '-inkey', key, '-name', 'own', '-out', own].concat(['-passout', 'pass:x']),
  );
  if (packed.status !== 0) throw new Error(`openssl pkcs12 failed: ${packed.stderr}`);
  run('pk12util', '-i', own, '-W', 'x', '-K', '', ...store);
  return [...store, '-n', 'own'];
}

function client(t, port, { auth, group }, files) {
  const versions = ['-P', 'client', '-V', 'tls1.3:tls1.3', '-4', '-h', 'localhost', '-p', String(port)];
  const groups = Object.values(GROUPS).join(',');
  const who = auth === 'psk' ? ['-D', '-o', '-z', `0x${KEY.toString('hex')}:${IDENTITY}`] : database(t, files);
  const args = [...versions, '-I', group === undefined ? groups : GROUPS[group], ...who];
  return new Client(t, command('tstclnt', ...args), {});
}

function probe() {
  const recorded = path.join(ROOT, 'version');
  if (!fs.existsSync(recorded)) return { missing: 'tstclnt not found' };
  return { version: fs.readFileSync(recorded, 'utf8').trim() };
}

module.exports = {
  name: 'NSS',
  programs: 'tstclnt',
  from: "Debian libnss3-tools of the newest suite, with that suite's C library",
  remarks:
    'a client only; it puts its cookie behind its public values, so that a post-quantum hello brings it in its second fragment',
  probe,
  clients: [
    psk(GCM),
    psk('TLS_CHACHA20_POLY1305_SHA256'),
    ...['P-256', 'P-384', 'X25519MLKEM768'].map((group) => psk(GCM, { group })),
    psk(GCM, LOST),
    ecdsa(GCM),
    ecdsa('TLS_AES_256_GCM_SHA384'),
    ecdsa(GCM, { group: 'X25519MLKEM768' }),
    ecdsa(GCM, { mutual: true }),
    ecdsa(GCM, { mutual: true, group: 'X25519MLKEM768', ...LOST }),
  ].map(newer),
  client,
};
