'use strict';

// Revocation lists of the tests' own authorities, made by the `openssl` program.

const { spawnSync } = require('node:child_process');
const { X509Certificate } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

/**
 * @param {{ keyPath: string, certPath: string }} issuer
 * @param {{ cert: Buffer }[]} revoked
 * @param {string[]} [validity] first and next update
 * @returns {Buffer} PEM
 */
function revocationList(issuer, revoked, [first, next] = ['20200101000000Z', '20491231235959Z']) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'revocation-'));
  try {
    const file = (name) => path.join(directory, name).replaceAll('\\', '/');
    const line = ({ cert }) =>
      `R\t491231235959Z\t200101000000Z\t${new X509Certificate(cert).serialNumber}\tunknown\t/CN=revoked\n`;
    fs.writeFileSync(file('index'), revoked.map(line).join(''));
    fs.writeFileSync(file('number'), '01\n');
    const config = `[ca]\ndefault_ca = issue\n[issue]\ndatabase = ${file('index')}\ncrlnumber = ${file('number')}\n`;
    fs.writeFileSync(file('cnf'), `${config}default_md = sha256\n`);
    const dates = ['-crl_lastupdate', first, '-crl_nextupdate', next];
    const signer = ['-keyfile', issuer.keyPath, '-cert', issuer.certPath];
    const args = ['ca', '-gencrl', '-config', file('cnf'), ...signer, ...dates, '-out', file('crl')];
    const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    return fs.readFileSync(file('crl'));
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

module.exports = { revocationList };
