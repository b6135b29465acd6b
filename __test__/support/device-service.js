'use strict';

// A server of devices whose connections survive it: a test starts it, kills it with SIGKILL and starts it again.
//
//   node device-service.js STORE PORT
//
// Prints `listening PORT`, and a line for each thing that happens. STORE is a JSON file: id -> { rinfo, session }.

const fs = require('node:fs');
const process = require('node:process');

const { createServer } = require('../..');

const [file, port] = process.argv.slice(2);
const store = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : {};
const say = (...words) => process.stdout.write(`${words.join(' ')}\n`);
const find = (key) => Object.values(store).find(({ rinfo }) => `${rinfo.address}:${rinfo.port}` === key);

const server = createServer({
  identityPskCallback: () => 'secret of bob',
  ciphers: 'PSK-AES128-CCM8',
  sendClose: false,
});

server.on('lookupKey', (deviceId, callback) => setImmediate(callback, null, store[deviceId]?.rinfo));
server.on('resumeSession', (key, _socket, callback) => setImmediate(callback, null, find(key)?.session));
server.on('secureConnection', (socket, session) => {
  say(session === undefined ? 'handshake' : 'resumed', socket.pskIdentity);
  const id = socket.pskIdentity.toString('hex');
  const save = () => {
    store[id] = { rinfo: { address: socket.remoteAddress, port: socket.remotePort }, session: socket.session };
    fs.writeFileSync(file, JSON.stringify(store));
  };
  socket.on('ipChanged', () => say('moved', socket.pskIdentity));
  socket.on('data', (data) => {
    save();
    say('data', data);
    socket.write(`echo ${data}`);
  });
});
server.on('clientError', (error) => say('clientError', error.code));
server.on('forceDeviceRehandshake', (_rinfo, deviceId) => say('lost', deviceId));
server.listen(Number(port), '127.0.0.1', () => say('listening', server.address().port));
