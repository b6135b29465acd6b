// What a resumed handshake costs beside a full one: CPU time of the server, in turns in one process.
//
//   npm run build && node bench/resumption.mjs [ROUNDS]

import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { median, ratio, summary } from './figures.mjs';
import { heard, reportUsage, spent } from './processes.mjs';

const require = createRequire(import.meta.url);
const { connect, createServer } = require('..');

const HOST = '127.0.0.1';
const ROUNDS = Number(process.argv[2] ?? 9);
const HANDSHAKES = 400;
const AT_ONCE = 8;
const PSK = { psk: 'secret of bob', pskIdentity: 'bob' };
const SELF_SIGNED = [
  ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=b'],
  ...['-keyout', '-', '-out', '-'],
];
const checkServerIdentity = () => undefined;
const V13 = { minVersion: 'DTLSv1.3', maxVersion: 'DTLSv1.3' };
// There is no session of a peer that has not proved who it is.
const kinds = (ca) => ({
  'ECDHE-ECDSA': { ca, checkServerIdentity, maxVersion: 'DTLSv1.2' },
  'PSK-CCM_8': { ciphers: ['TLS_PSK_WITH_AES_128_CCM_8'], ...PSK },
  'DTLS 1.3, ECDSA': { ca, checkServerIdentity, ...V13 },
  'DTLS 1.3, PSK with X25519': { ...PSK, ...V13 },
});

if (process.send === undefined) await measure();
else serve();

function serve() {
  const pem = process.env.BENCH_PEM;
  const options = { psk: { bob: PSK.psk }, pskSessions: true, key: pem, cert: pem, maxVersion: 'DTLSv1.3' };
  const server = createServer({ ...options, handshakeThreads: 0 });
  server.on('clientError', () => {});
  server.listen(0, HOST, () => process.send({ port: server.address().port }));
  reportUsage();
}

async function measure() {
  const pem = execFileSync('openssl', SELF_SIGNED, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const server = fork(fileURLToPath(import.meta.url), { env: { ...process.env, BENCH_PEM: pem } });
  const { port } = await heard(server, 'port');
  for (const [name, options] of Object.entries(kinds(pem))) {
    const rounds = [];
    while (rounds.length <= ROUNDS) {
      const [full, sessions] = await handshakes(server, port, options);
      const [resumed] = await handshakes(server, port, options, sessions);
      rounds.push({ full, resumed });
    }
    // The first one has warmed the code.
    rounds.shift();
    const of = (kind) => rounds.map((round) => round[kind]);
    const gain = median(rounds.map(({ full, resumed }) => ratio(resumed, full, 'less')));
    console.log(
      `${name}: us of CPU time, full ${summary(of('full'))}, resumed ${summary(of('resumed'))}: ${gain.toFixed(2)} times`,
    );
  }
  server.kill();
}

/** CPU time of the server for each of so many handshakes, and the sessions that they leave. */
async function handshakes(server, port, options, sessions = []) {
  const left = [];
  let begun = 0;
  const one = async () => {
    while (begun < HANDSHAKES) {
      const session = sessions[begun++];
      const socket = connect({ host: HOST, port, ...options, session });
      const hasSession = session === undefined ? once(socket, 'session') : null;
      await once(socket, 'secureConnect');
      if (socket.isSessionReused() !== (session !== undefined)) throw new Error('a session was not resumed as asked');
      if (hasSession !== null) left.push((await hasSession)[0]);
      socket.destroy();
    }
  };
  const { used } = await spent([server], () => Promise.all(Array.from({ length: AT_ONCE }, one)));
  return [used[0].cpu / HANDSHAKES, left];
}
