'use strict';

// mbed-dtls bench: handshakes and echoes a second on this machine, with both ends on loopback.

const { generateKeyPairSync, randomBytes } = require('node:crypto');
const { once } = require('node:events');
const os = require('node:os');
const path = require('node:path');
const { performance } = require('node:perf_hooks');
const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');
const { Worker } = require('node:worker_threads');

const { versions } = require('../../..');
const { seconds } = require('../arguments');
const { commonName, makeAuthority, makeCertificate } = require('../certificate');
const { close, open } = require('../connection');
const { EXIT, Failure } = require('../failures');
const { inMilliseconds, spread } = require('../measures');

const USAGE = '[OPTIONS]';
const HELP = `usage: mbed-dtls bench ${USAGE}

Measures what this machine can do: handshakes a second with pre-shared keys and
with certificates on both sides, echoes a second, and round-trip times. Server
and clients are on loopback, in two threads, and both use the processor.

  --seconds N   time for each of the four measurements (2)
  --json        print one JSON object

Other programs that run meanwhile make the figures worse.`;

const OPTIONS = { seconds: { type: 'string' } };

/** Handshakes under way at a time, echoes under way at a time, and the length of a message in bytes. */
const HANDSHAKES = 8;
const ECHOES = 32;
const MESSAGE_LENGTH = 64;

/** How long nothing may come until datagrams count as lost, in ms. */
const LOSS_TIME = 200;

const HOST = '127.0.0.1';

async function run({ terminal, values, stop }) {
  const time = seconds(values, 'seconds', { least: 0.1, most: 600, otherwise: 2 });
  const { server, psk, certificate } = makeCredentials();
  const worker = new Worker(path.join(__dirname, '..', 'bench-server.js'), { workerData: server });
  const failed = new Promise((_, reject) => worker.once('error', reject));
  failed.catch(() => {});
  const measure = async () => {
    const [port] = await once(worker, 'message');
    const target = { host: HOST, port, handshakeTimeout: 10_000 };
    const watch = { time, stop, terminal };
    return {
      pskHandshakes: await handshakes({ ...target, ...psk }, 'handshakes with pre-shared keys', watch),
      certificateHandshakes: await handshakes({ ...target, ...certificate }, 'handshakes with certificates', watch),
      echoes: await echoes({ ...target, ...psk }, 'echoes', ECHOES, watch),
      roundTrips: await echoes({ ...target, ...psk }, 'round trips', 1, watch),
    };
  };
  try {
    const figures = await Promise.race([measure(), failed]);
    report(figures, time, terminal);
  } finally {
    worker.postMessage('end');
    await Promise.race([once(worker, 'exit'), sleep(2000, undefined, { ref: false })]);
    await worker.terminate();
  }
  return EXIT.OK;
}

/** Connects again and again, several times at once. */
async function handshakes(options, name, { time, stop, terminal }) {
  const times = [];
  let suite;
  const began = performance.now();
  const goOn = () => performance.now() - began < time && !stop.aborted;
  const one = async () => {
    while (goOn()) {
      const client = await open(options, stop);
      times.push(client.handshakeTime);
      suite = client.getCipher().name;
      await close(client);
      terminal.progress(`${name}: ${times.length}`);
    }
  };
  await Promise.all(Array.from({ length: HANDSHAKES }, one));
  giveUpIf(stop);
  return { suite, perSecond: perSecond(times.length, began), ...spread(times) };
}

/** Has messages echoed on one connection, with so many under way at a time. */
async function echoes(options, name, underWay, { time, stop, terminal }) {
  const client = await open(options, stop);
  const times = [];
  const message = Buffer.alloc(MESSAGE_LENGTH, '.');
  let sent = 0;
  const send = () => {
    sent = performance.now();
    client.write(message);
  };
  const sendAll = () => {
    for (let count = 0; count < underWay; count++) send();
  };
  const began = performance.now();
  const lost = setInterval(() => performance.now() - sent > LOSS_TIME && sendAll(), LOSS_TIME);
  try {
    await new Promise((resolve, reject) => {
      client.on('error', reject);
      client.on('data', () => {
        const now = performance.now();
        times.push(now - sent);
        if (now - began >= time || stop.aborted) resolve();
        else send();
        if (times.length % 1024 === 0) terminal.progress(`${name}: ${times.length}`);
      });
      sendAll();
    });
  } finally {
    clearInterval(lost);
  }
  const rate = perSecond(times.length, began);
  const suite = client.getCipher().name;
  await close(client);
  giveUpIf(stop);
  // With several under way, nobody knows which of them an echo answers.
  return { suite, perSecond: rate, ...(underWay === 1 ? spread(times) : {}) };
}

function giveUpIf(stop) {
  if (stop.aborted) throw new Failure('ended before it was done', '', 'ABORT_ERR');
}

function perSecond(count, began) {
  return Math.round((count / (performance.now() - began)) * 1000);
}

/** Keys for both sides. */
function makeCredentials() {
  const now = Date.now();
  const [authorityKey, serverKey, deviceKey] = Array.from(
    { length: 3 },
    () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  );
  const ca = makeAuthority({ name: 'bench CA', key: authorityKey, days: 1, now });
  const certify = (role, key, names) =>
    makeCertificate({
      subject: role,
      role,
      names,
      key,
      issuer: { name: commonName('bench CA'), key: authorityKey },
      days: 1,
      now,
    });
  const pem = (key) => key.export({ type: 'pkcs8', format: 'pem' });
  const secret = randomBytes(16);
  return {
    server: { key: pem(serverKey), cert: certify('server', serverKey, [HOST]), ca, psk: { bench: secret } },
    psk: { psk: secret, pskIdentity: 'bench', ciphers: 'PSK-AES128-GCM-SHA256' },
    certificate: { key: pem(deviceKey), cert: certify('client', deviceKey, []), ca },
  };
}

function report(figures, time, terminal) {
  const machine = {
    versions: { 'mbed-dtls': versions['mbed-dtls'], node: process.versions.node },
    platform: `${process.platform} ${process.arch}`,
    processor: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
  };
  const line = (name, { suite, perSecond: rate }, unit) =>
    `${name.padEnd(16)}${suite.padEnd(31)}${String(rate).padStart(7)} ${unit}/s`;
  const { pskHandshakes, certificateHandshakes, echoes: many, roundTrips } = figures;
  const lines = [
    `mbed-dtls ${machine.versions['mbed-dtls']}, Node.js ${machine.versions.node}, ${machine.platform}, ${machine.cores} cores`,
    `${machine.processor}; ${time / 1000} s for each line`,
    '',
    line('pre-shared key', pskHandshakes, 'handshakes'),
    line('certificates', certificateHandshakes, 'handshakes'),
    line('echoes', many, `echoes of ${MESSAGE_LENGTH} bytes`),
    `${'round trip'.padEnd(16)}min/median/max ${inMilliseconds(roundTrips)}`,
  ];
  terminal.result({ ...machine, secondsEach: time / 1000, ...figures }, lines.join('\n'));
}

module.exports = { HELP, OPTIONS, POSITIONALS: [0, 0], USAGE, run };
