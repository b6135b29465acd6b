'use strict';

// mbed-dtls server: accepts connections, prints what comes, and sends lines or echoes.

const process = require('node:process');

const { createServer, serveDashboard } = require('../../..');
const { address, formatAddress } = require('../arguments');
const { describe, describeInWords } = require('../connection');
const { HELP: CREDENTIALS, SERVER_OPTIONS, serverCredentials } = require('../credentials');
const { EXIT, Failure, configured } = require('../failures');
const { payloads } = require('../input');
const { keyLog } = require('../keylog');
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
  --dashboard [HOST:]PORT
                     show connections and failures in a browser on this machine
  --json             print one JSON object a line

Keys can also be in the environment: MBED_DTLS_PSK, MBED_DTLS_KEY (PEM), and
MBED_DTLS_PASSPHRASE for --key and --pfx.`;

const OPTIONS = {
  ...SERVER_OPTIONS,
  echo: { type: 'boolean' },
  raw: { type: 'boolean' },
  once: { type: 'boolean' },
  dashboard: { type: 'string' },
};

/** How a system without IPv6 answers. */
const NO_IPV6 = ['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'];

/** What a dashboard on loopback listens on. */
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/i;

async function run({ terminal, values, positionals, stop }) {
  const { host, port } = address(positionals[0], { needsHost: false });
  const dashboard = values.dashboard === undefined ? null : dashboardAddress(values.dashboard, terminal);
  const options = serverCredentials(values, terminal);
  const logKeys = keyLog();
  const serveAt = (where) =>
    serve(
      configured(() => createServer(options)),
      { host: where, port },
      { terminal, values, dashboard, stop, logKeys },
    );
  if (host !== undefined) await serveAt(host);
  else {
    // With the IPv6 address for any, IPv4 is served as well.
    await serveAt('::').catch((error) => {
      if (!NO_IPV6.includes(error.code)) throw error;
      return serveAt('0.0.0.0');
    });
  }
  return EXIT.OK;
}

/** Serves until it is told to stop, or until it fails. */
function serve(server, { host, port }, { terminal, values, dashboard, stop, logKeys }) {
  return new Promise((resolve, reject) => {
    let failure = null;
    const end = () => server.listening && server.close();
    const fail = (error) => {
      failure = error;
      end();
    };
    server.on('error', fail);
    logKeys(server, fail);
    server.on('close', () => (failure === null ? resolve() : reject(failure)));
    server.on('listening', () => {
      const { address: ip, port: bound } = server.address();
      terminal.event('listening', { address: ip, port: bound }, `listening on ${formatAddress(ip, bound)}`);
      stop.addEventListener('abort', end);
      if (stop.aborted) end();
      if (dashboard !== null) openDashboard(server, dashboard, terminal, fail);
      sendInput(server, values.raw === true).catch(fail);
    });
    server.on('secureConnection', (socket) => converse(socket, terminal, values, end));
    server.on('clientError', (error, socket) => {
      const peer = peerOf(socket);
      const { code, message } = error;
      terminal.event('refused', { peer, code, message }, `${peer} refused: ${message} (${code})`);
    });
    server.listen(port, host);
  });
}

function dashboardAddress(text, terminal) {
  const { host = '127.0.0.1', port } = address(text, { needsHost: false });
  if (!LOOPBACK.test(host)) terminal.warning(`whoever reaches ${host} sees on the dashboard who is connected`);
  return { host, port };
}

function openDashboard(server, where, terminal, fail) {
  const dashboard = serveDashboard(server, where, () => {
    const { address: ip, port } = dashboard.address();
    const url = `http://${formatAddress(ip, port)}/`;
    terminal.event('dashboard', { url }, `dashboard at ${url}`);
  });
  dashboard.on('error', ({ code, message }) => {
    fail(new Failure(`the dashboard cannot be shown: ${message}`, 'Choose another port with --dashboard.', code));
  });
}

function converse(socket, terminal, { echo, raw, once }, end) {
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
