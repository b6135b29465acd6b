'use strict';

// A load of handshakes that dtlsload cannot do. node handshakes.js rpk N SERVER_KEY CLIENT_KEY --port PORT --pid PID
// Prints { per_s, server_us_per_op }, as dtlsload does. The server's CPU time is known on Linux only.

const { createPublicKey } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { performance } = require('node:perf_hooks');
const process = require('node:process');

const { connect } = require('../..');

const IN_FLIGHT = 16;

const [, count, serverKey, clientKey, ...rest] = process.argv.slice(2);
const argument = (name) => rest[rest.indexOf(name) + 1];
const options = {
  host: '127.0.0.1',
  port: Number(argument('--port')),
  key: fs.readFileSync(clientKey),
  peerPublicKey: createPublicKey(fs.readFileSync(serverKey)).export({ type: 'spki', format: 'der' }),
};

// As many as it takes until V8 has compiled the server's code, and ours.
const warmUp = Number(count);
let started = 0;
let finished = 0;
let began;
let before;
for (let index = 0; index < IN_FLIGHT; index++) next();

function next() {
  if (started === warmUp + Number(count)) return;
  started++;
  const client = connect(options, () => client.end());
  client.resume();
  client.on('close', () => {
    finished++;
    if (finished === warmUp) [began, before] = [performance.now(), cpuTime()];
    if (finished === warmUp + Number(count)) report();
    else next();
  });
}

function report() {
  const seconds = (performance.now() - began) / 1000;
  const perHandshake = (cpuTime() - before) / 1000 / count;
  console.log(JSON.stringify({ per_s: count / seconds, server_us_per_op: perHandshake }));
}

/** Of all threads of the server, ns. */
function cpuTime() {
  const tasks = path.join('/proc', argument('--pid'), 'task');
  const ofThread = (thread) => Number(fs.readFileSync(path.join(tasks, thread, 'schedstat'), 'utf8').split(' ')[0]);
  return fs.readdirSync(tasks).reduce((sum, thread) => sum + ofThread(thread), 0);
}
