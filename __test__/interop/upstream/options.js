'use strict';

// The command line of ssl_server2 or ssl_client2, in our options.

const { randomBytes } = require('node:crypto');
const { readFileSync } = require('node:fs');
const path = require('node:path');

const { getCiphers } = require('../../..');

const SRTP = { 1: 'SRTP_AES128_CM_SHA1_80', 2: 'SRTP_AES128_CM_SHA1_32' };

/** Datagrams of Mbed TLS's programs have no limit unless they are told one, those of the others have about this one, in bytes. */
const NO_LIMIT = 16_384;
const FOREIGN_MTU = 1200;

/** What the programs have when they are told nothing else. */
const DEFAULTS = {
  client: { cert: ['cli-rsa-sha256.crt'], key: ['cli-rsa.key'] },
  server: { cert: ['server5.crt', 'server2-sha256.crt'], key: ['server5.key', 'server2.key'] },
  ca: ['test-ca2.crt', 'test-ca-sha256.crt'],
  psk_identity: 'Client_identity',
  server_name: 'localhost',
};

/** Options of OpenSSL's and GnuTLS's programs, by the name that Mbed TLS's have for them. */
const FOREIGN = {
  '-mtu': 'mtu',
  '--mtu': 'mtu',
  '-cert': 'crt_file',
  '--x509certfile': 'crt_file',
  '-key': 'key_file',
  '--x509keyfile': 'key_file',
};

const RESTORABLE = getCiphers().filter((name) => !/CHACHA20|^TLS_/.test(name));

/** The words `name=value` of a command line of Mbed TLS's. */
function named(words) {
  return Object.fromEntries(words.filter((word) => word.includes('=')).map((word) => word.split(/=(.*)/s, 2)));
}

/** What the command line of another program would be. */
function translated(words) {
  const args = { isForeign: true, read_timeout: '1000' };
  words.forEach((word, index) => {
    if (FOREIGN[word]) args[FOREIGN[word]] = words[index + 1];
  });
  if (words.includes('-sess_in')) args.reconnect = '1';
  const asks = words[0] === 'gnutls-serv' ? !words.includes('-a') : words.includes('-verify');
  if (asks) args.auth_mode = 'optional';
  return args;
}

/** IANA's name of a suite, from Mbed TLS's. */
function suiteName(name) {
  return name.replace(/^TLS-/, 'TLS_').replaceAll('-', '_');
}

/** Options of createServer(). */
function serverOptions(args, data) {
  const names = namesOf(args.sni);
  const asks = names.map(({ mode }) => mode).find(Boolean) ?? args.auth_mode ?? 'none';
  const { ca, ...own } = names.find((each) => each.ca) ?? {};
  return {
    ...shared(args, data, DEFAULTS.server),
    ...(args.psk && { psk: new Map([[args.psk_identity ?? DEFAULTS.psk_identity, Buffer.from(args.psk, 'hex')]]) }),
    ...(asks !== 'none' && {
      requestCert: true,
      rejectUnauthorized: asks === 'required',
      ca: read(ca ? [ca] : args.ca_file ? [args.ca_file] : DEFAULTS.ca, data),
      ...(own.crl && { crl: read([own.crl], data) }),
    }),
    ...(args.sni && { SNICallback: (name) => contextOf(names, name, data) }),
    ...sessionOptions(args),
  };
}

/** What a server remembers, and for how long. */
function sessionOptions({ tickets = '1', cache_max: most, cache_timeout: kept, ticket_timeout: valid }) {
  const remembered = { pskSessions: true };
  const seconds = tickets === '1' ? valid : kept;
  if (seconds > 0) remembered.sessionTimeout = Number(seconds);
  if (tickets === '1') return remembered;
  if (most === '0') return { sessionTimeout: 0 };
  const sessions = new Map();
  const timeout = remembered.sessionTimeout * 1000;
  // With a store, and without keys of tickets, no tickets are issued.
  const sessionStore = {
    get: (id) => sessions.get(id),
    set: (id, session) => {
      sessions.set(id, session);
      if (timeout) setTimeout(() => sessions.delete(id), timeout).unref();
    },
    delete: (id) => sessions.delete(id),
  };
  return { ...remembered, sessionStore };
}

/** Options of connect(). */
function clientOptions(args, data) {
  const options = shared(args, data, DEFAULTS.client);
  if (args.psk) {
    const { cert: _cert, key: _key, ...others } = options;
    return { ...others, psk: Buffer.from(args.psk, 'hex'), pskIdentity: args.psk_identity ?? DEFAULTS.psk_identity };
  }
  return {
    ...options,
    ca: read(args.ca_file ? [args.ca_file] : DEFAULTS.ca, data),
    servername: args.server_name ?? DEFAULTS.server_name,
    rejectUnauthorized: !['none', 'optional'].includes(args.auth_mode),
  };
}

function shared(args, data, own) {
  const [least, most] = (args.hs_timeout ?? '').split('-').map(Number);
  const profiles = args.srtp_force_profile ? [SRTP[args.srtp_force_profile]] : Object.values(SRTP);
  return {
    ...credentials(args, data, own),
    ...(args.force_ciphersuite && { ciphers: suiteName(args.force_ciphersuite) }),
    // Connections with ChaCha20-Poly1305 do not go on elsewhere.
    ...(args.serialize > 0 && !args.force_ciphersuite && { ciphers: RESTORABLE }),
    ...(args.groups && { ecdhCurve: args.groups.replace('secp256r1', 'P-256') }),
    ...(args.cid === '1' && { connectionId: connectionIds(args.cid_val) }),
    mtu: Number(args.mtu ?? (args.isForeign ? FOREIGN_MTU : NO_LIMIT)),
    ...(args.max_frag_len && { maxFragmentLength: Number(args.max_frag_len) }),
    ...(args.use_srtp === '1' && { srtpProfiles: profiles }),
    ...(least && { handshakeTimeoutMin: least, handshakeTimeoutMax: most, handshakeTimeout: 2 * most }),
  };
}

function credentials({ crt_file: cert, key_file: key }, data, own) {
  if (cert === 'none') return {};
  if (cert === undefined) return { cert: read(own.cert, data), key: read(own.key, data) };
  return { cert: read([cert], data), key: read([key], data) };
}

/** The ID that is wanted comes first; a server wants more of them, for other connections. */
function connectionIds(wanted) {
  if (!wanted) return 0;
  const first = Buffer.from(wanted, 'hex');
  let isFirst = true;
  return () => {
    const id = isFirst ? first : randomBytes(first.length);
    isFirst = false;
    return id;
  };
}

/** The names of an argument `sni`, each with certificate, key, CA, CRL and how it asks for a certificate, or - for none. */
function namesOf(sni) {
  if (sni === undefined) return [];
  const parts = sni.split(',').map((part) => (part === '-' ? undefined : part));
  return Array.from({ length: parts.length / 6 }, (_, index) => {
    const [name, cert, key, ca, crl, mode] = parts.slice(6 * index, 6 * index + 6);
    return { name, cert, key, ca, crl, mode };
  });
}

function contextOf(names, wanted, data) {
  const found = names.find(({ name }) => name === wanted);
  if (found === undefined) throw new Error(`nobody is called ${wanted}`);
  return { cert: read([found.cert], data), key: read([found.key], data) };
}

function read(files, data) {
  const texts = files.map((file) => readFileSync(path.resolve(data, file)));
  return texts.length === 1 ? texts[0] : texts;
}

module.exports = { SRTP, clientOptions, named, namesOf, serverOptions, suiteName, translated };
