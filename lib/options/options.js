'use strict';

// Options of createServer() and connect(). Their names and limits are checked before anything else happens; then they
// are sorted by what needs them: the native object, the UDP socket, or the JavaScript layer itself.

const net = require('node:net');
const { domainToASCII } = require('node:url');
const { debuglog } = require('node:util');

const { alpnCallbackWithProtocols, invalidArgValue, missingOption, outOfRange } = require('../errors');
const { MadeIds } = require('../made-ids');
const { CLIENT, CONTEXT, MAX_CONNECTION_ID, MAX_DEBUG, SERVER } = require('./checkers');
const { makeSecureContext } = require('./context');
const { rootCertificates } = require('./credentials');
const defaults = require('./defaults');
const negotiated = require('./negotiation');
const { openKeys } = require('./own-keys');
const sessions = require('./sessions');
const { checkOptions, pick } = require('./validate');
const { completeClientVerification, completeServerVerification } = require('./verification');

/** What `enableTrace` shows. */
const DEBUG_MESSAGES = 3;
const DEBUG_LOG = debuglog('mbed-dtls');

/**
 * How many connection IDs an application makes at once, and how many are few. Each handshake of a server uses one, and no call of
 * the native object begins more than 64 of them. A client needs one when it connects.
 */
const SERVER_IDS = { count: 64, low: 64 };
const CLIENT_IDS = { count: 1, low: 0 };

/** With this many bytes, what follows the number of a node still tells connections apart. */
const MIN_NODE_CONNECTION_ID = 2;

const NATIVE_SHARED = ['key', 'cert', 'ciphers', 'handshakeTimeoutMin', 'handshakeTimeoutMax'];
NATIVE_SHARED.push(
  'handshakeTimeout',
  'idleTimeout',
  'mtu',
  'connectionId',
  'addressValidation',
  'debug',
  'ca',
  'crl',
  'peerPublicKey',
  'rejectUnauthorized',
  'omitServerCertificate',
);
const NATIVE_SERVER = [...NATIVE_SHARED, 'maxHandshakes', 'maxHandshakesPerAddress', 'maxConnections', 'requestCert'];
NATIVE_SERVER.push('otherKeys', 'evictIdleConnections', 'stalledHandshakeTimeout', 'nodeId');
NATIVE_SERVER.push('maxAddressQuestions', 'addressQuestionsPerSecond');
const NATIVE_CLIENT = [...NATIVE_SHARED, 'psk', 'pskIdentity', 'servername', 'session'];

/** What a server is judged by. */
const RULES = ['verifyPeer', 'checkServerIdentity', 'servername', 'rejectUnauthorized'];

const CLIENT_UDP = ['type', 'localAddress', 'localPort', 'reuseAddr', 'reusePort', 'recvBufferSize', 'sendBufferSize'];

/**
 * @param {object} options as passed to createServer()
 * @returns {{ native: object, psk: object | null, verifyPeer?: Function,
 *   byHello: { SNICallback?: Function, ALPNCallback?: Function }, udp: object,
 *   sessions: { sessionStore?: object, sessionTimeout?: number }, socket?: object, sendClose: boolean,
 *   receiveQueueLimit: number }}
 *   `psk` is one of `{ key }`, `{ table }` and `{ callback, withSocket, encoding }`; `namesVersion`: whether the newest version
 *   is the application's wish
 */
function serverOptions(options) {
  const given = withContext(checkOptions(options, 'options', SERVER), SERVER);
  const all = completed(given, defaults.server);
  checkTimeouts(given, all);
  const makeIds = madeIds(all, SERVER_IDS);
  checkNode(all);
  openKeys(all);

  const psk = pskSource(all);
  if (psk === null && all.key === undefined) {
    throw missingOption(
      '"options.psk", "options.pskCallback", "options.key" or "options.pfx"',
      'a server needs something to prove itself with',
    );
  }
  if (psk === null && all.pskIdentityHint !== undefined) {
    throw missingOption('"options.psk" or "options.pskCallback"', '"options.pskIdentityHint" helps to choose a key');
  }
  completeClientVerification(all);
  if (all.ALPNCallback !== undefined && all.ALPNProtocols !== undefined) throw alpnCallbackWithProtocols();
  all.type = udpType(all);
  const native = nativeServerOptions(all, psk !== null);
  const remembered = sessions.rememberedSessions(all);
  if (remembered !== undefined) native.sessions = remembered;
  return {
    native,
    psk,
    verifyPeer: all.verifyPeer,
    byHello: pick(all, ['SNICallback', 'ALPNCallback']),
    udp: pick(all, ['type', 'ipv6Only', 'reuseAddr', 'reusePort', 'recvBufferSize', 'sendBufferSize']),
    lookup: all.lookup,
    blockList: all.blockList,
    handshakeThreads: all.handshakeThreads,
    sessions: remembered === undefined ? { __proto__: null } : pick(all, ['sessionStore', 'sessionTimeout']),
    namesVersion: negotiated.namesVersion(given),
    socket: all.socket,
    connectionStore: all.connectionStore,
    replaceByIdentity: all.replaceByIdentity,
    idleTimeout: all.idleTimeout,
    sendClose: all.sendClose,
    receiveQueueLimit: all.receiveQueueLimit,
    nodeId: all.nodeId,
    connectionId: all.connectionId,
    makeIds,
  };
}

function nativeServerOptions(all, psk) {
  const native = pick(all, NATIVE_SERVER);
  native.psk = psk;
  native.negotiation = negotiated.negotiation(all);
  nameNever(native, all);
  if (all.maxConnectionsPerAddress !== Infinity) native.maxConnectionsPerAddress = all.maxConnectionsPerAddress;
  native.verifyPeer = all.verifyPeer !== undefined;
  return native;
}

/**
 * @param {object} [options] see index.d.ts
 * @returns {object} for SNICallback, addContext() and setSecureContext()
 */
function createSecureContext(options = {}) {
  // A server with pre-shared keys can use any context, even one without a private key.
  const all = { __proto__: defaults.server, requestCert: false };
  return makeSecureContext(options, CONTEXT, nativeServerOptions(all, true));
}

/**
 * @param {object} options as passed to connect()
 * @returns {{ native: object, pskCallback?: Function, rules: object, remote: object, udp: object, socket?: object,
 *   sendClose: boolean, receiveQueueLimit: number }}
 */
function clientOptions(options) {
  const given = withContext(checkOptions(options, 'options', CLIENT), CLIENT);
  const all = completed(given, defaults.client);
  adoptAlias(all, 'PSKIdent', 'pskIdentity');
  adoptAlias(all, 'CACert', 'ca');
  checkTimeouts(given, all);
  const makeIds = madeIds(all, CLIENT_IDS);
  openKeys(all);
  if (all.port === undefined) throw missingOption('"options.port"');
  const hasPsk = checkOwnPsk(all);
  completeServerVerification(all);
  const verifiesNothing = !hasPsk && all.peerPublicKey === undefined;
  if (verifiesNothing && all.ca === undefined) all.ca = [rootCertificates(), ...(all.roots ?? [])];

  const remoteFamily = checkFamily(all);
  // With PSK alone there is no name to verify, and a name is sent only when `servername` says so.
  if (all.ca !== undefined || all.servername !== undefined) all.servername = serverName(all);
  const native = pick(all, NATIVE_CLIENT);
  native.asksForPsk = all.pskCallback !== undefined;
  native.negotiation = negotiated.negotiation(all);
  nameNever(native, all);
  native.leavesName = all.checkServerIdentity !== undefined;
  native.verifyPeer = all.verifyPeer !== undefined || native.leavesName;
  return {
    native,
    makeIds,
    pskCallback: all.pskCallback,
    rules: pick(all, RULES),
    remote: { host: all.host, port: all.port, family: remoteFamily, lookup: all.lookup },
    udp: pick(all, CLIENT_UDP),
    signal: all.signal,
    blockList: all.blockList,
    handshakeThreads: all.handshakeThreads,
    socket: all.socket,
    sendClose: all.sendClose,
    receiveQueueLimit: all.receiveQueueLimit,
  };
}

/** The options with what holds where they say nothing: an option that was not given is inherited. */
function completed(given, usual) {
  return Object.assign({ __proto__: usual }, traced(given), negotiated.impliedVersion(given), given);
}

/** How much is traced when `debug` does not say it: everything with NODE_DEBUG=mbed-dtls, messages with `enableTrace`. */
function traced({ enableTrace }) {
  if (DEBUG_LOG.enabled) return { __proto__: null, debug: MAX_DEBUG };
  return enableTrace ? { __proto__: null, debug: DEBUG_MESSAGES } : null;
}

/** The options with those of their `secureContext`, if there is one. */
function withContext(options, checkers) {
  if (options.secureContext === undefined) return options;
  const { secureContext: context, ...given } = options;
  for (const name of ['key', 'cert', 'pfx', 'passphrase']) {
    if (given[name] === undefined) continue;
    throw invalidArgValue(`options.${name}`, 'cannot be used together with "options.secureContext"');
  }
  if (context.otherKeys !== undefined && checkers === CLIENT) {
    throw invalidArgValue('options.secureContext', 'has several keys, and a client has one');
  }
  return { __proto__: null, ...pick(context, [...Object.keys(checkers), 'otherKeys']), ...given };
}

/** The addon gets no time for what never happens. */
function nameNever(native, { hibernateAfter }) {
  if (hibernateAfter !== Infinity) native.hibernateAfter = hibernateAfter;
}

function checkTimeouts(given, all) {
  if (given.handshakeTimeoutMax === undefined) {
    all.handshakeTimeoutMax = Math.max(all.handshakeTimeoutMax, all.handshakeTimeoutMin);
  } else if (all.handshakeTimeoutMax < all.handshakeTimeoutMin) {
    const range = `>= ${all.handshakeTimeoutMin} (options.handshakeTimeoutMin)`;
    throw outOfRange('options.handshakeTimeoutMax', range, all.handshakeTimeoutMax);
  }
}

/** What makes connection IDs, if the application does. Their length takes its place: all of them have that of the first. */
function madeIds(all, amount) {
  if (typeof all.connectionId !== 'function') return undefined;
  const first = MadeIds.first(all.connectionId, all.nodeId);
  const { connectionId: make, nodeId } = all;
  all.connectionId = first.length;
  return (native) => new MadeIds(native, make, { ...amount, first, nodeId });
}

function checkNode({ nodeId, connectionId }) {
  if (nodeId === undefined) return;
  if (connectionId === undefined) throw missingOption('"options.connectionId"', 'its first byte is "options.nodeId"');
  if (connectionId < MIN_NODE_CONNECTION_ID) {
    const range = `>= ${MIN_NODE_CONNECTION_ID} && <= ${MAX_CONNECTION_ID} with "options.nodeId"`;
    throw outOfRange('options.connectionId', range, connectionId);
  }
}

/** Where a server's pre-shared keys come from. There is one source, because two would disagree one day. */
function pskSource(all) {
  const sources = ['psk', 'pskCallback', 'identityPskCallback'].filter((name) => all[name] !== undefined);
  if (sources.length === 0) return null;
  if (sources.length > 1) {
    throw invalidArgValue(`options.${sources[1]}`, `cannot be used together with "options.${sources[0]}"`);
  }
  if (all.psk !== undefined) return all.psk;
  const withSocket = all.pskCallback !== undefined;
  return {
    __proto__: null,
    callback: withSocket ? all.pskCallback : all.identityPskCallback,
    withSocket,
    encoding: all.pskIdentityEncoding,
  };
}

/**
 * Checks a client's own pre-shared key: one key and its identity, or pskCallback.
 *
 * @returns {boolean} whether there is one
 */
function checkOwnPsk({ psk, pskIdentity, pskCallback, minVersion }) {
  if (pskCallback !== undefined) {
    const other = psk !== undefined ? 'psk' : pskIdentity !== undefined ? 'pskIdentity' : null;
    if (other === null) return true;
    throw invalidArgValue('options.pskCallback', `cannot be used together with "options.${other}"`);
  }
  if (psk !== undefined && pskIdentity === undefined) {
    throw missingOption('"options.pskIdentity"', 'the server finds the key by it');
  }
  if (psk === undefined && pskIdentity !== undefined) {
    throw missingOption('"options.psk"', '"options.pskIdentity" names a key');
  }
  // RFC 8446, section 4.2.11: an identity of DTLS 1.3 is not empty.
  if (pskIdentity?.length === 0 && negotiated.leavesNewerAlone({ minVersion })) {
    throw outOfRange('options.pskIdentity.length', '>= 1 byte in DTLS 1.3', '0 bytes');
  }
  return psk !== undefined;
}

function adoptAlias(all, alias, name) {
  if (all[alias] === undefined) return;
  if (all[name] !== undefined) {
    throw invalidArgValue(`options.${alias}`, `is another name of "options.${name}": give one of them`);
  }
  all[name] = all[alias];
}

/** 'udp4' or 'udp6', where a given socket decides; undefined when the address decides. */
function udpType({ type, socket }) {
  if (socket === undefined) return type;
  const actual = socket.type ?? type;
  if (type !== undefined && type !== actual) {
    throw invalidArgValue('options.type', `is ${type}, but "options.socket" is ${actual}`);
  }
  return actual;
}

/** The address family to resolve the host to; 0 for either. */
function checkFamily(all) {
  const type = udpType(all);
  // Our own udp6 socket speaks IPv6. A given one may be dual-stack and reach IPv4 as ::ffff:a.b.c.d.
  const forced = type === 'udp4' ? 4 : type === 'udp6' && all.socket === undefined ? 6 : 0;
  const wanted = all.family || forced;
  if (forced !== 0 && wanted !== forced) {
    throw invalidArgValue('options.family', `is ${all.family}, but the UDP socket is ${type}`);
  }
  const literal = net.isIP(all.host);
  if (literal !== 0 && wanted !== 0 && literal !== wanted) {
    throw invalidArgValue('options.host', `is an IPv${literal} address, but IPv${wanted} is asked for`);
  }
  if (all.localAddress === undefined) return wanted;
  const local = net.isIP(all.localAddress);
  if (wanted !== 0 && local !== wanted) {
    throw invalidArgValue('options.localAddress', `is an IPv${local} address, but IPv${wanted} is asked for`);
  }
  return local;
}

/** The name to verify: a DNS name in the form that certificates hold, or an IP address. */
function serverName({ host, servername = host }) {
  if (net.isIP(servername) !== 0) return servername.replace(/%.*$/, '');
  const name = domainToASCII(servername.replace(/\.$/, ''));
  // An empty name would silently switch the verification of names off; `rejectUnauthorized: false` does so openly.
  if (name === '') throw invalidArgValue('options.servername', 'must be a DNS name or an IP address');
  return name;
}

module.exports = {
  CONTEXT,
  clientOptionNames: Object.keys(CLIENT),
  clientOptions,
  createSecureContext,
  serverOptionNames: Object.keys(SERVER),
  serverOptions,
};
