#!/usr/bin/env node
// The main job, to be seen: a DTLS server on loopback, clients that reach it, and what each connection came to.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { parseArgs } from 'node:util';

const HELP = `usage: npm start [-- --listen PORT]

Starts a DTLS server on 127.0.0.1, reaches it with one client that holds a pre-shared key and one that verifies the
server's certificate, has messages echoed, and prints suite, identity, handshake time and round trip of each connection.

  --listen PORT   use this UDP port (0: any), go on serving, and print the openssl lines that talk to the server
  --help          this text`;

const HOST = '127.0.0.1';
const PSK_IDENTITY = 'sensor-1';
const MESSAGES = ['hello', 'a second datagram', 'x'.repeat(1000)];
const TIME_LIMIT = 20_000;

const require = createRequire(import.meta.url);
const { help, port } = readArguments();
if (help) {
  console.log(HELP);
} else {
  const { connect, createServer } = loadLibrary();
  await main(connect, createServer).catch((error) => {
    console.error(`start: ${error.message}${error.code ? ` (${error.code})` : ''}`);
    process.exit(1);
  });
}

async function main(connect, createServer) {
  const certificates = require('../__test__/support/certificates.js');
  const psk = randomBytes(16);
  const { key, cert } = certificates.server ?? {};
  const server = createServer({ type: 'udp4', key, cert, psk: { [PSK_IDENTITY]: psk } }, echo);
  server.listen(port ?? 0, HOST);
  await once(server, 'listening');
  const address = server.address();
  console.log(`DTLS server on ${HOST}:${address.port}\n`);

  const remote = { host: HOST, port: address.port };
  const pskClient = { ...remote, psk, pskIdentity: PSK_IDENTITY, ciphers: ['TLS_PSK_WITH_AES_128_CCM_8'] };
  await report('pre-shared key', `PSK identity ${PSK_IDENTITY}`, () => connect(pskClient));
  if (certificates.available) {
    const certificateClient = { ...remote, servername: 'localhost', ca: certificates.ca.cert };
    const identity = 'certificate of localhost, verified against its CA';
    await report('certificate', identity, () => connect(certificateClient));
  } else {
    console.log('certificate\n  skipped: it needs the openssl program, which was not found\n');
  }

  if (port === undefined) {
    server.close();
    await once(server, 'close');
    console.log('Both ends closed. All is well.');
  } else {
    keepServing(server, address.port, psk, certificates);
  }
}

function echo(socket) {
  socket.on('data', (message) => socket.write(message));
  // A peer's failure is its own connection's end, not this server's.
  socket.on('error', () => {});
}

/** One connection from its first datagram to its close, and what there is to say about it. */
async function report(title, identity, open) {
  const began = performance.now();
  const client = open();
  const overdue = new Error(`no answer within ${TIME_LIMIT / 1000} s`);
  const timer = setTimeout(() => client.destroy(overdue), TIME_LIMIT);
  await once(client, 'secureConnect');
  const handshakeTime = performance.now() - began;

  const roundTrips = [];
  for (const message of MESSAGES) roundTrips.push(await roundTrip(client, Buffer.from(message)));
  const { name, standardName = name } = client.getCipher();
  console.log(`${title}
  suite       ${standardName} (${client.getProtocol()})
  identity    ${identity}
  handshake   ${handshakeTime.toFixed(1)} ms
  echoed      ${MESSAGES.length} messages of ${MESSAGES.map((message) => message.length).join(', ')} bytes
  round trip  ${Math.min(...roundTrips).toFixed(2)} ms at best, ${Math.max(...roundTrips).toFixed(2)} ms at worst
`);

  clearTimeout(timer);
  client.end();
  await once(client, 'close');
}

async function roundTrip(client, message) {
  const began = performance.now();
  client.write(message);
  const [answer] = await once(client, 'data');
  if (!message.equals(answer)) throw new Error('the echo is not what was sent');
  return performance.now() - began;
}

function keepServing(server, port, psk, certificates) {
  const certificateLine = certificates.available
    ? `openssl s_client -dtls1_2 -CAfile ${path.relative('', certificates.ca.certPath)} -verify_return_error -verify_hostname localhost -connect ${HOST}:${port}`
    : '(no certificate: the openssl program was not found when the server started)';
  console.log(`Serving until Ctrl-C. Each line that you send comes back:

  openssl s_client -dtls1_2 -psk ${psk.toString('hex')} -psk_identity ${PSK_IDENTITY} -cipher 'PSK-AES128-CCM8@SECLEVEL=0' -connect ${HOST}:${port}

  ${certificateLine}
`);
  server.on('secureConnection', (socket) => {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    const identity = socket.pskIdentity ? `PSK identity ${JSON.stringify(String(socket.pskIdentity))}` : 'no identity';
    console.log(`${peer} connected: ${socket.getCipher().name}, ${identity}`);
    socket.on('data', (message) => console.log(`${peer} sent ${message.length} bytes`));
    socket.on('close', () => console.log(`${peer} closed`));
  });
  server.on('clientError', (error, socket) => {
    console.log(`${socket.remoteAddress}:${socket.remotePort} failed: ${error}`);
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.close());
}

function readArguments() {
  try {
    const { values } = parseArgs({ options: { help: { type: 'boolean' }, listen: { type: 'string' } } });
    const listen = values.listen;
    if (listen !== undefined && !(/^\d{1,5}$/.test(listen) && Number(listen) <= 65535)) {
      throw new Error(`--listen takes a UDP port from 0 to 65535, not ${JSON.stringify(listen)}`);
    }
    return { help: values.help, port: listen === undefined ? undefined : Number(listen) };
  } catch (error) {
    console.error(`start: ${error.message.split('\n')[0]} (see --help)`);
    process.exit(2);
  }
}

function loadLibrary() {
  try {
    return require('../index.js');
  } catch (error) {
    if (error.code !== 'ERR_DTLS_NO_BINARY') throw error;
    console.error('start: the addon is not built yet; `npm start` builds it, and so does `npm run build`');
    process.exit(1);
  }
}
