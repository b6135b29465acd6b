'use strict';

// Options about what the two hellos negotiate, in the forms of node:tls, and their form for the addon. The addon knows
// which names of groups and signature algorithms there are.

const { Bare } = require('../bare');
const { invalidArgType, invalidArgValue } = require('../errors');
const { boolean, copyBytes, oneOf, string } = require('./validate');

/** Longest protocol name, bytes (RFC 7301, 3.1). */
const MAX_PROTOCOL = 255;

/** Longest list of protocol names, bytes, with one for each length: a hello must have room for the rest. */
const MAX_PROTOCOLS = 4096;

/** Limits on the plaintext of a record, bytes (RFC 6066, section 4). */
const FRAGMENT_LENGTHS = [512, 1024, 2048, 4096];

/** Versions of DTLS by node:tls's spelling, the oldest first. */
const VERSIONS = ['DTLSv1.2', 'DTLSv1.3'];
const [OLDER, NEWER] = VERSIONS;

/** Options of the older version alone, whose effect somebody would miss in the newer. */
const OF_OLDER = ['maxFragmentLength', 'srtpProfiles'];

/** How pre-shared keys are used in DTLS 1.3 (RFC 8446, section 4.2.9). */
const PSK_MODES = ['psk_dhe_ke', 'psk_ke'];

const OPTIONS = {
  minVersion: oneOf(...VERSIONS),
  maxVersion: oneOf(...VERSIONS),
  ecdhCurve: names,
  sigalgs: names,
  ALPNProtocols: protocols,
  requireExtendedMasterSecret: boolean,
  maxFragmentLength,
  srtpProfiles: names,
  pskKeyExchangeModes,
};

/** These options in the addon's form. An option that has not been given is absent. */
function negotiation(all) {
  if (all.minVersion > all.maxVersion) {
    throw invalidArgValue(
      'options.minVersion',
      `must not be newer than "options.maxVersion", which is '${all.maxVersion}'`,
    );
  }
  const vain = all.minVersion === NEWER && OF_OLDER.find((name) => all[name] !== undefined);
  if (vain) {
    throw invalidArgValue(`options.${vain}`, `is of DTLS 1.2 alone, which "options.minVersion" leaves out`);
  }
  const native = new Bare();
  native.extendedMasterSecret = all.requireExtendedMasterSecret ?? false;
  if (all.ecdhCurve !== undefined) native.curves = all.ecdhCurve;
  if (all.sigalgs !== undefined) native.sigalgs = all.sigalgs;
  if (all.ALPNProtocols !== undefined) native.protocols = all.ALPNProtocols;
  if (all.maxFragmentLength !== undefined) native.maxFragmentLength = all.maxFragmentLength;
  if (all.srtpProfiles !== undefined) native.srtpProfiles = all.srtpProfiles;
  if (all.pskKeyExchangeModes !== undefined) native.pskModes = all.pskKeyExchangeModes;
  if (all.minVersion !== undefined) native.minVersion = all.minVersion;
  if (all.maxVersion !== undefined) native.maxVersion = all.maxVersion;
  if (all.honorCipherOrder !== undefined) native.clientPreference = !all.honorCipherOrder;
  if (all.nameAuthorities !== undefined) native.nameAuthorities = all.nameAuthorities;
  if (all.pskIdentityHint !== undefined) native.pskIdentityHint = all.pskIdentityHint;
  return native;
}

/** Whether these options, as the application has given them, say what the newest version is. */
function namesVersion({ minVersion, maxVersion }) {
  return maxVersion !== undefined || (minVersion !== undefined && minVersion !== OLDER);
}

/**
 * What these options, as the application has given them, say of the newest version without naming it: some of them are of the older
 * one alone, and whoever needs them must not lose them to the newer.
 */
function impliedVersion(given) {
  const { srtpProfiles, maxFragmentLength } = given;
  const needsOlder = (srtpProfiles ?? maxFragmentLength) !== undefined && !namesVersion(given);
  return needsOlder ? { __proto__: null, maxVersion: OLDER } : null;
}

/** Whether these options leave the newer version alone. */
function leavesNewerAlone({ minVersion }) {
  return minVersion === NEWER;
}

/** Whether options in the addon's form include the newer version. */
function speaksNewerVersion({ negotiation: { maxVersion } }) {
  return maxVersion !== OLDER;
}

/** Options in the addon's form without the newer version. */
function withoutNewerVersion(native) {
  return { __proto__: null, ...native, negotiation: { __proto__: null, ...native.negotiation, maxVersion: OLDER } };
}

/** A list of names: an array, or a string with colons between them. */
function names(value, name) {
  if (typeof value !== 'string' && !Array.isArray(value)) {
    throw invalidArgType(name, 'of type string or an instance of Array', value);
  }
  const list = typeof value === 'string' ? value.split(':').filter((word) => word !== '') : [...value];
  if (list.length === 0) throw invalidArgValue(name, 'must hold at least one name');
  list.forEach((item, index) => {
    string(item, `${name}[${index}]`);
  });
  // In node:tls this word leaves the choice to the engine, which is the default here.
  return list.length === 1 && list[0] === 'auto' ? undefined : list;
}

/** By their names of RFC 8446. */
function pskKeyExchangeModes(value, name) {
  const modes = names(value, name);
  modes?.forEach((mode, index) => {
    oneOf(...PSK_MODES)(mode, `${name}[${index}]`);
  });
  return modes;
}

/** An array of names, or bytes in which each name follows its length, as on the wire. */
function protocols(value, name) {
  const list = Array.isArray(value)
    ? value.map((item, index) => bytes(item, `${name}[${index}]`))
    : fromWire(value, name);
  for (const protocol of list) {
    if (protocol.length === 0 || protocol.length > MAX_PROTOCOL) {
      throw invalidArgValue(name, `must hold names of 1 to ${MAX_PROTOCOL} bytes. Received one of ${protocol.length}`);
    }
    if (protocol.includes(0)) throw invalidArgValue(name, 'must not hold a name with a zero byte');
  }
  const total = list.reduce((sum, protocol) => sum + protocol.length + 1, 0);
  if (total > MAX_PROTOCOLS) throw invalidArgValue(name, `must not have more than ${MAX_PROTOCOLS} bytes in all`);
  return list.length === 0 ? undefined : list;
}

function bytes(value, name) {
  const copy = copyBytes(value);
  if (copy === null) throw invalidArgType(name, 'of type string or an instance of Buffer or Uint8Array', value);
  return copy;
}

function fromWire(value, name) {
  const wire = typeof value === 'string' ? null : copyBytes(value);
  if (wire === null) throw invalidArgType(name, 'an instance of Array, Buffer or Uint8Array', value);
  const list = protocolNames(wire);
  if (list === null) throw invalidArgValue(name, 'ends within a name');
  return list;
}

/** Names that each follow their length; null when the bytes end within a name. */
function protocolNames(wire) {
  const list = [];
  for (let at = 0; at < wire.length; at += 1 + wire[at]) {
    if (at + 1 + wire[at] > wire.length) return null;
    list.push(wire.subarray(at + 1, at + 1 + wire[at]));
  }
  return list;
}

function maxFragmentLength(value, name) {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value);
  if (!FRAGMENT_LENGTHS.includes(value)) {
    throw invalidArgValue(name, `must be one of ${FRAGMENT_LENGTHS.join(', ')}. Received ${value}`);
  }
  return value;
}

/** A protocol name as node:tls hands it out: a string, or false without one. */
function protocolName(protocol) {
  return protocol === undefined ? false : protocol.toString();
}

module.exports = {
  FRAGMENT_LENGTHS,
  OPTIONS,
  impliedVersion,
  leavesNewerAlone,
  namesVersion,
  negotiation,
  protocolName,
  protocolNames,
  speaksNewerVersion,
  withoutNewerVersion,
};
