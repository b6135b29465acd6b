#!/usr/bin/env node
// How long honest clients wait beside attackers who prove their addresses and then stop: at each stage of a handshake, and
// beside a flood of records that lead to questions before any cookie.
//
//   node bench/full-house.mjs [--rate 2000] [--seconds 5] [--prefixes]
//
// After `npm run build`. Prints a table. The attackers come from 64 IPv4 addresses; with --prefixes from eight IPv6 prefixes of 64
// bits, under a new address each time, which needs Linux and its root, for a network namespace of its own. Server, attackers
// and honest clients share the machine: with two cores at 2,000 attempts a second, they also wait for each other.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const BENCH = path.dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const { addresses, prefixAddresses, startAttackers } = require('../__test__/attack/crowd/attackers.js');
const { meetHonestClients } = require('../__test__/attack/crowd/honest.js');
const { STAGES } = require('../__test__/attack/crowd/stages.js');

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '5' },
    prefixes: { type: 'boolean', default: false },
    'in-namespace': { type: 'boolean', default: false },
  },
});
const RATE = Number(values.rate);
const SECONDS = Number(values.seconds);

/** Until the attackers have done what they can, ms. */
const LEAD = 4_000;

/** Floods of questions: how many datagrams a second. */
const FLOOD_RATE = 20_000;

/** The store of the flooded server takes so long, ms. */
const STORE_DELAY = 100;

const HONEST = { psk: 'secret of bob', pskIdentity: 'bob', handshakeTimeout: 4_000 };

if (values.prefixes && !values['in-namespace']) {
  // All of these prefixes are this machine's, for as long as the namespace lives.
  const script =
    'ip link set lo up && ip -6 route add local fd00::/16 dev lo && sysctl -qw net.ipv6.ip_nonlocal_bind=1 && exec "$@"';
  const again = [process.execPath, ...process.argv.slice(1), '--in-namespace'];
  process.exit(spawnSync('unshare', ['-n', 'sh', '-c', script, 'sh', ...again], { stdio: 'inherit' }).status ?? 1);
}

const target = values.prefixes ? '::1' : '127.0.0.1';
const hosts = values.prefixes ? prefixAddresses(8, 512) : addresses(64);
console.log('| attackers stop after | attempts/s | honest median, ms | worst, ms | honest that got in |');
console.log('|---|--:|--:|--:|--:|');
await measure('(no attackers)', null);
for (const stage of Object.keys(STAGES)) await measure(stage, ['stall.js', { stage, rate: RATE, hosts }]);
if (!values.prefixes) {
  for (const kind of ['resumeSession', 'lookupKey']) {
    await measure(`junk, '${kind}'`, ['flood.js', { kind, rate: FLOOD_RATE, hosts }]);
  }
}

async function measure(title, attack) {
  const server = spawn(process.execPath, [path.join(BENCH, 'servers', 'full-house.js'), target, String(STORE_DELAY)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = Number(String((await once(server.stdout, 'data'))[0]));
  let attackers = null;
  if (attack !== null) {
    const [script, task] = attack;
    attackers = await startAttackers(script, { port, target, ...task });
    await sleep(LEAD);
  }
  const totals = { times: [], failures: 0 };
  const end = performance.now() + 1_000 * SECONDS;
  while (performance.now() < end) {
    const { times, failures } = await meetHonestClients({ host: target, port, ...HONEST }, 10);
    totals.times.push(...times);
    totals.failures += failures.length;
  }
  const counts = (await attackers?.stop()) ?? { attempts: 0, sent: 0, seconds: 1 };
  server.kill('SIGKILL');
  const times = totals.times.sort((one, other) => one - other);
  const all = times.length + totals.failures;
  const perSecond = Math.round((counts.attempts ?? counts.sent) / counts.seconds);
  const figure = (time) => (time === undefined ? 'none' : time.toFixed(1));
  const cells = [title, perSecond, figure(times[times.length >> 1]), figure(times.at(-1)), `${times.length} of ${all}`];
  console.log(`| ${cells.join(' | ')} |`);
}
