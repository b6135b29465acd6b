'use strict';

// A program without this module: threads that are ended while datagrams wait for their node:dgram sockets. It shows whether
// Node.js itself survives that; docs/fuzzing.md says which versions do.
//
//   node __test__/boundary/dgram-alone.js [THREADS]

const dgram = require('node:dgram');
const { Worker, isMainThread, parentPort } = require('node:worker_threads');

const HOST = '127.0.0.1';

/** Datagrams that wait for a thread, and how long its listener takes for each, ms. */
const DATAGRAMS = 64;
const BUSY = 3;

function beBusy() {
  const end = performance.now() + BUSY;
  while (performance.now() < end);
}

function receive() {
  const socket = dgram.createSocket('udp4', beBusy);
  socket.bind(0, HOST, () => parentPort.postMessage(socket.address().port));
}

/** Ends a thread in the middle of a listener, while other datagrams wait. */
async function endOne(sender) {
  const worker = new Worker(__filename);
  const port = await new Promise((resolve) => worker.once('message', resolve));
  const sent = Array.from({ length: DATAGRAMS }, () => new Promise((done) => sender.send('x', port, HOST, done)));
  await Promise.all(sent);
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 2 * BUSY));
  await worker.terminate();
}

async function play(threads) {
  const sender = dgram.createSocket('udp4');
  for (let count = 0; count < threads; count++) await endOne(sender);
  sender.close();
  console.log(`${threads} threads have ended`);
}

if (isMainThread) play(Number(process.argv[2] ?? 40));
else receive();
