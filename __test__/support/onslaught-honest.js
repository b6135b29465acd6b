'use strict';

// A program: the honest clients of __test__/load/onslaught.js, a child process of it. They connect, talk, say goodbye and come back, half of
// them with the session that they had. `{ port }` has them begin, and `{ isPaused }` pauses them; each message is answered with what
// has happened so far.

const { once } = require('node:events');
const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');

const { modeOf, shakeHands } = require('./onslaught.js');

const CLIENTS = 16;
const HANDSHAKE = 30_000;

/** Messages of one connection, how long its client waits for an answer before it asks again, ms, and how often it asks. */
const MESSAGES = 10;
const PATIENCE = 1_000;
const TRIES = 20;

const counts = { handshakes: 0, resumed: 0, failed: 0, messages: 0, unanswered: 0 };
let isPaused = false;

process.on('message', (message) => {
  if (message.port !== undefined) for (let number = 0; number < CLIENTS; number++) live(number, message.port);
  isPaused = message.isPaused ?? isPaused;
  process.send(counts);
});
process.on('disconnect', () => process.exit());

async function live(number, port) {
  for (let session; ; ) {
    if (isPaused) await sleep(100);
    else session = await visit(number, port, Math.random() < 0.5 ? session : undefined);
  }
}

/** One connection. Answers with its session. */
async function visit(number, port, session) {
  const offered = session === undefined ? {} : { session };
  const { client, isOpen } = await shakeHands({ ...modeOf(number), ...offered, port, handshakeTimeout: HANDSHAKE });
  if (!isOpen) {
    counts.failed++;
    return undefined;
  }
  counts.handshakes++;
  if (client.isSessionReused()) counts.resumed++;
  for (let count = 0; count < MESSAGES && !isPaused; count++) {
    if (!(await ask(client, `${number} says ${Math.random()}`))) {
      counts.unanswered++;
      break;
    }
    counts.messages++;
    await sleep(Math.random() * 100);
  }
  const left = client.getSession();
  const closed = once(client, 'close');
  client.end();
  await Promise.race([closed, sleep(PATIENCE)]);
  client.destroy();
  return left;
}

/** One message, as often as it takes; whether there was an answer. */
async function ask(client, message) {
  const answered = new Promise((resolve) => {
    client.on('data', function listen(data) {
      if (data.toString() !== message) return;
      client.off('data', listen);
      resolve(true);
    });
  });
  for (let tries = 0; tries < TRIES && !client.destroyed; tries++) {
    client.write(message);
    if (await Promise.race([answered, sleep(PATIENCE, false)])) return true;
  }
  return false;
}
