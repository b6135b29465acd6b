'use strict';

// GnuTLS's gnutls-cli and gnutls-serv.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const gnutls = require('../../support/gnutls.js');
const { LineProgram } = require('./line.js');
const { IDENTITY, KEY, ecdsa, psk, raw, rsa } = require('./scenarios.js');

const DTLS_1_2 = 'NORMAL:-VERS-ALL:+VERS-DTLS1.2';
/** Suites that GnuTLS knows, but does not have in NORMAL. */
const MORE = '+AES-128-CCM-8:+AES-128-CCM:+SHA256';
const PRIORITY = {
  psk: `${DTLS_1_2}:${MORE}:-KX-ALL:+PSK:+ECDHE-PSK`,
  ecdsa: `${DTLS_1_2}:${MORE}`,
  rsa: `${DTLS_1_2}:${MORE}`,
  raw: `${DTLS_1_2}:-CTYPE-ALL:+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK`,
};
const GCM = 'ECDHE-ECDSA-AES128-GCM-SHA256';

/** Known failures, and whose fault they are. */
const CRASHES = {
  theirs: 'gnutls-cli 3.7.9 crashes after its ECDHE-PSK handshake when it describes the connection; with s_server too',
};

const both = [
  psk('PSK-AES128-CCM8'),
  psk('PSK-AES128-GCM-SHA256'),
  ecdsa(GCM),
  ecdsa('ECDHE-ECDSA-AES128-CCM8'),
  rsa('ECDHE-RSA-AES128-GCM-SHA256'),
  ecdsa(GCM, { mutual: true }),
  psk('PSK-AES128-GCM-SHA256', { resume: 'ticket' }),
  ecdsa(GCM, { mutual: true, resume: 'ticket' }),
  ecdsa(GCM, { resume: 'id' }),
  ...['P-256', 'P-384', 'P-521', 'RSA'].map((kind) => raw(kind)),
  raw('P-256', { loss: true }),
  raw('P-256', { loss: true, mtu: 256 }),
];

function common(port, { auth, mtu = 1200, resume }, { ca, cert, key, publicKey }) {
  const priority = resume === 'id' ? `${PRIORITY[auth]}:%NO_TICKETS` : PRIORITY[auth];
  const args = ['--udp', '--mtu', String(mtu), '--port', String(port), '--priority', priority];
  if (ca) args.push('--x509cafile', ca);
  if (cert) args.push('--x509certfile', cert, '--x509keyfile', key);
  if (publicKey) args.push('--rawpkkeyfile', key, '--rawpkfile', publicKey);
  return args;
}

function client(t, port, scenario, files) {
  const args = common(port, scenario, files);
  if (scenario.auth === 'psk') args.push('--pskusername', IDENTITY, '--pskkey', KEY.toString('hex'));
  // Our server would choose ECDHE-PSK, after which it crashes.
  if (scenario.auth === 'psk' && scenario.defaults) args.push('--priority', `${PRIORITY.psk}:-ECDHE-PSK`);
  // gnutls-cli has no way to be told the raw public key that it is to trust.
  if (scenario.auth === 'raw') args.push('--insecure');
  if (files.ca) args.push('--verify-hostname', 'localhost');
  if (scenario.resume) args.push('--resume');
  const command = ['gnutls-cli', ...args, '127.0.0.1'];
  return new LineProgram(t, command, { connected: 'Handshake was completed' });
}

function server(t, port, scenario, files) {
  const args = common(port, scenario, files);
  if (scenario.auth === 'psk') args.push('--pskpasswd', passwords(t));
  args.push(scenario.mutual ? '--require-client-cert' : '--disable-client-cert');
  if (scenario.mutual && files.ca) args.push('--verify-client-cert');
  return new LineProgram(t, ['gnutls-serv', '--echo', ...args], { listening: 'Echo Server listening' });
}

function passwords(t) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'passwords-'));
  t.after(() => fs.rmSync(directory, { recursive: true }));
  const file = path.join(directory, 'psk.txt');
  fs.writeFileSync(file, `${IDENTITY}:${KEY.toString('hex')}\n`);
  return file;
}

function probe() {
  if (gnutls.missing) return { missing: gnutls.missing };
  const { stdout } = spawnSync('gnutls-cli', ['--version'], { encoding: 'utf8' });
  return { version: stdout.match(/\d+\.\d+\.\d+/)?.[0] };
}

module.exports = {
  name: 'GnuTLS',
  programs: 'gnutls-cli, gnutls-serv',
  from: 'Debian gnutls-bin',
  quick: true,
  resumesAtOnce: true,
  remarks:
    'raw public keys: `+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK`; gnutls-cli cannot be told which one to trust: `--insecure`',
  probe,
  clients: [...both, psk('ECDHE-PSK-CHACHA20-POLY1305', CRASHES), psk('ECDHE-PSK-AES128-CBC-SHA256', CRASHES)],
  servers: [...both, psk('ECDHE-PSK-CHACHA20-POLY1305'), psk('ECDHE-PSK-AES128-CBC-SHA256')],
  client,
  server,
};
