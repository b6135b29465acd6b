'use strict';

// What is left of a connection's secrets in the memory of its process when it is over: nothing that its peer can find.

const assert = require('node:assert/strict');
const path = require('node:path');
const process = require('node:process');
const { describe, test } = require('node:test');

const { connectionKeys } = require('../attack/engine/prf.js');
const { event, openClient, startServer } = require('../support/endpoints.js');
const { foundIn } = require('../support/memory.js');
const { Program } = require('../support/program.js');

const SIDE = path.join(__dirname, '..', 'support', 'one-side.js');
const skip = process.platform !== 'linux' && 'the memory of another process is read as Linux shows it';

/** The master secret and the keys of AES-128-GCM, as the other side of the connection knows them. */
function secretsOf({ session: { master, randbytes } }) {
  const [clientRandom, serverRandom] = [randbytes.subarray(0, 32), randbytes.subarray(32)];
  const { client, server } = connectionKeys(master, { clientRandom, serverRandom, keyLength: 16, saltLength: 4 });
  return { master, 'the client’s key': client.key, 'the server’s key': server.key };
}

function startSide(t, ...args) {
  const side = new Program(process.execPath, [SIDE, ...args]);
  t.after(() => side.kill());
  return side;
}

/** Closes the connection at the side whose memory is read. */
async function assertForgets(side, secrets) {
  const { pid } = side._child;
  assert.deepEqual(foundIn(pid, secrets), Object.keys(secrets).sort(), 'as long as it is open, they are there');
  side.say('close');
  await side.printed('closed');
  assert.deepEqual(foundIn(pid, secrets), []);
}

describe('the master secret and the keys of a connection are gone from memory when it is over', { skip }, () => {
  test('at a server', async (t) => {
    const side = startSide(t, 'server');
    await side.printed('\n');
    const [, port] = /port (\d+)/.exec(side.output);
    const client = openClient(t, { address: () => ({ port: Number(port) }) });
    await event(client, 'secureConnect');
    client.write('hello');
    await event(client, 'data');
    await assertForgets(side, secretsOf(client));
  });

  test('at a client', async (t) => {
    const server = await startServer(t);
    const side = startSide(t, 'client', String(server.address().port));
    const [socket] = await event(server, 'secureConnection');
    await side.printed('open');
    await assertForgets(side, secretsOf(socket.resume()));
  });
});
