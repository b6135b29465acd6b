'use strict';

// What a pair does: how the two authenticate, with which suite, on what kind of network. And what our side needs for
// it.

const certificates = require('../../support/certificates.js');
const { keyPair } = require('../../support/gnutls.js');

const IDENTITY = 'sensor';
/** Sixteen characters, because some programs take text and some hexadecimal digits. */
const KEY = Buffer.from('sixteen-byte-key');

/** Of servers that take each other's tickets. */
const TICKET_KEYS = Buffer.alloc(48, 'ticket');
/** Bytes of the connection IDs that each side wants to see. */
const OUR_ID = 8;
const THEIR_ID = 5;

const KINDS = {
  'P-256': ['ec', { namedCurve: 'P-256' }],
  'P-384': ['ec', { namedCurve: 'P-384' }],
  'P-521': ['ec', { namedCurve: 'P-521' }],
  RSA: ['rsa', { modulusLength: 2048 }],
};

/** Certificates with keys of other curves. */
const OF_KIND = { 'P-384': { own: certificates.p384, authority: certificates.p384Ca } };

// ---- Making scenarios. `more`: { mutual, resume, loss, mtu, cookies, direct, kind, ids, group, retry, alone, updates, handshakes,
// theirs }. `resume` is 'ticket' or 'id', or true for 'renegotiate' on our server. With `ids`, both sides ask for connection IDs,
// and a NAT between them gives the client another port; 'checked': both answer return routability checks; 'still': the peer
// hears one port of the client's alone. `group` is the only one of ours for the key exchange; with `retry` it is the server's,
// and the client has others and guesses one of those; with `alone` there is no exchange beside the pre-shared key. With
// `updates`, the peer replaces its keys, and has us do so. `handshakes`: so many of them, each on a network that loses every
// tenth datagram. With `defaults`, our side has both versions and all its suites and groups.

const psk = (suite, more) => ({ auth: 'psk', suite, ...more });
/** With a chain of three, leaf, intermediate and root; `direct`: of two; `kind`: of two, whose keys are of this curve. */
const ecdsa = (suite, more) => ({ auth: 'ecdsa', suite, ...more });
const rsa = (suite, more) => ({ auth: 'rsa', suite, ...more });
/** Raw public keys on both sides. */
const raw = (kind, more) => ({ auth: 'raw', kind, mutual: true, ...more });

/** The same scenario in DTLS 1.3. */
const newer = (scenario) => ({ ...scenario, version: 'DTLSv1.3' });

/** Suites of three kinds with connection IDs; `cbc` says what else of CBC. */
const withIds = (ids, cbc = {}) => [
  psk('PSK-AES128-CCM8', { ids }),
  psk('ECDHE-PSK-AES128-CBC-SHA256', { ids, ...cbc }),
  ecdsa('ECDHE-ECDSA-AES128-GCM-SHA256', { ids }),
];

/** What a scenario adds to the plainest of its kind. */
const ADDITIONS = ['resume', 'loss', 'mtu', 'cookies', 'ids', 'group', 'alone', 'updates', 'handshakes', 'theirs'];

/**
 * The plainest scenario of each kind of authentication in each version, with our side as it is by default: a hello of both versions
 * has to be understood by servers that have the older one alone.
 */
function withDefaults(scenarios) {
  const isPlain = (scenario) =>
    ADDITIONS.every((name) => scenario[name] === undefined) && (scenario.auth === 'raw' || !scenario.mutual);
  const plainest = new Map();
  for (const scenario of scenarios.filter(isPlain)) {
    const kind = `${scenario.auth} ${scenario.version}`;
    if (!plainest.has(kind)) plainest.set(kind, { ...scenario, defaults: true });
  }
  return [...plainest.values()];
}

/** A scenario in words. */
function describe(scenario) {
  const { auth, suite, kind, mutual, resume, loss, mtu, cookies, direct, ids, group, alone, updates, handshakes } =
    scenario;
  // In DTLS 1.3 there is always a key exchange, and no suite names it.
  const before = scenario.version === undefined ? 'ECDHE-' : '';
  const exchange = {
    psk: suite?.startsWith('ECDHE-') ? 'ECDHE-PSK' : 'PSK',
    ecdsa: `${before}ECDSA${kind ? ` ${kind}` : direct ? '' : ' chain'}`,
    rsa: `${before}RSA`,
    raw: `raw public keys ${kind}`,
  }[auth];
  const also = [
    scenario.retry ? `HelloRetryRequest for ${group}` : group,
    alone && 'psk_ke',
    updates && 'KeyUpdate',
    mutual && auth !== 'raw' && 'client certificate',
    resume && (resume === true ? 'resumption' : `resumption by ${resume}`),
    cookies === false && 'no cookies',
    ids && 'connection IDs',
    ids === 'checked' && 'address checks',
    ids === 'still' && 'one port',
    loss && 'a third lost',
    mtu && `MTU ${mtu}`,
    handshakes && `${handshakes} handshakes, a tenth lost`,
    scenario.defaults && 'our defaults',
  ];
  const version = scenario.version && 'DTLS 1.3';
  return [version, exchange, ...also].filter(Boolean).join(', ');
}

// ---- The credentials of each side. Absent without the openssl program, which makes them.

/** Options of our server. */
function ourServer(scenario, keys) {
  const { auth, mutual, resume } = scenario;
  const shows =
    auth === 'psk' ? { psk: { [IDENTITY]: KEY } } : auth === 'raw' ? rawKeys(keys) : shownBy('server', scenario);
  const asks = mutual && auth !== 'raw' ? { ca: authority(scenario).cert } : {};
  const remembers = { ticket: { pskSessions: true, ticketKeys: TICKET_KEYS }, id: { pskSessions: true } }[resume];
  return { ...shows, ...asks, ...remembers, ...common(scenario) };
}

/** Options of our client. */
function ourClient(scenario, keys) {
  const { auth, mutual, retry } = scenario;
  const trusts = { ca: authority(scenario)?.cert, servername: 'localhost' };
  const shows = mutual && auth !== 'raw' ? shownBy('client', scenario) : {};
  const all = auth === 'psk' ? { psk: KEY, pskIdentity: IDENTITY } : { ...trusts, ...shows };
  const choice = retry ? { ...scenario, group: undefined } : scenario;
  return { ...(auth === 'raw' ? rawKeys(keys) : all), ...common(choice) };
}

/** Options of both. */
function common({ suite, mtu, ids, version, group, alone, defaults }) {
  if (defaults) return {};
  return {
    ...(suite && { ciphers: suite }),
    ...(mtu && { mtu }),
    ...(ids && { connectionId: OUR_ID }),
    ...(version && { minVersion: version, maxVersion: version }),
    ...(group && { ecdhCurve: group }),
    ...(alone && { pskKeyExchangeModes: ['psk_ke'] }),
  };
}

/**
 * Files for a peer: { ca, cert, key } as far as this role has them; for raw public keys { key, publicKey, rawKey, peerKey }, the last
 * two of which are the peer's key and ours in hexadecimal, as SubjectPublicKeyInfo.
 */
function peerFiles(scenario, role, keys) {
  const { auth, mutual } = scenario;
  if (auth === 'raw') {
    const [rawKey, peerKey] = [keys.theirs, keys.ours].map(({ publicKey }) => publicKey.toString('hex'));
    return { key: keys.theirs.keyPath, publicKey: keys.theirs.publicKeyPath, rawKey, peerKey };
  }
  if (auth === 'psk') return {};
  const own = role === 'server' || mutual ? filesOf(role, scenario) : undefined;
  const trusts = role === 'client' || mutual ? { ca: authority(scenario).certPath } : {};
  return { ...trusts, ...(own && { cert: own.certPath, key: own.keyPath }) };
}

/** What we show in this role. */
function shownBy(role, scenario) {
  const { key, cert } = filesOf(role, scenario);
  return { key, cert };
}

/** What either side shows in this role. */
function filesOf(role, { auth, direct, kind }) {
  if (kind !== undefined) return OF_KIND[kind].own;
  if (role === 'client') return certificates.client;
  if (auth === 'rsa') return certificates.allRsa;
  return direct ? certificates.server : certificates.intermediate;
}

function authority({ auth, kind }) {
  if (auth === 'ecdsa' && kind !== undefined) return OF_KIND[kind].authority;
  return auth === 'rsa' ? certificates.rsaCa : certificates.ca;
}

function rawKeys({ ours, theirs }) {
  return { key: ours.key, peerPublicKey: theirs.publicKey };
}

/** The key pairs of a scenario with raw public keys. */
function makeKeys(t, { auth, kind }) {
  return auth === 'raw' ? { ours: keyPair(t, ...KINDS[kind]), theirs: keyPair(t, ...KINDS[kind]) } : undefined;
}

module.exports = {
  IDENTITY,
  KEY,
  THEIR_ID,
  describe,
  ecdsa,
  makeKeys,
  newer,
  ourClient,
  ourServer,
  peerFiles,
  psk,
  raw,
  rsa,
  withDefaults,
  withIds,
};
