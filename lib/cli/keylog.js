'use strict';

// SSLKEYLOGFILE: where browsers, curl and others write the keys of their connections, for Wireshark to read.

const fs = require('node:fs');
const process = require('node:process');

const { UsageError } = require('./failures');

/** Whoever can read the file can read the connections. */
const MODE = 0o600;

/**
 * Opens the file that the environment names, if it names one: what cannot be written is found out before anything is sent.
 *
 * @returns {(emitter: object, fail: (error: Error) => void) => void} appends the keys of each handshake of a server or a
 *   client; `fail` is told when that is no longer possible
 */
function keyLog() {
  const file = process.env.SSLKEYLOGFILE;
  if (!file) return () => {};
  append(file, '');
  return (emitter, fail) => {
    emitter.on('keylog', (line) => {
      try {
        append(file, line);
      } catch (error) {
        fail(error);
      }
    });
  };
}

function append(file, text) {
  try {
    fs.appendFileSync(file, text, { mode: MODE });
  } catch (error) {
    const advice = 'Choose a file in a directory that you may write to, or unset SSLKEYLOGFILE.';
    throw new UsageError(`SSLKEYLOGFILE: cannot write ${file} (${error.code})`, advice, error.code);
  }
}

module.exports = { keyLog };
