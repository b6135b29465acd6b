'use strict';

// Our echo server, as an application would write it. node echo.js PORT MODE [KEY CERT] [FLAGS]: psk, cert, mutual, or rpk
// with the client's key in CERT's place. With --psk-sessions it remembers handshakes with PSK, too. With --newer it speaks DTLS 1.3 as
// well. With --delay it prints the event loop's delay when it is told to end.

const { createPublicKey } = require('node:crypto');
const fs = require('node:fs');
const { monitorEventLoopDelay } = require('node:perf_hooks');
const process = require('node:process');

const DTLS12 = require('../dtls12');
const { createServer } = require('../package');

const [port, mode, key, cert] = process.argv.slice(2);
const read = (file) => (file === undefined ? undefined : fs.readFileSync(file));
const PSK = { bench: '0123456789abcdef' };
const options = {
  psk: () => ({ psk: PSK, ...(process.argv.includes('--psk-sessions') && { pskSessions: true }) }),
  cert: () => ({ key: read(key), cert: read(cert) }),
  mutual: () => ({ key: read(key), cert: read(cert), requestCert: true, rejectUnauthorized: false }),
  rpk: () => ({ key: read(key), peerPublicKey: createPublicKey(read(cert)).export({ type: 'spki', format: 'der' }) }),
}[mode]();

Object.assign(options, process.argv.includes('--newer') ? { maxVersion: 'DTLSv1.3' } : DTLS12);

// The load comes from one address.
const server = createServer({ ...options, maxHandshakes: 100_000, maxHandshakesPerAddress: 100_000 }, (socket) => {
  socket.on('data', (message) => socket.write(message));
});
server.on('clientError', () => {});
server.listen(Number(port), '127.0.0.1', () => console.log('listening'));

if (process.argv.includes('--delay')) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  // What it takes to load everything is no handshake.
  server.once('secureConnection', () => delay.enable());
  process.on('SIGTERM', () => {
    console.log(JSON.stringify({ delay_p99_ms: delay.percentile(99) / 1e6 - 1 }));
    process.exit();
  });
}
