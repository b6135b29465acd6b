// What bench/floods.mjs floods a server with: datagrams from made-up addresses, and clients that prove their addresses and stop at some
// step of their handshake.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const LOAD = path.join(path.dirname(fileURLToPath(import.meta.url)), 'load', 'dtlsload');
const HOST = '127.0.0.1';

const require = createRequire(import.meta.url);
const { connect } = require('./package.js');
const { addresses, startAttackers } = require('../__test__/attack/crowd/attackers.js');
const { DRIPS, STAGES } = require('../__test__/attack/crowd/stages.js');
const { Address } = require('../__test__/attack/engine/address.js');
const { Client } = require('../__test__/attack/engine/client.js');
const { APPLICATION_DATA, record } = require('../__test__/attack/engine/record.js');

/** Who has a key. */
export const BOB = { psk: 'secret of bob', pskIdentity: 'bob' };

/** Attempts a second of clients that stop in the middle of a handshake, and how many addresses they have. */
const STALLS_PER_SECOND = 2_000;
const STALLING_ADDRESSES = 64;

/** Attackers give way to honest clients, who have the same CPUs. */
const ATTACKERS_PRIORITY = Math.min(os.getPriority() + 5, os.constants.priority.PRIORITY_LOW);

const WITH_CONNECTION_ID = 25;

/** Where the random bytes of a ClientHello stand in its datagram. */
const RANDOM = ['--vary-at', 13 + 12 + 2, '--vary-len', 32];
/** Where the cookie of the attackers' hello stands. */
const COOKIE_AT = 13 + 12 + 2 + 32 + 1 + 1;
/** Where the number of a record stands. */
const NUMBER_AT = 5;

const endings = [];
const TEST = { after: (ending) => endings.push(ending) };

/** By name: the arguments of `dtlsload flood` against the server at a port. */
export const FLOODS = {
  'hellos of DTLS 1.2': () => [new Client().hello(), ...RANDOM],
  'hellos of DTLS 1.3': async () => [await firstHello({ minVersion: 'DTLSv1.3', maxVersion: 'DTLSv1.3' }), ...RANDOM],
  'hellos with a made-up cookie': async (port) => {
    const client = await known(port);
    return [client.hello(), '--vary-at', COOKIE_AT, '--vary-len', client.cookie.length];
  },
  'hellos with a stolen cookie': async (port) => [(await known(port)).hello()],
  'records with made-up connection IDs': () => [
    Buffer.concat([
      Buffer.of(WITH_CONNECTION_ID, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9),
      randomBytes(8),
      Buffer.of(0, 40),
      randomBytes(40),
    ]),
    ...['--vary-at', 11, '--vary-len', 8],
  ],
  'records for nobody': () => [forged()],
  'forged records at a live connection': async (port) => {
    const address = await Address.open(TEST);
    await address.handshake(port, new Client());
    return [forged(), '--vary-at', NUMBER_AT, '--vary-len', 6, '--from', address.host, '--from-port', address.port];
  },
  'no records at all': () => [randomBytes(60), '--vary-at', 0, '--vary-len', 60],
};

/** Where clients stop. */
export const STALLS = [...Object.keys(STAGES), ...Object.keys(DRIPS)];

/** A record of data under keys that nobody has. */
function forged() {
  return record({ type: APPLICATION_DATA, epoch: 1, number: 5, content: randomBytes(40) });
}

/** A client of the attackers' whose address the server has sent a cookie. */
async function known(port) {
  const address = await Address.open(TEST);
  const client = new Client();
  await address.proveAddress(port, client);
  return client;
}

/** The first datagram of a client of ours. */
async function firstHello(options) {
  const udp = dgram.createSocket('udp4').bind(0, HOST);
  await once(udp, 'listening');
  const client = connect({ host: HOST, port: udp.address().port, ...BOB, ...options });
  client.on('error', () => {});
  const [datagram] = await once(udp, 'message');
  client.destroy();
  udp.close();
  return datagram;
}

/** Copies of a datagram, so many a second for so long. */
export function flooding(make, { rate, seconds }) {
  return async (port) => {
    const [datagram, ...more] = await make(port);
    const args = [
      'flood',
      '--port',
      port,
      '--rate',
      rate,
      '--secs',
      seconds + 1,
      '--datagram',
      datagram.toString('hex'),
    ];
    const child = spawn(LOAD, [...args, ...more].map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
    os.setPriority(child.pid, ATTACKERS_PRIORITY);
    const done = once(child.stdout, 'data').then(([line]) => JSON.parse(line));
    return { stop: async () => await done.then(({ sent, seconds }) => ({ perSecond: sent / seconds, wanted: rate })) };
  };
}

/** Clients that stop there. */
export function stalling(stage) {
  return async (port) => {
    const task = { port, target: HOST, stage, rate: STALLS_PER_SECOND, hosts: addresses(STALLING_ADDRESSES) };
    const attackers = await startAttackers('stall.js', task);
    os.setPriority(attackers.pid, ATTACKERS_PRIORITY);
    return {
      stop: async () => {
        const { attempts, seconds } = await attackers.stop();
        // How many there can be at a time depends on the server.
        return { perSecond: attempts / seconds, wanted: 0 };
      },
    };
  };
}

/** Closes what attacks have opened. */
export function endAttacks() {
  for (const ending of endings.splice(0)) ending();
}
