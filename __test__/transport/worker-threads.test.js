'use strict';

// The addon is not tied to a thread: server and client in worker_threads, and what happens to open connections when a
// thread or the whole process ends.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const path = require('node:path');
const process = require('node:process');
const { describe, test } = require('node:test');
const { promisify } = require('node:util');
const { Worker } = require('node:worker_threads');

const { BOB, HOST, event, messages, openClient, startServer } = require('../support/endpoints.js');

const run = promisify(execFile);
const INDEX = JSON.stringify(path.join(__dirname, '..', '..'));

// Server and client in one thread, which tells its parent the port when the client has its echo, and leaves everything
// open.
const SERVER_AND_CLIENT = `
const { connect, createServer } = require(${INDEX});
const { parentPort } = require('node:worker_threads');
const psk = ${JSON.stringify(BOB.psk)};
const server = createServer({ psk: { bob: psk } }, (socket) => {
  socket.on('data', (message) => socket.write(message));
  socket.on('error', () => {});
});
server.listen(0, '${HOST}', () => {
  const { port } = server.address();
  const client = connect({ host: '${HOST}', port, psk, pskIdentity: 'bob' });
  client.write('hello from within');
  client.once('data', (message) => {
    report({ port, echo: message.toString() });
    // When the end comes, timers, handshakes and datagrams are under way.
    setInterval(() => {
      client.write('more');
      connect({ host: '${HOST}', port, psk, pskIdentity: 'bob' }).on('error', () => {});
    }, 1);
  });
});
`;
const IN_WORKER = `${SERVER_AND_CLIENT} function report(what) { parentPort.postMessage(what); }`;

describe('in worker_threads', () => {
  test('server and client work, and talk to the main thread', async (t) => {
    const worker = startWorker(t);
    const [{ port, echo }] = await event(worker, 'message');
    assert.equal(echo, 'hello from within');

    const client = openClient(t, { address: () => ({ port }) });
    const received = messages(client, 1);
    client.write('hello from without');
    assert.deepEqual(await received, ['hello from without']);
  });

  test('a thread ends with its connections open, and the others go on', async (t) => {
    const server = await startServer(t, undefined, (socket) => socket.on('data', (data) => socket.write(data)));
    const client = openClient(t, server);
    await event(client, 'secureConnect');
    for (let round = 0; round < 5; round++) {
      const worker = startWorker(t);
      await event(worker, 'message');
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(await worker.terminate(), 1);
    }
    const received = messages(client, 1);
    client.write('still here');
    assert.deepEqual(await received, ['still here']);
  });

  test('several threads at a time', async (t) => {
    const workers = Array.from({ length: 4 }, () => startWorker(t));
    const reports = await Promise.all(workers.map((worker) => event(worker, 'message')));
    for (const [{ echo }] of reports) assert.equal(echo, 'hello from within');
    await Promise.all(workers.map((worker) => worker.terminate()));
  });
});

describe('a process ends with its connections open', () => {
  const cases = {
    'by process.exit()': ['process.exit(7)', 7],
    'by process.exit() with a worker at work': [
      `new (require('node:worker_threads').Worker)(${JSON.stringify(IN_WORKER)}, { eval: true })
        .once('message', () => process.exit(7))`,
      7,
    ],
    'by an exception': ["process.once('uncaughtException', () => process.exit(8)); throw new Error('on purpose')", 8],
  };
  for (const [how, [act, expected]] of Object.entries(cases)) {
    test(how, async () => {
      const script = `${SERVER_AND_CLIENT} function report() { setTimeout(() => { ${act} }, 20); }`;
      const failure = await run(process.execPath, ['-e', script], { timeout: 20_000 }).catch((error) => error);
      assert.equal(failure.signal, null, 'it was ended by a signal');
      assert.equal(failure.code, expected, failure.stderr);
    });
  }
});

function startWorker(t) {
  const worker = new Worker(IN_WORKER, { eval: true });
  t.after(() => worker.terminate());
  return worker;
}
