'use strict';

// Our echo server, as an application would write it. node echo.js PORT MODE [KEY CERT]: psk, cert, mutual or rpk.

const fs = require('node:fs');
const { createServer } = require('../..');

const [port, mode, key, cert] = process.argv.slice(2);
const read = (file) => (file === undefined ? undefined : fs.readFileSync(file));
const PSK = { bench: '0123456789abcdef' };
const options = {
  psk: () => ({ psk: PSK }),
  cert: () => ({ key: read(key), cert: read(cert) }),
  mutual: () => ({ key: read(key), cert: read(cert), requestCert: true, rejectUnauthorized: false }),
}[mode]();

// The load comes from one address.
const server = createServer({ ...options, maxHandshakes: 100_000, maxHandshakesPerAddress: 100_000 }, (socket) => {
  socket.on('data', (message) => socket.write(message));
});
server.on('clientError', () => {});
server.listen(Number(port), '127.0.0.1', () => console.log('listening'));
