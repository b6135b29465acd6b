'use strict';

// Tests that are about DTLS 1.2, whatever the others talk. Each says so itself, with its reason: inOlderVersion(t, WIRE) in a test,
// and fileInOlderVersion(WIRE) in a file where all of them are. Then no endpoint that the test makes, or that a program of its own
// makes, speaks anything newer, unless it is told to.

const path = require('node:path');

const { versions } = require('../..');
const defaults = require('../../lib/options/defaults.js');

const OLDER = 'DTLSv1.2';
const NEWER = 'DTLSv1.3';

/** What programs and threads that a test starts load first. */
const PRELOAD = `--require "${path.join(__dirname, 'variants', 'dtls12.js')}"`;

const REASONS = {
  HELLO: 'A client of DTLS 1.3 says in its hello who it is, before it knows how its server proves itself',
  HINT: 'Only DTLS 1.2 has hints',
  NAMES: 'It names suites, messages, alerts, secrets or numbers of DTLS 1.2',
  SAVED: 'Of a connection in DTLS 1.3 there is no copy that could be saved',
  SESSIONS:
    'A session of DTLS 1.2 is there when the handshake is over, one of DTLS 1.3 comes later (dtls13/sessions.test.js)',
  WIRE: 'It reads, changes or forges records and messages of DTLS 1.2',
};

const KNOWN = new Set(Object.values(REASONS));

/** @param {string} reason one of REASONS */
function inOlderVersion(t, reason) {
  t.after(speakOlder(reason));
}

/** @param {string} reason one of REASONS */
function fileInOlderVersion(reason) {
  speakOlder(reason);
}

/** The version that two sides with default options talk now. */
function defaultVersion() {
  return versions['aws-lc'] === undefined ? OLDER : defaults.server.maxVersion;
}

/** For a file that is about what happens by default: both versions are spoken there, and by its programs, whatever the others speak. */
function fileInDefaultVersions() {
  speak(NEWER, NEWER);
  const options = process.env.NODE_OPTIONS?.replace(/--require "[^"]*dtls1[23]\.js"/g, '');
  if (options !== undefined) process.env.NODE_OPTIONS = options;
}

/** @returns {() => void} what ends it */
function speakOlder(reason) {
  if (!KNOWN.has(reason)) throw new Error(`${reason} is no reason to stay with ${OLDER}`);
  const before = [defaults.server.maxVersion, defaults.client.maxVersion];
  const options = process.env.NODE_OPTIONS;
  speak(OLDER, OLDER);
  process.env.NODE_OPTIONS = [options, PRELOAD].filter(Boolean).join(' ');
  return () => {
    speak(...before);
    if (options === undefined) delete process.env.NODE_OPTIONS;
    else process.env.NODE_OPTIONS = options;
  };
}

function speak(server, client) {
  defaults.server.maxVersion = server;
  defaults.client.maxVersion = client;
}

module.exports = { ...REASONS, defaultVersion, fileInDefaultVersions, fileInOlderVersion, inOlderVersion };
