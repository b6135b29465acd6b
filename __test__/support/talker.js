'use strict';

// A worker thread with the other side of a connection, which goes on while the test's event loop is blocked. workerData:
//   { talksTo, every }    a client of the server on this port, which writes every so many milliseconds
//   { answersAfter }      a server that finds its key after so many milliseconds
// It reports 'secureConnect', or its port.

const { parentPort, workerData } = require('node:worker_threads');

const { connect, createServer } = require('../..');
const { BOB, HOST } = require('./endpoints.js');

const { talksTo, every, answersAfter } = workerData;
if (talksTo !== undefined) {
  const client = connect({ ...BOB, host: HOST, port: talksTo }, () => {
    parentPort.postMessage('secureConnect');
    setInterval(() => client.write('still here'), every);
  });
} else {
  const server = createServer({
    pskCallback: () => new Promise((resolve) => setTimeout(resolve, answersAfter, BOB.psk)),
  });
  server.listen(0, HOST, () => parentPort.postMessage(server.address().port));
}
