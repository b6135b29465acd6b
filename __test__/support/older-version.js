'use strict';

// Tests that are about DTLS 1.2, whatever version the others talk (npm run test:variants -- dtls13), each with the reason.

const EARLY = 'A client of DTLS 1.3 is connected before its server has judged it, or knows of it';
const HINT = 'A client of DTLS 1.3 says who it is before it has heard a hint';
const NAMES = 'It names suites, messages, alerts, secrets or numbers of DTLS 1.2';
const NOTHING = 'A hello of DTLS 1.3 with nothing in common is refused before there is a connection';
const OPTION = 'The option concerns DTLS 1.2 alone';
const SAVED = 'A connection of DTLS 1.3 has no session';
const CLAIM = 'An export of DTLS 1.3 is imported with a claim: exports/claims.test.js';
const SESSIONS = 'Sessions are those of DTLS 1.2';
const DEFAULT = 'It says what the default is';
const VENDOR = 'The device is of a vendor that has DTLS 1.2';
const WIRE = 'It reads, changes or forges records and messages of DTLS 1.2';

/** The reason, a file or directory below __test__, and parts of its tests' full names: all of them without. */
const TESTS = [
  ['What they take the place of speaks DTLS 1.2', 'adapters/'],
  ['The command line has an option of its own for the version, and prints names of suites and messages', 'cli/'],
  [CLAIM, 'exports/announcements.test.js'],
  [CLAIM, 'exports/exports.test.js'],
  [WIRE, 'fleet/redis.test.js', ['as exactly as it was', 'from its address']],
  [WIRE, 'fleet/takeovers.test.js', ['about some peers at a time', 'an hour apart']],
  [NAMES, 'authentication/certificates.test.js', ['with an ECDSA certificate', 'with an RSA certificate']],
  [EARLY, 'authentication/chains.test.js'],
  [EARLY, 'authentication/refusals.test.js', ['a server refuses']],
  [WIRE, 'authentication/refusals.test.js', ["somebody else's certificate"]],
  [EARLY, 'authentication/revocation.test.js', ['on both sides']],
  [NAMES, 'capabilities.test.js', ["an error's errno"]],
  [DEFAULT, 'dtls13/psk.test.js', ['a server that has only the newer', 'by default']],
  [WIRE, 'observing/counters.test.js', ['what is dropped']],
  [SAVED, 'observing/diagnostics.test.js', ['saved session']],
  [VENDOR, 'observing/diagnostics.test.js', ['moved', 'moves']],
  [NAMES, 'observing/keylog.test.js'],
  [NAMES, 'observing/trace.test.js', ['each level', 'a failure is in every trace']],
  [NAMES, 'options/credentials.test.js', ['on P-384', 'on P-521', 'of RSA with 4096']],
  [OPTION, 'options/negotiation.test.js', ['maxFragmentLength']],
  [NOTHING, 'options/negotiation.test.js', ['are those of the chain', 'without one in common']],
  [DEFAULT, 'options/options.test.js', ['have documented defaults']],
  [NAMES, 'options/own-keys.test.js', ['the certificate of its suite']],
  [VENDOR, 'questions/move.test.js', ['unanswered questions']],
  [HINT, 'questions/own-psk.test.js'],
  [EARLY, 'questions/peer.test.js', ['delays its own handshake']],
  [NAMES, 'questions/psk.test.js', ['its suite']],
  [SAVED, 'questions/restore.test.js', ['is there from the end']],
  [SAVED, 'server/connection-id.test.js', ['is of no effect']],
  [SAVED, 'server/idle-policy.test.js', ['from another process']],
  [EARLY, 'server/listen-and-close.test.js', ['sends close_notify to every peer']],
  [SESSIONS, 'sessions/client.test.js'],
  [SESSIONS, 'sessions/store.test.js'],
  [NAMES, 'socket/exporter.test.js', ['labels of the handshake', 'Finished message']],
  [OPTION, 'socket/exporter.test.js', ['profiles are negotiated']],
  [OPTION, 'socket/stream.test.js', ['before the end of the handshake fails']],
  [SAVED, 'transport/addresses.test.js', ['events, keys and answers', 'does not end an established']],
];

/**
 * Whether a test is about DTLS 1.2.
 *
 * @param {string} file its path below __test__
 * @param {string} [name] its full name; for what stands around tests, without
 */
function needsOlderVersion(file, name = '') {
  const normal = file.replaceAll('\\', '/');
  const isNamed = (parts) => parts?.some((part) => name.includes(part)) ?? true;
  const isOf = (of) => (of.endsWith('/') ? normal.startsWith(of) : normal === of);
  return TESTS.some(([, of, parts]) => isOf(of) && isNamed(parts));
}

module.exports = { TESTS, needsOlderVersion };
