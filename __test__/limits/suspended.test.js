'use strict';

// A process that is suspended for longer than its timers run, as a machine that sleeps is. What has arrived meanwhile is taken before
// timers are judged: the peer was there all the time.

const assert = require('node:assert/strict');
const { EventEmitter, once } = require('node:events');
const path = require('node:path');
const process = require('node:process');
const { test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { connect } = require('../..');
const { BOB, HOST, event, messages, startServer } = require('../support/endpoints.js');
const { Program } = require('../support/program.js');

const PROGRAM = path.join(__dirname, 'programs', 'suspended.js');

/** For longer than the programs' timers, ms. */
const SUSPENSION = 1000;

const skip = process.platform === 'win32' && 'skipped (no SIGSTOP here)';

class Suspended extends Program {
  constructor(t, ...args) {
    super(process.execPath, [PROGRAM, ...args]);
    t.after(() => this.kill());
  }

  stop() {
    this._child.kill('SIGSTOP');
  }

  goOn() {
    this._child.kill('SIGCONT');
  }
}

async function suspendedServer(t) {
  const server = new Suspended(t, 'server');
  await server.printed('\n');
  return { server, port: Number(server.output.match(/port (\d+)/)[1]) };
}

function open(t, port) {
  const client = connect({ host: HOST, port, ...BOB, handshakeTimeoutMin: 200 });
  t.after(() => client.destroy());
  return client;
}

test('a server that was suspended has heard its peers before it takes them for idle', { skip }, async (t) => {
  const { server, port } = await suspendedServer(t);
  const [talker, idler] = [open(t, port), open(t, port)];
  await Promise.all([event(talker, 'secureConnect'), event(idler, 'secureConnect')]);
  server.stop();
  const echoed = messages(talker, 1);
  const ended = event(idler, 'end');
  idler.resume();
  await sleep(100);
  talker.write('while it was suspended');
  await sleep(SUSPENSION);
  server.goOn();
  assert.deepEqual(await echoed, ['while it was suspended']);
  // The other one was silent for too long.
  const talk = setInterval(() => talker.write('and afterwards'), 100);
  await ended.finally(() => clearInterval(talk));
  assert.equal(talker.connected, true);
});

test('a handshake that begins while the server is suspended ends well', { skip }, async (t) => {
  const { server, port } = await suspendedServer(t);
  server.stop();
  const client = open(t, port);
  const secure = event(client, 'secureConnect');
  await sleep(SUSPENSION);
  server.goOn();
  await secure;
  const echoed = messages(client, 1);
  client.write('hello');
  assert.deepEqual(await echoed, ['hello']);
});

test('a client that was suspended in its handshake has heard its server before it gives up', { skip }, async (t) => {
  const asked = new EventEmitter();
  const stopped = once(asked, 'stopped');
  const server = await startServer(t, {
    // The program is suspended while its key is looked up, and the server answers meanwhile.
    pskCallback: async () => {
      client.stop();
      asked.emit('stopped');
      await sleep(50);
      return BOB.psk;
    },
  });
  const secured = event(server, 'secureConnection');
  const client = new Suspended(t, 'client', String(server.address().port));
  await stopped;
  await sleep(SUSPENSION);
  client.goOn();
  // In DTLS 1.2 it is secured already, and in DTLS 1.3 once the client has answered.
  const [socket] = await secured;
  socket.write('hello');
  await client.printed('received hello');
  assert(!client.output.includes('error'), client.output);
});
