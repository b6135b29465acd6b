'use strict';

// OpenSSL's s_client and s_server as peers: started, talked to through their standard streams, and ended with the test.

const { spawnSync } = require('node:child_process');

const { Program } = require('./program.js');

const version = spawnSync('openssl', ['version'], { encoding: 'utf8' });

/** Why tests with OpenSSL cannot run here, or false. */
const missing = version.error ? 'openssl not found' : false;

/** Starts `openssl s_client -dtls1_2` against a local port; it is ended with the test. */
function sClient(test, port, args) {
  const peer = new Program('openssl', ['s_client', '-dtls1_2', '-connect', `127.0.0.1:${port}`, ...args]);
  test.after(() => peer.kill());
  return peer;
}

/** Starts `openssl s_server` on a local port, for DTLS 1.2 unless told otherwise. */
function sServer(test, port, args, version = '-dtls1_2') {
  const peer = new Program('openssl', ['s_server', version, '-accept', `127.0.0.1:${port}`, ...args]);
  test.after(() => peer.kill());
  return peer;
}

module.exports = { missing, version: version.stdout?.trim(), sClient, sServer };
