// What is measured, against whom, and what must be reached.
//
// A measurement has `servers`: for each competitor how its server is started, under one load; or `clients`: for each
// competitor how its client is started, against one server, or against one of its own. `value` picks the figure from what
// the load prints, or the server when it ends. `goal` says against whom we must be how many times as good, or what we must
// not exceed.

import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const BENCH = path.dirname(fileURLToPath(import.meta.url));
const certificates = createRequire(import.meta.url)('../__test__/support/certificates.js');

const CPU = { unit: 'us CPU', better: 'less', value: ({ load }) => load.server_us_per_op };
const RATE = { unit: 'msg/s', better: 'more', value: ({ load }) => load.per_s };
const P50 = { unit: 'us p50', better: 'less', value: ({ load }) => load.p50_us };
const P99 = { unit: 'us p99', better: 'less', value: ({ load }) => load.p99_us };
const MEMORY = { unit: 'KB', better: 'less', value: ({ load }) => load.kb_per_conn };
const DELAY = { unit: 'ms p99', better: 'less', value: ({ server }) => server.delay_p99_ms };

const GCM = ['--cipher', 'PSK-AES128-GCM-SHA256'];
const RSA = ['--cipher', 'ECDHE-RSA-AES128-GCM-SHA256'];

/** @param {number} seconds of each run */
export function measurements(seconds) {
  if (!certificates.available) return null;
  const { server, client, serverRsa } = certificates;
  const files = ({ keyPath, certPath }) => ['--key', keyPath, '--cert', certPath];
  const cert = (pair) => ({
    ours: ['cert', pair.keyPath, pair.certPath],
    openssl: ['--mode', 'cert', ...files(pair)],
  });
  const psk = { ours: ['psk'], openssl: ['--mode', 'psk'] };
  const mutual = {
    ours: ['mutual', server.keyPath, server.certPath],
    openssl: ['--mode', 'cert', '--mutual', ...files(server)],
  };
  // Of a server that has been running: the first three thousand are slower by half, until V8 has compiled our code.
  const storm = ['storm', '--warm-n', String(5000 * seconds), '--n', String(5000 * seconds)];
  const echo = (size, count, ...more) => [
    ...['echo', '--size', String(size), '--c', String(count), '--w', '1', '--secs', String(seconds)],
    ...['--mode', 'psk', ...more],
  ];
  const dtlsload = (...args) => ({ program: 'dtlsload', args });
  const handshakes = (...args) => dtlsload(...storm, '--c', '16', ...args);
  const oneByOne = (...args) => dtlsload(...storm, '--c', '1', ...args);
  const node = (script, ...args) => ({ program: 'node', args: [path.join(BENCH, 'clients', script), ...args] });
  const mutualLoad = ['--mode', 'cert', ...files(client)];

  // Both versions with the same client of ours, which is the competitor of OpenSSL's in the other measurements. A handshake with a
  // pre-shared key has a lean client in either version.
  const [NEWER, OLDER] = ['ours', 'ours in DTLS 1.2'];
  const versions = (name, measured, goal, [what, amount, ...more], server, words) => ({
    name: `DTLS 1.3: ${name}`,
    ...measured,
    load: Object.fromEntries(
      [NEWER, OLDER].map((who) => {
        const version = `DTLSv1.${who === NEWER ? 3 : 2}`;
        const all = [`minVersion=${version}`, `maxVersion=${version}`, ...words[who]];
        return [who, node('versions.js', what, String(amount), ...more, ...all)];
      }),
    ),
    servers: { [NEWER]: [...server, '--newer'], [OLDER]: server },
    goal: { [OLDER]: goal },
  });
  const suites = (newer, older, ...more) => ({
    [NEWER]: [`ciphers=${newer}`, ...more],
    [OLDER]: [`ciphers=${older}`, ...more],
  });
  const [NEWER_GCM, NEWER_CCM] = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_128_CCM_SHA256'];
  const trusting = `ca=${certificates.ca.certPath}`;

  // Of a client that is not lean, full and resumed alike.
  const sessions = (kind, mode, { ours, openssl }) =>
    ['full', 'resumed'].map((name) => ({
      name: `${name} handshake, ${kind}`,
      ...CPU,
      load: dtlsload(
        ...['handshake', '--warm-n', String(5000 * seconds), '--n', String(5000 * seconds), '--c', '16'],
        ...['--mode', mode, ...(name === 'resumed' ? ['--resume'] : [])],
      ),
      servers: { ours, openssl: [...openssl, '--resume'] },
    }));

  return [
    {
      name: 'handshake PSK-CCM_8',
      ...CPU,
      load: handshakes('--mode', 'psk'),
      servers: psk,
      goal: { openssl: 1 },
    },
    {
      name: 'handshake ECDHE-ECDSA P-256',
      ...CPU,
      load: handshakes('--mode', 'cert'),
      servers: cert(server),
      goal: { openssl: 2 },
    },
    {
      name: 'handshake ECDHE-ECDSA mutual',
      ...CPU,
      load: handshakes(...mutualLoad),
      servers: mutual,
      goal: { openssl: 2.5 },
    },
    {
      // OpenSSL 3.0 has no raw public keys: its server does the same with certificates.
      name: 'handshake raw public key, mutual',
      ...CPU,
      load: { ours: handshakes('--mode', 'rpk', '--key', client.keyPath), openssl: handshakes(...mutualLoad) },
      servers: { ours: ['rpk', server.keyPath, client.keyPath], openssl: mutual.openssl },
      goal: { openssl: 2.5 },
    },
    {
      name: 'handshake ECDHE-RSA-2048',
      ...CPU,
      load: handshakes('--mode', 'cert', ...RSA),
      servers: { ours: cert(serverRsa).ours, openssl: [...cert(serverRsa).openssl, ...RSA] },
    },
    ...sessions('PSK-CCM_8', 'psk', { ours: [...psk.ours, '--psk-sessions'], openssl: psk.openssl }),
    ...sessions('ECDHE-ECDSA P-256', 'cert', cert(server)),
    {
      name: 'handshake PSK-CCM_8, one at a time',
      ...CPU,
      load: oneByOne('--mode', 'psk'),
      servers: psk,
    },
    {
      name: 'handshake ECDHE-ECDSA P-256, one at a time',
      ...CPU,
      load: oneByOne('--mode', 'cert'),
      servers: cert(server),
    },
    {
      name: 'event-loop delay, 16 certificate handshakes in flight',
      ...DELAY,
      load: handshakes('--mode', 'cert'),
      servers: { ours: [...cert(server).ours, '--delay'] },
      goal: { most: 10 },
    },
    ...[1, 10, 100, 1000].map((count) => ({
      name: `echo 64 B, ${count} connections`,
      ...RATE,
      load: dtlsload(...echo(64, count)),
      servers: { ...psk, udp: [] },
      goal: count === 100 ? { udp: 1.5, openssl: 0.95 } : {},
    })),
    { name: 'echo 256 B, 100 connections', ...RATE, load: dtlsload(...echo(256, 100)), servers: { ...psk, udp: [] } },
    {
      name: 'echo 1024 B GCM, 100 connections',
      ...RATE,
      load: dtlsload(...echo(1024, 100, ...GCM)),
      servers: { ...psk, openssl: [...psk.openssl, ...GCM], udp: [] },
      goal: { openssl: 0.9 },
    },
    {
      name: 'echo 64 B, 100 connections, CPU of the server',
      ...CPU,
      load: dtlsload(...echo(64, 100)),
      servers: { ...psk, udp: [] },
    },
    {
      name: 'latency 64 B, 1 connection',
      ...P50,
      load: dtlsload(...echo(64, 1)),
      servers: { ...psk, udp: [] },
      goal: { udp: 1 / 1.1 },
    },
    { name: 'latency 64 B, 100 connections', ...P99, load: dtlsload(...echo(64, 100)), servers: { ...psk, udp: [] } },
    ...[1000, 10_000].map((count) => ({
      name: `memory of an idle connection at ${count}`,
      ...MEMORY,
      load: dtlsload('idle', '--c', String(count), '--ramp', '64', '--hold', '9', '--mode', 'psk'),
      servers: psk,
      goal: count === 10_000 ? { most: 4 } : {},
    })),
    {
      name: 'DTLS 1.3: handshake PSK with X25519 (DTLS 1.2: ECDHE-PSK)',
      ...CPU,
      load: {
        [NEWER]: handshakes('--mode', 'psk', '--cipher', NEWER_GCM),
        [OLDER]: handshakes('--mode', 'psk', '--cipher', 'ECDHE-PSK-AES128-GCM-SHA256'),
      },
      // A tree from before DTLS 1.3 has not the suites of RFC 8442.
      older: handshakes('--mode', 'psk', '--cipher', 'ECDHE-PSK-CHACHA20-POLY1305'),
      servers: { [NEWER]: [...psk.ours, '--newer'], [OLDER]: psk.ours },
      goal: { [OLDER]: 1 / 0.8 },
    },
    // In DTLS 1.2 a client names the curves of certificates and of the key exchange together.
    versions(
      'handshake ECDSA P-256 with P-256',
      CPU,
      1 / 1.1,
      ['handshake', 2000 * seconds],
      cert(server).ours,
      suites(NEWER_GCM, 'ECDHE-ECDSA-AES128-GCM-SHA256', 'ecdhCurve=P-256', trusting),
    ),
    ...[
      ['CCM', NEWER_CCM, 'PSK-AES128-CCM'],
      ['GCM', NEWER_GCM, 'PSK-AES128-GCM-SHA256'],
    ].map(([cipher, newer, older]) =>
      versions(
        `echo 64 B ${cipher}, 100 connections, CPU of the server`,
        CPU,
        1,
        ['echo', seconds, '--c', '100'],
        psk.ours,
        suites(newer, older),
      ),
    ),
    ...[1000, 10_000].map((connections) =>
      versions(
        `memory of an idle connection at ${connections}`,
        MEMORY,
        1,
        ['idle', connections],
        psk.ours,
        suites(NEWER_CCM, 'PSK-AES128-CCM'),
      ),
    ),
    {
      name: 'client: PSK handshakes, 8 in flight',
      unit: '/s',
      better: 'more',
      value: ({ load }) => load.per_s,
      server: ['openssl', ...psk.openssl],
      clients: {
        ours: node('ours.js', 'handshake', String(2000 * seconds)),
        'node-dtls-client': node('node-dtls-client.js', 'handshake', String(2000 * seconds)),
        openssl: dtlsload('handshake', '--n', String(5000 * seconds), '--c', '8', '--mode', 'psk'),
        // The same datagrams on node:dgram alone, echoed: no client on a UDP socket of Node's is faster.
        udp: { ...node('udp.js', 'handshake', String(2000 * seconds)), server: ['openssl', '--mode', 'udp'] },
      },
      goal: { 'node-dtls-client': 3 },
    },
    {
      name: 'client: echo 64 B, 8 in flight',
      ...RATE,
      server: ['openssl', ...psk.openssl],
      clients: {
        ours: node('ours.js', 'echo', String(seconds)),
        'node-dtls-client': node('node-dtls-client.js', 'echo', String(seconds)),
        openssl: dtlsload('echo', '--size', '64', '--c', '1', '--w', '8', '--secs', String(seconds), '--mode', 'psk'),
      },
      goal: { 'node-dtls-client': 3 },
    },
  ];
}
