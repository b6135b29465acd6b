'use strict';

// A server with an ECDSA certificate, and clients that verify it against the authority that issued it. Server and clients
// live in this one process, which ends by itself. The program openssl makes the certificates at the start.
//
//   node examples/certificates.js

const { spawnSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { connect, createServer } = require('..');

async function main() {
  const pems = makeCertificates();
  if (pems === null) {
    console.log('This example makes its certificates with the openssl program, which was not found. Nothing was done.');
    return;
  }
  const server = createServer({ key: pems.serverKey, cert: pems.serverCert }, (socket) => {
    socket.on('data', (message) => socket.write(message));
  });
  server.on('clientError', (error) => console.log(`server: a handshake failed (${error.code})`));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = server.address()?.port ?? 0;

  // The client verifies the name of the host, unless servername says otherwise.
  await talk('right authority, right name', { port, host: '127.0.0.1', ca: pems.ca });
  await talk('right authority, wrong name', { port, host: '127.0.0.1', ca: pems.ca, servername: 'bank.example' });
  await talk("Node's own authorities", { port, host: '127.0.0.1' });

  server.close();
  await once(server, 'close');
}

/**
 * Sends one message and waits for its echo, or for the reason why there is none.
 *
 * @param {string} title
 * @param {import('..').ClientOptions} options
 */
function talk(title, options) {
  const client = connect(options);
  // The message waits for the end of the handshake.
  client.write('hello');
  client.on('data', (answer) => {
    console.log(`${title}: ${client.getProtocol()}, ${client.getCipher()?.name}, echoed ${answer}`);
    client.end();
  });
  client.on('error', (error) => console.log(`${title}: ${error.message} (${error.code})`));
  return new Promise((resolve) => client.on('close', resolve));
}

/** Makes an authority and a server's certificate, in PEM. Returns null if there is no openssl. */
function makeCertificates() {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-'));
  const file = (/** @type {string} */ name) => path.join(directory, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const authority = ['-subj', '/CN=Example CA', '-days', '2', '-keyout', file('ca.key'), '-out', file('ca.crt')];
  const request = ['-subj', '/CN=localhost', '-keyout', file('server.key'), '-out', file('server.csr')];
  const issuer = ['-CA', file('ca.crt'), '-CAkey', file('ca.key'), '-CAcreateserial', '-days', '1'];
  const result = ['-extfile', file('server.ext'), '-out', file('server.crt')];
  try {
    if (!openssl('req', '-x509', ...key, ...authority)) return null;
    openssl('req', ...key, ...request);
    fs.writeFileSync(file('server.ext'), 'subjectAltName = DNS:localhost, IP:127.0.0.1\n');
    openssl('x509', '-req', '-in', file('server.csr'), ...issuer, ...result);
    return {
      ca: fs.readFileSync(file('ca.crt')),
      serverKey: fs.readFileSync(file('server.key')),
      serverCert: fs.readFileSync(file('server.crt')),
    };
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

/**
 * Runs openssl. Returns false if there is no such program, and throws if it fails.
 *
 * @param {string[]} args
 */
function openssl(...args) {
  const { error, status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (error !== undefined) return false;
  if (status !== 0) throw new Error(`openssl ${args[0]} failed: ${stderr}`);
  return true;
}

main();
