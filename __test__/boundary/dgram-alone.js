'use strict';

// A program without this module: threads that end by process.exit() behind an `await` while datagrams wait for their node:dgram
// sockets. It shows whether Node.js itself survives that; docs/fuzzing.md says which versions do.
//
//   node __test__/boundary/dgram-alone.js [THREADS]

const dgram = require('node:dgram');
const process = require('node:process');
const { setImmediate: nextRound } = require('node:timers/promises');
const { Worker, isMainThread, workerData } = require('node:worker_threads');

const HOST = '127.0.0.1';
const ROUNDS = 20;

async function exitInTheMiddle(round) {
  const receiver = dgram.createSocket('udp4', () => {});
  const sender = dgram.createSocket('udp4');
  await new Promise((resolve) => receiver.bind(0, HOST, resolve));
  for (let count = 0; count <= round; count++) {
    for (let sent = 0; sent < 3; sent++) sender.send('x', receiver.address().port, HOST);
    await nextRound();
  }
  process.exit();
}

async function endThreads(count) {
  for (let index = 0; index < count; index++) {
    const worker = new Worker(__filename, { workerData: index % ROUNDS });
    await new Promise((resolve) => worker.once('exit', resolve));
  }
  console.log(`${count} threads have ended`);
}

if (isMainThread) endThreads(Number(process.argv[2] ?? 60));
else exitInTheMiddle(workerData);
