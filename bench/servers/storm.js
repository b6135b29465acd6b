'use strict';

// A server in a storm of certificate handshakes, which says how its event loop and its threads have fared.
// node storm.js THREADS KEY CERT: prints its port, and JSON when it is sent SIGTERM.

const fs = require('node:fs');
const { monitorEventLoopDelay } = require('node:perf_hooks');
const process = require('node:process');
const DTLS12 = require('../dtls12');
const { createServer } = require('../package');

const [threads, key, cert] = process.argv.slice(2);
const server = createServer({
  key: fs.readFileSync(key),
  cert: fs.readFileSync(cert),
  handshakeThreads: Number(threads),
  // The load comes from one address.
  maxHandshakesPerAddress: 1000,
  ...DTLS12,
});
server.on('clientError', () => {});
const delay = monitorEventLoopDelay({ resolution: 1 });
let before;
// The first connections pay for what is done once: compilation, threads, the heap.
server.on('secureConnection', function warmUp() {
  if (server.stats.handshakesCompleted < 500) return;
  server.removeListener('secureConnection', warmUp);
  before = figures();
  delay.enable();
});
process.on('SIGTERM', () => {
  const after = figures();
  const handshakes = after.handshakes - before.handshakes;
  const perHandshake = (name) => (after[name] - before[name]) / handshakes;
  console.log(
    JSON.stringify({
      perSecond: 1 / perHandshake('seconds'),
      eventLoop: perHandshake('eventLoop'),
      total: perHandshake('total'),
      delayP99: delay.percentile(99) / 1e6,
    }),
  );
  process.exit(0);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));

/** CPU times in microseconds. */
function figures() {
  const { user, system } = process.cpuUsage();
  const [nanoseconds] = fs.readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
  return {
    handshakes: server.stats.handshakesCompleted,
    seconds: performance.now() / 1000,
    eventLoop: Number(nanoseconds) / 1000,
    total: user + system,
  };
}
