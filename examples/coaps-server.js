'use strict';

// A coaps server: node-coap over a socket with DTLS underneath. It needs the npm package coap: npm install coap
//
//   node examples/coaps-server.js [port]     default: 5684
//   node examples/coaps-client.js [port]     asks it
//   coap-client-openssl -u dev -k secretPSK coaps://127.0.0.1/
//
// With port 0 the system chooses the port, and the server prints it.

const coap = require('coap');

const { createDgramSocket } = require('..');

const socket = createDgramSocket({ psk: { dev: 'secretPSK' } });
const server = coap.createServer((request, response) => response.end(`hello ${request.rsinfo.socket.pskIdentity}`));
server.listen(socket);
socket.bind(Number(process.argv[2] ?? 5684), '127.0.0.1', () => {
  console.log(`listening on 127.0.0.1:${socket.address().port}`);
});

// Says goodbye to every peer; the process then ends by itself.
process.once('SIGINT', stop);
process.once('SIGTERM', stop);

function stop() {
  server.close();
  socket.close();
}
