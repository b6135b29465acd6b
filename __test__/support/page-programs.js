'use strict';

// The programs of a page, and a directory with the files that they read.

const { createPrivateKey, createPublicKey, randomBytes } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const certificates = require('./certificates');
const { freePort } = require('./endpoints');

/** @returns {string[]} of the text of a page */
function programsOf(text) {
  return [...text.matchAll(/^```js\n(.*?)^```/gms)].map(([, program]) => program);
}

/** Writes a program with free ports, addresses of this machine, and a directory of its own. */
async function writeProgram(directory, name, program) {
  const here = program
    .replaceAll('192.0.2.', '127.0.0.')
    .replaceAll('/run/gateway', directory)
    .replaceAll('port: 8080', 'port: 0')
    .replaceAll('5684', String(await freePort()))
    .replaceAll('5685', String(await freePort()));
  fs.writeFileSync(path.join(directory, name), here);
  return path.join(directory, name);
}

/** Writes the keys and certificates that programs name. */
function writeKeys(directory) {
  const keep = (name, content) => fs.writeFileSync(path.join(directory, name), content);
  keep('ca.crt', certificates.ca.cert);
  keep('nodes.key', randomBytes(32));
  for (const [name, { key, cert }] of [
    ['server', certificates.server],
    ['device', certificates.client],
  ]) {
    keep(`${name}.key`, key);
    keep(`${name}.crt`, cert);
    keep(`${name}.der`, createPrivateKey(key).export({ type: 'pkcs8', format: 'der' }));
    keep(`${name}.pub`, createPublicKey(key).export({ type: 'spki', format: 'pem' }));
    keep(`${name}.pub.der`, createPublicKey(key).export({ type: 'spki', format: 'der' }));
  }
}

module.exports = { programsOf, writeKeys, writeProgram };
