'use strict';

// One connection of a command: opened, described, and closed.

const { createHash } = require('node:crypto');

const { connect } = require('../..');
const { seconds } = require('./arguments');
const { Failure, configured } = require('./failures');
const { keyLog } = require('./keylog');

const TIMEOUT_OPTION = { timeout: { type: 'string' } };

/** How long a handshake may take if nobody says otherwise, in seconds. */
const TIMEOUT = 10;

/** How long a server may take to judge a client, beside the time of the handshake, ms. */
const JUDGEMENT = 200;

function handshakeTimeout(values) {
  return seconds(values, 'timeout', { least: 0.1, most: 3600, otherwise: TIMEOUT });
}

/**
 * Opens a connection and waits for the end of its handshake.
 *
 * @param {AbortSignal} stop gives up
 */
function open(options, stop) {
  const logKeys = keyLog();
  const client = configured(() => connect(options));
  logKeys(client, (error) => client.destroy(error));
  return new Promise((resolve, reject) => {
    const giveUp = () => client.destroy(new Failure('ended before the handshake was over', '', 'ABORT_ERR'));
    const settle = (act, value) => {
      stop.removeEventListener('abort', giveUp);
      client.off('error', fail);
      act(value);
    };
    const fail = (error) => {
      // The error has been told, and what follows belongs to nobody.
      client.on('error', () => {});
      settle(reject, error);
    };
    client.on('error', fail);
    client.once('secureConnect', () => settle(resolve, client));
    stop.addEventListener('abort', giveUp);
    if (stop.aborted) giveUp();
  });
}

/**
 * Waits for what the server says of our certificate or key. In DTLS 1.3 a client is connected before its server has judged it, and only a
 * server that does not let it in says so.
 */
function judged(client) {
  if (client.getProtocol() !== 'DTLSv1.3' || client.pskIdentity !== undefined) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      client.off('error', refused);
      resolve();
    }, JUDGEMENT + client.handshakeTime);
    const refused = (error) => {
      clearTimeout(timer);
      reject(error);
    };
    client.once('error', refused);
  });
}

/** Says goodbye to the peer, and waits until nothing of the connection is left. */
function close(client) {
  client.on('error', () => {});
  client.resume();
  client.end();
  return closed(client);
}

function closed(client) {
  return client.closed ? Promise.resolve() : new Promise((resolve) => client.once('close', resolve));
}

/** What a handshake has agreed on, and who the peer is. */
function describe(socket) {
  const { name } = socket.getCipher();
  return {
    protocol: socket.getProtocol(),
    suite: name,
    ...identity(socket),
    ...(socket.alpnProtocol ? { alpn: socket.alpnProtocol } : {}),
  };
}

function identity(socket) {
  if (socket.pskIdentity?.length > 0) return { pskIdentity: socket.pskIdentity.toString() };
  const certificate = socket.getPeerX509Certificate();
  if (certificate) {
    const { subject, issuer, fingerprint256 } = certificate;
    return { certificate: { subject: oneLine(subject), issuer: oneLine(issuer), fingerprint256 } };
  }
  return socket.publicKey?.length > 0 ? { publicKey: fingerprint(socket.publicKey) } : {};
}

/** Node writes the parts of a name on lines of their own. */
function oneLine(name) {
  return (name ?? '').split('\n').join(', ');
}

function fingerprint(publicKey) {
  return `sha256:${createHash('sha256').update(publicKey).digest('base64')}`;
}

/** describe() as the end of a sentence. */
function describeInWords(socket, terminal) {
  const { protocol, suite, pskIdentity, certificate, publicKey, alpn } = describe(socket);
  const parts = [`${protocol}, ${suite}`];
  if (pskIdentity !== undefined) parts.push(`PSK identity ${terminal.quote(pskIdentity)}`);
  if (certificate !== undefined) parts.push(`certificate ${terminal.quote(certificate.subject)}`);
  if (publicKey !== undefined) parts.push(`raw public key ${publicKey}`);
  if (alpn !== undefined) parts.push(`protocol ${terminal.quote(alpn)}`);
  return parts.join(', ');
}

module.exports = {
  TIMEOUT_OPTION,
  close,
  closed,
  describe,
  describeInWords,
  fingerprint,
  handshakeTimeout,
  judged,
  oneLine,
  open,
};
