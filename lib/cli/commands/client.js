'use strict';

// mbed-dtls client: one connection, between the standard streams and a server.

const process = require('node:process');

const { address, formatAddress, seconds, whole } = require('../arguments');
const { TIMEOUT_OPTION, close, closed, describe, describeInWords, handshakeTimeout, open } = require('../connection');
const { CLIENT_OPTIONS, HELP: CREDENTIALS, clientCredentials } = require('../credentials');
const { EXIT, Failure } = require('../failures');
const { payloads } = require('../input');
const { counted } = require('../measures');

const USAGE = 'HOST:PORT [OPTIONS]';
const HELP = `usage: mbed-dtls client ${USAGE}

Sends each line of input as one datagram, and prints each datagram that comes.

${CREDENTIALS}
  --psk-identity ID  which of the keys in --psk is ours
  --servername NAME  name that the server's certificate must have
  --insecure         accept any server
  --raw              send the whole input as one datagram; print no newlines
  --count N          end after N datagrams; exit with 1 if fewer come
  --wait SECONDS     after the input, wait this long for datagrams (1)
  --timeout SECONDS  give the handshake up after this time (10)
  --json             print one JSON object a line

Keys can also be in the environment: MBED_DTLS_PSK, MBED_DTLS_KEY (PEM), and
MBED_DTLS_PASSPHRASE for --key and --pfx.`;

const OPTIONS = {
  ...CLIENT_OPTIONS,
  ...TIMEOUT_OPTION,
  raw: { type: 'boolean' },
  count: { type: 'string' },
  wait: { type: 'string' },
};

async function run({ terminal, values, positionals, stop }) {
  const remote = address(positionals[0], { needsHost: true });
  const raw = values.raw === true;
  const count = whole(values, 'count', { least: 1, most: 1e9 });
  const quiet = seconds(values, 'wait', { least: 0, most: 86400, otherwise: 1 });
  const timeout = handshakeTimeout(values);
  const options = { ...remote, handshakeTimeout: timeout, ...clientCredentials(values, terminal) };
  const peer = formatAddress(remote.host, remote.port);

  const client = await open(options, stop);
  terminal.event(
    'connected',
    { peer, ...describe(client) },
    `connected to ${peer}: ${describeInWords(client, terminal)}`,
  );
  const received = await converse(client, { terminal, peer, raw, count, quiet, stop });
  if (count !== undefined && received < count && !stop.aborted) {
    throw new Failure(`${received} of ${counted(count, 'datagram')} came`, 'Give them more time with --wait.');
  }
  return EXIT.OK;
}

/** Carries payloads both ways until one side, or the person, has had enough. Returns how many have come. */
async function converse(client, { terminal, peer, raw, count, quiet, stop }) {
  let received = 0;
  let inputHasEnded = false;
  let timer;
  try {
    await new Promise((resolve, reject) => {
      const waitLonger = () => {
        clearTimeout(timer);
        if (inputHasEnded) timer = setTimeout(resolve, quiet);
      };
      client.on('data', (message) => {
        if (received === count) return;
        received += 1;
        terminal.message(message, peer, { raw });
        if (received === count) resolve();
        else waitLonger();
      });
      client.on('error', reject);
      client.on('close', resolve);
      stop.addEventListener('abort', resolve);
      if (stop.aborted) resolve();
      sendInput(client, raw).then(() => {
        inputHasEnded = true;
        waitLonger();
      }, reject);
    });
  } finally {
    clearTimeout(timer);
    if (client.destroyed) await closed(client);
    else await close(client);
    terminal.event('closed', { peer, received }, `closed: ${counted(received, 'datagram')} came`);
  }
  return received;
}

async function sendInput(client, raw) {
  for await (const payload of payloads(process.stdin, raw)) {
    if (client.destroyed || client.writableEnded) return;
    await new Promise((resolve) => client.write(payload, resolve));
  }
}

module.exports = { HELP, OPTIONS, POSITIONALS: [1, 1], USAGE, run };
