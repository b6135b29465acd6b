'use strict';

// mbed-dtls server: accepts connections, prints what comes, and sends lines or echoes.

const process = require('node:process');

const { createServer } = require('../../..');
const { address, formatAddress } = require('../arguments');
const { describe, describeInWords } = require('../connection');
const { HELP: CREDENTIALS, SERVER_OPTIONS, serverCredentials } = require('../credentials');
const { EXIT, configured } = require('../failures');
const { payloads } = require('../input');
const { counted } = require('../measures');

const USAGE = '[HOST:]PORT [OPTIONS]';
const HELP = `usage: mbed-dtls server ${USAGE}

Accepts connections until Ctrl-C, and prints each datagram that comes. Each line
of input goes to every client as one datagram. Without HOST the server listens
on every address, and with port 0 on a port of the system's choice.

${CREDENTIALS}
  --echo             send each datagram back
  --raw              send the whole input as one datagram; print no newlines
  --once             end when the first connection has ended
  --json             print one JSON object a line

Keys can also be in the environment: MBED_DTLS_PSK, MBED_DTLS_KEY (PEM), and
MBED_DTLS_PASSPHRASE for --key and --pfx.`;

const OPTIONS = {
  ...SERVER_OPTIONS,
  echo: { type: 'boolean' },
  raw: { type: 'boolean' },
  once: { type: 'boolean' },
};

async function run({ terminal, values, positionals, stop }) {
  const { host, port } = address(positionals[0], { needsHost: false });
  const server = configured(() => createServer(serverCredentials(values, terminal)));
  await new Promise((resolve, reject) => {
    let failure = null;
    const end = () => server.listening && server.close();
    server.on('error', (error) => {
      failure = error;
    });
    server.on('close', () => (failure === null ? resolve() : reject(failure)));
    server.on('listening', () => {
      const { address: ip, port: bound } = server.address();
      const own = formatAddress(ip, bound);
      terminal.event('listening', { address: ip, port: bound }, `listening on ${own}`);
      stop.addEventListener('abort', end);
      if (stop.aborted) end();
    });
    server.on('secureConnection', (socket) => serve(socket, terminal, values, end));
    server.on('clientError', (error, socket) => {
      const peer = peerOf(socket);
      const { code, message } = error;
      terminal.event('refused', { peer, code, message }, `${peer} refused: ${message} (${code})`);
    });
    sendInput(server, values.raw === true).catch((error) => {
      failure = error;
      end();
    });
    server.listen(port, host);
  });
  return EXIT.OK;
}

function serve(socket, terminal, { echo, raw, once }, end) {
  const peer = peerOf(socket);
  let received = 0;
  terminal.event('connected', { peer, ...describe(socket) }, `${peer} connected: ${describeInWords(socket, terminal)}`);
  socket.on('data', (message) => {
    received += 1;
    terminal.message(message, peer, { raw });
    if (echo) socket.write(message);
  });
  socket.on('error', (error) => {
    terminal.event('failed', { peer, code: error.code, message: error.message }, `${peer} failed: ${error.message}`);
  });
  socket.on('close', () => {
    terminal.event('closed', { peer, received }, `${peer} closed: ${counted(received, 'datagram')} came`);
    if (once) end();
  });
}

/** Sends each payload to every client. The end of the input is not the end of the server. */
async function sendInput(server, raw) {
  for await (const payload of payloads(process.stdin, raw)) {
    const sockets = Object.values(server.sockets).filter((socket) => socket.connected);
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.write(payload, resolve))));
  }
}

function peerOf({ remoteAddress, remotePort }) {
  return formatAddress(remoteAddress, remotePort);
}

module.exports = { HELP, OPTIONS, POSITIONALS: [1, 1], USAGE, run };
