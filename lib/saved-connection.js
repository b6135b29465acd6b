'use strict';

// A live connection as an object that can be stored: the six fields of node-mbed-dtls, and those that it lacked. The
// object is a secret: whoever has it can read and write in the connection's name.

const { inspect } = require('node:util');

const { DtlsError } = require('./errors');
const { FRAGMENT_LENGTHS } = require('./options/negotiation');
const { own } = require('./options/validate');

/** Bytes that each field must have, and those of `IDS` at most. */
const LENGTHS = {
  randbytes: 64,
  id: 32,
  master: 48,
  out_ctr: 8,
  in_window_top: 8,
  in_window: 8,
  connection_id: 32,
  peer_connection_id: 32,
};

/** Fields that may have fewer bytes. */
const IDS = new Set(['id', 'connection_id', 'peer_connection_id']);

/** Stands for the master secret. */
const HIDDEN = { [inspect.custom]: () => `<${LENGTHS.master} secret bytes>` };

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Longest PSK identity or public key of a peer, bytes; no public key that we accept is longer. */
const MAX_NAME = 1024;

const DNS_NAME = /^[a-z0-9._-]{1,255}$/;

/**
 * @param {object | null} saved as the addon gives it
 * @param {{ pskIdentity?: Buffer, publicKey: Buffer, servername?: string | false }} peer whose names the handshake has
 *   confirmed, and the name by which a client has asked for us
 * @returns {object | undefined} with node-mbed-dtls's names, all of them own and enumerable, fit for JSON
 */
function toSession(saved, { pskIdentity, publicKey, servername }) {
  if (saved === null) return undefined;
  const session = {
    ciphersuite: saved.ciphersuite,
    randbytes: saved.randbytes,
    id: saved.id,
    master: saved.master,
    in_epoch: saved.epoch,
    out_ctr: saved.counter,
    in_window_top: saved.windowTop,
    in_window: saved.window,
    encrypt_then_mac: saved.encryptThenMac,
    extended_master_secret: saved.extendedMasterSecret,
    saved_at: saved.savedAt,
  };
  if (saved.connectionId !== undefined) {
    session.connection_id = saved.connectionId;
    session.peer_connection_id = saved.peerConnectionId;
    session.return_routability = saved.checksRoutability;
  }
  if (!saved.restorable) session.restorable = false;
  if (saved.maxFragmentLength !== undefined) session.max_fragment_length = saved.maxFragmentLength;
  if (pskIdentity !== undefined) session.psk_identity = pskIdentity;
  if (publicKey.length > 0) session.public_key = publicKey;
  if (servername) session.servername = servername;
  return Object.defineProperty(session, inspect.custom, { value: inspectWithoutSecret });
}

/** What console.log() and `inspect(socket, { getters: true })` show: all but the master secret. JSON has it all. */
function inspectWithoutSecret(_depth, options, inspectValue) {
  return inspectValue({ ...this, master: HIDDEN }, options);
}

/**
 * @param {unknown} session as `toSession` made it, or node-mbed-dtls, or JSON.parse
 * @returns {object} as the addon wants it, and `pskIdentity`, `publicKey` and `servername`
 * @throws {DtlsError} ERR_DTLS_INVALID_SESSION
 */
function fromSession(session) {
  if (typeof session !== 'object' || session === null) throw invalid('it is not an object');
  const windows = own(session, 'in_window_top') !== undefined && own(session, 'in_window') !== undefined;
  return {
    __proto__: null,
    ciphersuite: integer(session, 'ciphersuite'),
    randbytes: bytes(session, 'randbytes'),
    id: bytes(session, 'id'),
    master: bytes(session, 'master'),
    epoch: integer(session, 'in_epoch'),
    counter: bytes(session, 'out_ctr'),
    windowTop: windows ? bytes(session, 'in_window_top') : undefined,
    window: windows ? bytes(session, 'in_window') : undefined,
    encryptThenMac: flag(session, 'encrypt_then_mac'),
    extendedMasterSecret: flag(session, 'extended_master_secret'),
    maxFragmentLength: fragmentLength(session, 'max_fragment_length'),
    connectionId: optionalId(session, 'connection_id'),
    peerConnectionId: optionalId(session, 'peer_connection_id'),
    checksRoutability: flag(session, 'return_routability'),
    savedAt: time(session, 'saved_at'),
    servername: serverName(session),
    ...peerOf(session),
  };
}

/**
 * What a handshake needs to resume a session by its id, which is less than a connection needs to go on.
 *
 * @param {unknown} session as for `fromSession`
 * @param {{ id: Buffer, servername: string | false }} offer what the client's hello says. A session belongs to the name
 *   under which it was made (RFC 6066, section 3).
 * @returns {object | null} as the addon wants it; null when the session has another id or another name
 * @throws {DtlsError} ERR_DTLS_INVALID_SESSION
 */
function fromResumable(session, { id, servername }) {
  if (typeof session !== 'object' || session === null) throw invalid('it is not an object');
  if (!bytes(session, 'id').equals(id) || serverName(session) !== servername) return null;
  return {
    __proto__: null,
    ciphersuite: integer(session, 'ciphersuite'),
    master: bytes(session, 'master'),
    encryptThenMac: flag(session, 'encrypt_then_mac'),
    extendedMasterSecret: flag(session, 'extended_master_secret'),
    ...peerOf(session),
  };
}

function integer(session, name) {
  const value = own(session, name);
  if (!Number.isInteger(value) || value < 0 || value > 0xffff) throw invalid(`its '${name}' is not from 0 to 65535`);
  return value;
}

/** Milliseconds, Unix time. */
function time(session, name) {
  const value = own(session, name);
  if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) return value;
  throw invalid(`its '${name}' is not a time in milliseconds`);
}

function fragmentLength(session, name) {
  const value = own(session, name);
  if (value === undefined || FRAGMENT_LENGTHS.includes(value)) return value;
  throw invalid(`its '${name}' is none of ${FRAGMENT_LENGTHS.join(', ')}`);
}

/** Absent where there are no connection IDs. */
function optionalId(session, name) {
  return own(session, name) === undefined ? undefined : bytes(session, name);
}

function flag(session, name) {
  const value = own(session, name);
  if (value === undefined || typeof value === 'boolean') return value;
  throw invalid(`its '${name}' is not a boolean`);
}

/** The name by which the client has asked for us, false without one. */
function serverName(session) {
  const name = own(session, 'servername') ?? false;
  if (name === false || (typeof name === 'string' && DNS_NAME.test(name))) return name;
  throw invalid("its 'servername' is not a DNS name in lower case");
}

/** Names of the peer. The native object does not need them, and node-mbed-dtls stored neither. */
function peerOf(session) {
  return { pskIdentity: nameOf(session, 'psk_identity'), publicKey: nameOf(session, 'public_key') };
}

function nameOf(session, name) {
  const value = own(session, name);
  if (value === undefined) return undefined;
  const buffer = toBuffer(value);
  if (buffer === null || buffer.length > MAX_NAME) throw invalid(`its '${name}' is not valid`);
  return buffer;
}

/** A field of bytes: Buffer, Uint8Array, what JSON makes of a Buffer, or base64. */
function bytes(session, name) {
  const buffer = toBuffer(own(session, name));
  const limit = LENGTHS[name];
  if (buffer === null) throw invalid(`its '${name}' is neither a Buffer, nor what JSON makes of one, nor base64`);
  if (IDS.has(name) ? buffer.length > limit : buffer.length !== limit) {
    throw invalid(`its '${name}' has ${buffer.length} bytes, not ${IDS.has(name) ? 'up to ' : ''}${limit}`);
  }
  return buffer;
}

function toBuffer(value) {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (typeof value === 'string') return BASE64.test(value) ? Buffer.from(value, 'base64') : null;
  if (value?.type !== 'Buffer' || !Array.isArray(value.data) || value.data.length > MAX_NAME) return null;
  return value.data.every(isByte) ? Buffer.from(value.data) : null;
}

function isByte(value) {
  return Number.isInteger(value) && value >= 0 && value <= 255;
}

function invalid(why) {
  return new DtlsError(`The saved session cannot be used: ${why}`, { code: 'ERR_DTLS_INVALID_SESSION' });
}

module.exports = { fromResumable, fromSession, toSession };
