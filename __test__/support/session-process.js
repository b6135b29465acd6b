'use strict';

// A program: an endpoint of ours in a process of its own, whose sessions another process may have made.
//
//   session-process.js server TICKET_KEYS CERT KEY         prints `port`, and `resumed` or `full` for each handshake
//   session-process.js client PORT CA [SESSION]            prints `resumed` or `full`, and `session` and what it keeps
//
// Files are in PEM, bytes in hexadecimal digits. Either ends the connection after the first message.

const fs = require('node:fs');
const process = require('node:process');

const { connect, createServer } = require('../..');
const { HOST } = require('./endpoints.js');

const [role, ...values] = process.argv.slice(2);

if (role === 'server') serve(values);
else visit(values);

function serve([ticketKeys, cert, key]) {
  const own = { cert: fs.readFileSync(cert), key: fs.readFileSync(key) };
  const server = createServer({ ...own, ticketKeys: Buffer.from(ticketKeys, 'hex') }, (socket) => {
    console.log(kindOf(socket));
    socket.on('data', () => socket.end());
  });
  server.listen(0, HOST, () => console.log(`port ${server.address().port}`));
}

function visit([port, ca, session]) {
  const options = { host: HOST, port: Number(port), ca: fs.readFileSync(ca), servername: 'localhost' };
  if (session !== undefined) options.session = Buffer.from(session, 'hex');
  const client = connect(options, () => {
    console.log(kindOf(client));
    console.log(`session ${client.getSession().toString('hex')}`);
    client.write('hello\n', () => client.end());
  });
}

function kindOf(socket) {
  return socket.isSessionReused() ? 'resumed' : 'full';
}
