'use strict';

// Sends three messages to the echo server, prints what comes back, and ends.
//
//   node examples/echo-client.js [port]     default: 5684, where examples/echo-server.js listens

const { connect } = require('..');

const port = Number(process.argv[2] ?? 5684);
const messages = ['hello', 'a second datagram', 'goodbye'];

const client = connect({
  host: '127.0.0.1',
  port,
  psk: 'secret of sensor',
  pskIdentity: 'sensor',
  // This is long enough for a few lost datagrams to be sent again, and short enough for somebody who waits.
  handshakeTimeout: 5000,
});
client.on('secureConnect', () => {
  console.log(`connected to 127.0.0.1:${port} in ${client.getProtocol()} with ${client.getCipher()?.name}`);
  for (const message of messages) client.write(message);
});
let echoed = 0;
client.on('data', (message) => {
  console.log(`echoed: ${message}`);
  echoed++;
  if (echoed === messages.length) client.end();
});
client.on('error', (error) => {
  console.error(`failed: ${error.message}${'code' in error ? ` (${error.code})` : ''}`);
  console.error('Is the server running? node examples/echo-server.js');
  process.exitCode = 1;
});
client.on('close', () => console.log('closed'));
