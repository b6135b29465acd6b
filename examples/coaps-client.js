'use strict';

// Asks the coaps server, prints its answer, and ends. It needs the npm package coap: npm install coap
//
//   node examples/coaps-client.js [port]     default: 5684, where examples/coaps-server.js listens

const coap = require('coap');

const { createDgramSocket } = require('..');

const socket = createDgramSocket({ client: { psk: 'secretPSK', pskIdentity: 'dev', handshakeTimeout: 5000 } });
const agent = new coap.Agent({ socket });
const request = agent.request({ hostname: '127.0.0.1', port: Number(process.argv[2] ?? 5684), pathname: '/' });
request.on('response', (response) => {
  console.log(`${response.code} ${response.payload}`);
  socket.close();
});
request.on('error', (error) => {
  console.error(`failed: ${error.message}`);
  console.error('Is the server running? node examples/coaps-server.js');
  process.exit(1);
});
request.end();
