'use strict';

// A DTLS echo server with one pre-shared key. It keeps serving until it is interrupted.
//
//   node examples/echo-server.js [port]     default: 5684
//   node examples/echo-client.js [port]     talks to it
//   openssl s_client -dtls1_2 -connect 127.0.0.1:5684 -psk_identity sensor -psk 736563726574206f662073656e736f72
//
// It speaks DTLS 1.3 with the client of this directory, and DTLS 1.2 with OpenSSL 3, which has no other.
// With port 0 the system chooses the port, and the server prints it.

const { createServer } = require('..');

const port = Number(process.argv[2] ?? 5684);

const server = createServer({ psk: { sensor: 'secret of sensor' } }, (socket) => {
  const peer = `${socket.remoteAddress}:${socket.remotePort}`;
  console.log(`${peer} is ${socket.pskIdentity}, in ${socket.getProtocol()} with ${socket.getCipher()?.name}`);
  socket.on('data', (message) => socket.write(message));
  socket.on('close', () => console.log(`${peer} is gone`));
});
server.on('clientError', (error, socket) => {
  console.log(`${socket.remoteAddress}:${socket.remotePort} failed: ${error.message} (${error.code})`);
});
server.listen(port, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${server.address()?.port}`));

// Says goodbye to every peer; the process then ends by itself.
process.once('SIGINT', () => server.close());
process.once('SIGTERM', () => server.close());
