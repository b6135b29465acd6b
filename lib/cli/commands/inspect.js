'use strict';

// mbed-dtls inspect: what a server accepts, what it refuses, and who it says it is.

const { X509Certificate, createPublicKey } = require('node:crypto');

const { address, formatAddress, seconds } = require('../arguments');
const { close, describe, describeInWords, fingerprint, judged, oneLine, open } = require('../connection');
const { CLIENT_OPTIONS, HELP: CREDENTIALS, clientCredentials } = require('../credentials');
const { EXIT, explain } = require('../failures');
const { Prober } = require('../probe');
const { WEAK_KINDS } = require('../suites');
const { Survey } = require('../survey');

const USAGE = 'HOST:PORT [OPTIONS]';
const HELP = `usage: mbed-dtls inspect ${USAGE}

Asks a server with one hello after the other, and lists what it accepts and what
it refuses: versions, and of DTLS 1.2 suites, groups and extensions. Shows its
certificates, or its raw public key. No handshake is completed for this, so no
key is needed. With a certificate or one of these options it also connects once:

${CREDENTIALS}
  --psk-identity ID  which of the keys in --psk is ours
  --servername NAME  name to ask for, which its certificate must have
  --insecure         connect to any server
  --timeout SECONDS  wait this long for each answer (3)  --json one JSON object

It exits with 1 if there is no answer, or if the connection for which options
were given does not work. It sends some dozens of hellos: inspect only servers
that you may test.`;

const OPTIONS = { ...CLIENT_OPTIONS, timeout: { type: 'string' } };

/** Columns for what there is to say, beside the name of it. */
const TEXT_WIDTH = 66;

/** Options that ask for a connection. */
const CONNECTS = ['psk', 'psk-key', 'key', 'pfx', 'ca', 'peer-key', 'insecure'];

async function run({ terminal, values, positionals, stop }) {
  const remote = address(positionals[0], { needsHost: true });
  const timeout = seconds(values, 'timeout', { least: 0.1, most: 60, otherwise: 3 });
  const options = { ...remote, handshakeTimeout: timeout, ...clientCredentials(values, terminal) };
  const peer = formatAddress(remote.host, remote.port);

  // First, because wrong keys are found before anything is sent.
  const wantsConnection = CONNECTS.some((name) => values[name] !== undefined) || 'psk' in options;
  const wanted = wantsConnection ? await tryConnection(options, terminal, stop) : null;
  const survey = new Survey(await Prober.to(remote, timeout, stop), {
    servername: values.servername ?? remote.host,
    alpn: options.ALPNProtocols ?? [],
    progress: (text) => terminal.progress(text),
  });
  const found = await survey.run();
  const credentials = [...survey.credentials.values()].map(describeCredentials);
  const hasCertificate = credentials.some(({ kind }) => kind === 'certificate');
  const connection = wanted ?? (hasCertificate ? await tryConnection(options, terminal, stop) : null);
  const { words, ...outcome } = connection ?? {};
  const ok = !wantsConnection || connection.ok;
  const report = { ok, peer, ...found, credentials, connection: connection === null ? null : outcome };
  terminal.result(report, terminal.isJson ? '' : inWords(report, words, terminal).join('\n'));
  return ok ? EXIT.OK : EXIT.FAILED;
}

/** Connects once, as the options say. */
async function tryConnection(options, terminal, stop) {
  try {
    const client = await open(options, stop);
    const agreed = describe(client);
    const words = `works: ${describeInWords(client, terminal)}`;
    await judged(client);
    await close(client);
    return { ok: true, ...agreed, words };
  } catch (error) {
    const { code, message, advice, isUsage } = explain(error);
    if (isUsage) throw error;
    return {
      ok: false,
      error: { code, message },
      words: `does not work: ${message} (${code})${advice ? `. ${advice}` : ''}`,
    };
  }
}

function describeCredentials({ isRawKey, certificates: [leaf, ...others] }) {
  try {
    if (isRawKey) {
      const key = createPublicKey({ key: leaf, format: 'der', type: 'spki' });
      return { kind: 'raw public key', key: describeKey(key), publicKey: fingerprint(leaf) };
    }
    const certificate = new X509Certificate(leaf);
    return {
      kind: 'certificate',
      subject: oneLine(certificate.subject),
      issuer: oneLine(certificate.issuer),
      names: certificate.subjectAltName ?? null,
      validFrom: new Date(certificate.validFrom).toISOString(),
      validTo: new Date(certificate.validTo).toISOString(),
      key: describeKey(certificate.publicKey),
      fingerprint256: certificate.fingerprint256,
      chain: others.map((other) => oneLine(new X509Certificate(other).subject)),
    };
  } catch (error) {
    return { kind: isRawKey ? 'raw public key' : 'certificate', unreadable: error.message };
  }
}

function describeKey({ asymmetricKeyType, asymmetricKeyDetails }) {
  const { namedCurve, modulusLength } = asymmetricKeyDetails ?? {};
  return [asymmetricKeyType, namedCurve, modulusLength].filter((part) => part !== undefined).join(' ');
}

/** The report as lines for a reader. */
function inWords(report, connection, terminal) {
  const { peer, versions, cookie, refusal, suites, groups, extensions, clientCertificate, hint, credentials } = report;
  const lines = [peer, ...row('versions', acceptedAndNot(versions))];
  const flood = 'NOT ASKED FOR, so that strangers can use the server to flood others';
  if (cookie !== null) lines.push(...row('cookie', cookie ? 'asked for before anything else' : flood));
  if (refusal !== null) lines.push(...row('hello', `refused with alert ${refusal}`));
  if (suites.accepted.length > 0) lines.push(...suitesInWords(suites));
  if (groups.accepted.length > 0) {
    lines.push(...row('groups', split(groups.accepted, groups.refused)));
    const unknown = groups.unknown.join(', ');
    if (unknown !== '') lines.push(...row('', `not known, because the certificate decides: ${unknown}`));
  }
  if (extensions !== null) lines.push(...row('extensions', acceptedAndNot(extensions)));
  if (extensions?.alpn) lines.push(...row('ALPN', terminal.quote(extensions.alpn)));
  if (clientCertificate) lines.push(...row('clients', 'are asked for a certificate or a raw public key'));
  if (hint !== null) lines.push(...row('PSK hint', terminal.quote(hint)));
  for (const credential of credentials) lines.push(...credentialInWords(credential, terminal));
  if (connection !== undefined) lines.push(...row('connection', connection));
  return lines;
}

function suitesInWords({ accepted, order }) {
  const whose = { server: "in the server's order", client: "in the client's order" }[order] ?? '';
  const lines = row(
    'suites',
    [`${accepted.length} of DTLS 1.2 accepted`, whose].filter((part) => part !== '').join(', '),
  );
  lines.push(...accepted.map((name) => `              ${name}`));
  const refused = [];
  for (const [kind, pattern] of WEAK_KINDS) {
    const weak = accepted.filter((name) => pattern.test(name));
    if (weak.length === 0) refused.push(kind);
    else lines.push(...row('WEAK', `suites ${kind}: ${weak.join(', ')}`));
  }
  if (refused.length > 0) lines.push(...row('refused', `suites ${refused.join(', ')}`));
  return lines;
}

function credentialInWords({ kind, ...facts }, terminal) {
  const known = Object.entries(facts).filter(([, value]) => value !== null && value.length > 0);
  const lines = [`  ${kind}`];
  for (const [name, value] of known)
    lines.push(`    ${inPlainWords(name).padEnd(15)} ${terminal.quote(String(value)).slice(1, -1)}`);
  return lines;
}

/** The names whose value is true, and those whose value is false. */
function acceptedAndNot(table) {
  const having = (wanted) =>
    Object.keys(table)
      .filter((name) => table[name] === wanted)
      .map(inPlainWords);
  return split(having(true), having(false));
}

/** 'validFrom' as 'valid from'; names of versions stay as they are. */
function inPlainWords(name) {
  return name.replace(/(?<=[a-z])[A-Z](?=[a-z])/g, (letter) => ` ${letter.toLowerCase()}`);
}

function split(accepted, refused) {
  const parts = accepted.length > 0 ? [accepted.join(', ')] : [];
  if (refused.length > 0) parts.push(`not ${refused.join(', ')}`);
  return parts.join('; ');
}

/** A name and what there is to say about it, on as many lines as it takes. */
function row(name, text) {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = `${lines.at(-1)} ${word}`;
    if (line.length <= TEXT_WIDTH || lines.at(-1) === '') lines[lines.length - 1] = line;
    else lines.push(` ${word}`);
  }
  return lines.map((line, index) => `  ${(index === 0 ? name : '').padEnd(11)}${line}`);
}

module.exports = { HELP, OPTIONS, POSITIONALS: [1, 1], USAGE, run };
