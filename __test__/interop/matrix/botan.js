'use strict';

// Botan's own command, in both roles.

const { spawnSync } = require('node:child_process');

const { LineProgram } = require('./line.js');
const { ecdsa, rsa } = require('./scenarios.js');

const both = [
  ecdsa('ECDHE-ECDSA-AES128-GCM-SHA256'),
  ecdsa('ECDHE-ECDSA-CHACHA20-POLY1305'),
  rsa('ECDHE-RSA-AES128-GCM-SHA256'),
];

module.exports = {
  name: 'Botan',
  programs: 'botan tls_client, tls_server',
  from: 'Debian botan',
  remarks: '`--type=udp` without `--tls1.2`, with which it speaks TLS over UDP',
  probe,
  clients: both,
  servers: both,

  client(t, port, _scenario, { ca }) {
    const args = [`--port=${port}`, '--type=udp', '--skip-system-cert-store', `--trusted-cas=${ca}`];
    // Line buffering, because its output would otherwise not leave it while it runs.
    const command = ['stdbuf', '-oL', 'botan', 'tls_client', '127.0.0.1', ...args];
    return new LineProgram(t, command, { connected: 'Handshake complete' });
  },

  server(t, port, _scenario, { cert, key }) {
    const command = ['botan', 'tls_server', cert, key, `--port=${port}`, '--type=udp'];
    return new LineProgram(t, command, { listening: 'Listening for new connections' });
  },
};

function probe() {
  const { error, stdout } = spawnSync('botan', ['version'], { encoding: 'utf8' });
  return error ? { missing: 'botan not found' } : { version: stdout.trim() };
}
