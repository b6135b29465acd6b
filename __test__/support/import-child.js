'use strict';

// A process that imports an export, if it is the first to make a file of its name: node import-child.js FILE KEY DIRECTORY COUNT. It says
// what has come of that, sends so many messages on each connection, as far as it may, and answers each with its own name.

const fs = require('node:fs');
const path = require('node:path');
const process = require('node:process');

const { createServer } = require('../..');
const { push } = require('./fleet.js');

const [file, key, directory, count] = process.argv.slice(2);

async function main() {
  const claim = async (id) => {
    try {
      await (await fs.promises.open(path.join(directory, id), 'wx')).close();
      return true;
    } catch {
      return false;
    }
  };
  const server = createServer({ psk: { bob: 'secret of bob' }, maxVersion: 'DTLSv1.3' });
  const { imported } = await server.importConnections(fs.readFileSync(file), { key: Buffer.from(key, 'hex'), claim });
  server.on('secureConnection', (socket) => {
    socket.on('data', (message) => socket.write(`${process.pid} ${message}`));
  });
  server.listen(0, '127.0.0.1', async () => {
    let sent = 0;
    for (const socket of Object.values(server.sockets)) sent += await push(socket, Number(count), `${process.pid}`);
    console.log(JSON.stringify({ pid: process.pid, imported, sent, port: server.address().port }));
  });
}

main();
