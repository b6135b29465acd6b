// What channels of diagnostics cost while nobody listens: how often a server looks whether somebody does, for an echo and for a
// handshake with PSK, and how long a look takes, beside the CPU time of the whole. The difference of two such CPU times would
// be lost in their noise.
//
//   npm run build && node bench/diagnostics.mjs [ROUNDS]

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { median, summary } from './figures.mjs';

const require = createRequire(import.meta.url);

const HOST = '127.0.0.1';
const ROUNDS = Number(process.argv[2] ?? 9);
const ECHOES = 20_000;
const HANDSHAKES = 2000;
const AT_ONCE = 16;
const LOOKS = 5_000_000;
const PSK = { psk: 'secret of bob', pskIdentity: 'bob' };
const COUNTING = 'counting';

if (process.send === undefined) await measure();
else serve();

function serve() {
  let looks = 0;
  if (process.argv[2] === COUNTING) countLooks(() => looks++);
  const { createServer } = require('..');
  const server = createServer({ psk: { bob: PSK.psk }, maxVersion: 'DTLSv1.2' }, (socket) => {
    socket.on('data', (message) => socket.write(message));
  });
  server.listen(0, HOST, () => process.send({ port: server.address().port }));
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send({ cpu: user + system, looks });
  });
}

/** Before anything is loaded that looks at the channels. */
function countLooks(count) {
  const { channels } = require('../lib/diagnostics');
  for (const name of Object.keys(channels)) {
    channels[name] = {
      get hasSubscribers() {
        count();
        return false;
      },
    };
  }
}

async function measure() {
  const look = lookingTime();
  console.log(`One look takes at most ${look.toFixed(1)} ns`);
  const [plain, counting] = [await start(), await start(COUNTING)];
  for (const [what, load, count] of [
    ['echo', echoes, ECHOES],
    ['handshake', handshakes, HANDSHAKES],
  ]) {
    const cpu = [];
    // The first one warms the code.
    for (let round = 0; round <= ROUNDS; round++) {
      const { cpu: spent } = await spentOn(plain, load, count);
      if (round > 0) cpu.push(spent);
    }
    const { looks } = await spentOn(counting, load, count);
    const share = (looks * look) / (median(cpu) * 1000);
    console.log(
      `${what}: ${looks.toFixed(3)} looks, ${summary(cpu)} us of CPU time, of which looking is at most ${(share * 100).toFixed(3)} %`,
    );
  }
  for (const { child, sockets } of [plain, counting]) {
    for (const socket of sockets) socket.destroy();
    child.kill();
  }
}

/** ns that it takes at most to see that nobody listens: the loop around it counts as well. */
function lookingTime() {
  const all = Object.values(require('../lib/diagnostics').channels);
  const times = [];
  let seen = 0;
  for (let round = 0; round < 21; round++) {
    const begin = process.hrtime.bigint();
    for (let at = 0; at < LOOKS; at++) if (all[at % all.length].hasSubscribers) seen++;
    times.push(Number(process.hrtime.bigint() - begin) / LOOKS);
  }
  if (seen > 0) throw new Error('somebody listens');
  return median(times);
}

async function start(...words) {
  const child = fork(fileURLToPath(import.meta.url), words);
  const { port } = await answerOf(child);
  const sockets = await Promise.all(Array.from({ length: AT_ONCE }, () => open(port)));
  return { child, port, sockets };
}

async function open(port) {
  const { connect } = require('..');
  const socket = connect({ host: HOST, port, ...PSK });
  await once(socket, 'secureConnect');
  return socket;
}

/** What one unit of a load takes. */
async function spentOn(server, load, count) {
  const before = await stateOf(server.child);
  await load(server, count);
  const after = await stateOf(server.child);
  return { cpu: (after.cpu - before.cpu) / count, looks: (after.looks - before.looks) / count };
}

async function handshakes({ port }, count) {
  let begun = 0;
  const one = async () => {
    while (begun++ < count) (await open(port)).destroy();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

async function echoes({ sockets }, count) {
  const message = Buffer.alloc(64, 7);
  const one = async (socket) => {
    for (let done = 0; done < count / AT_ONCE; done++) {
      socket.write(message);
      await once(socket, 'data');
    }
  };
  await Promise.all(sockets.map(one));
}

function stateOf(child) {
  child.send({});
  return answerOf(child);
}

async function answerOf(child) {
  const [answer] = await once(child, 'message');
  return answer;
}
