'use strict';

// Keys and helpers for applications of node-mbed-dtls.

const { generateKeyPairSync } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

/** An EC key as the old libraries wanted it, DER. */
function keyPair() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    key: privateKey.export({ type: 'sec1', format: 'der' }),
    pkcs8: privateKey.export({ type: 'pkcs8', format: 'der' }),
    pem: privateKey.export({ type: 'sec1', format: 'pem' }),
    spki: publicKey.export({ type: 'spki', format: 'der' }),
  };
}

/** A file that is gone after the test. */
function fileWith(t, contents) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-'));
  t.after(() => fs.rmSync(directory, { recursive: true }));
  const file = path.join(directory, 'key');
  fs.writeFileSync(file, contents);
  return file;
}

/** Closes a server or client after the test. */
function closeAfter(t, endpoint) {
  t.after(() => {
    endpoint.on('error', () => {});
    if (endpoint.listening === undefined) endpoint.destroy();
    else endpoint.close();
  });
  return endpoint;
}

module.exports = { closeAfter, fileWith, keyPair };
