'use strict';

// Heavy steps of handshakes on other threads: which handshakes have them, what the application notices, and every kind
// of end while they are under way.

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { execFile, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const process = require('node:process');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { promisify } = require('node:util');
const { Worker } = require('node:worker_threads');

const certificates = require('../support/certificates.js');
const {
  BOB,
  HOST,
  connectedPair,
  echo,
  event,
  messages,
  openClient,
  startServer,
  uncaught,
} = require('../support/endpoints.js');
const { byAwsLc } = require('../support/verifier.js');

const run = promisify(execFile);
const skip = certificates.available ? false : 'openssl was not found';
const skipWithoutTaskset = spawnSync('taskset', ['--version']).error ? 'taskset was not found' : false;

const { ca, client, rsa4096, server, serverRsa } = certificates;
const TRUST = { ca: ca?.cert, servername: 'localhost' };
const secure = (options) => ({ key: server.key, cert: server.cert, ...options });

const TIMES = '/proc/thread-self/schedstat';
const skipWithoutTimes = fs.existsSync(TIMES) ? false : "the system does not tell a thread's time";

/** CPU time of the calling thread, ms. */
const timeOfThread = () => Number(fs.readFileSync(TIMES, 'latin1').split(' ')[0]) / 1e6;

/** What a server and a client give away. In DTLS 1.3, one signature is all that a server without a client's certificate makes. */
const VERSIONS = {
  'DTLSv1.2': { server: 2, serverOfCertificates: 2, client: 1 },
  ...(byAwsLc && { 'DTLSv1.3': { server: 1, serverOfCertificates: 2, client: 1 } }),
};

for (const [version, steps] of Object.entries(VERSIONS)) {
  const versions = { minVersion: version, maxVersion: version };

  /** A server and a client of this version with the same number of threads. */
  const pairWith = (t, handshakeThreads, serverOptions, clientOptions) =>
    connectedPair(t, {
      serverOptions: { psk: undefined, ...versions, ...serverOptions, handshakeThreads },
      clientOptions: { psk: undefined, pskIdentity: undefined, ...versions, ...clientOptions, handshakeThreads },
    });

  describe(`steps with public keys in ${version}`, { skip }, () => {
    const cases = {
      'of a server with a certificate': [secure(), TRUST, steps.server],
      'of a server with an RSA certificate': [{ key: serverRsa?.key, cert: serverRsa?.cert }, TRUST, steps.server],
      'of both sides': [
        secure({ ca: ca?.cert, requestCert: true }),
        { ...TRUST, key: client?.key, cert: client?.cert },
        steps.serverOfCertificates,
      ],
    };
    for (const [whose, [serverOptions, clientOptions, ofServer]] of Object.entries(cases)) {
      test(`${whose} are done by other threads`, async (t) => {
        const pair = await pairWith(t, 2, serverOptions, clientOptions);
        assert.equal(pair.client.getProtocol(), version);
        assert.equal(pair.server.stats.handshakeStepsOffloaded, ofServer);
        assert.equal(pair.client.stats.handshakeStepsOffloaded, steps.client);
        echo(pair.socket);
        const received = messages(pair.client, 1);
        pair.client.write('hello');
        assert.deepEqual(await received, ['hello']);
      });

      test(`${whose} are done on the event loop when there are to be no threads`, async (t) => {
        const pair = await pairWith(t, 0, serverOptions, clientOptions);
        assert.equal(pair.server.stats.handshakeStepsOffloaded, 0);
        assert.equal(pair.client.stats.handshakeStepsOffloaded, 0);
      });
    }

    test('take their time from other threads than that of the event loop', { skip: skipWithoutTimes }, async (t) => {
      const { key, cert } = rsa4096;
      /** What the event loop spends on so many handshakes, ms. */
      const timeOf = async (count, handshakeThreads) => {
        const common = { key, cert, ca: certificates.rsaCa.cert, ...versions, handshakeThreads };
        const busy = await startServer(t, { ...common, requestCert: true });
        const trust = { ...common, servername: 'localhost' };
        const before = timeOfThread();
        for (; count > 0; count--) {
          const served = event(busy, 'secureConnection');
          openClient(t, busy, trust);
          await served;
        }
        return timeOfThread() - before;
      };
      // The least of several in turns: what else the machine does makes each of them longer.
      let [without, apart] = [Infinity, Infinity];
      for (let round = 0; round < 6; round++) {
        without = Math.min(without, await timeOf(5, 0));
        apart = Math.min(apart, await timeOf(5, 2));
      }
      // Most of it is the signatures, of either side.
      assert.ok(apart < 0.75 * without, `${without} ms without threads, ${apart} ms with them`);
    });

    test('are none with a pre-shared key', async (t) => {
      // ECDHE-PSK has a heavy step where Mbed TLS computes it.
      const ciphers = version === 'DTLSv1.2' ? { ciphers: 'PSK-AES128-CCM8' } : {};
      const pair = await pairWith(t, 2, { psk: { bob: BOB.psk }, ...ciphers }, BOB);
      assert.equal(pair.server.stats.handshakeStepsOffloaded, 0);
      assert.equal(pair.client.stats.handshakeStepsOffloaded, 0);
    });

    test('of a hundred handshakes at a time are all done, and nothing is lost', async (t) => {
      const storm = await startServer(t, secure({ ...versions, handshakeThreads: 2 }), echo);
      const trust = { ...TRUST, ...versions, handshakeThreads: 2 };
      const clients = Array.from({ length: 100 }, () => openClient(t, storm, trust));
      const echoes = clients.map((each, index) => {
        each.write(`${index}`);
        return messages(each, 1);
      });
      assert.deepEqual(
        await Promise.all(echoes),
        clients.map((_, index) => [`${index}`]),
      );
      const { handshakesCompleted, handshakesFailed, handshakes, handshakeStepsOffloaded } = storm.stats;
      assert.deepEqual([handshakesCompleted, handshakesFailed, handshakes], [100, 0, 0]);
      assert.ok(handshakeStepsOffloaded >= 100 * steps.server, `${handshakeStepsOffloaded} steps`);
    });

    test('fail with the same errors as on the event loop', async (t) => {
      const codes = [];
      for (const handshakeThreads of [0, 2]) {
        const own = { ...versions, handshakeThreads };
        const picky = await startServer(t, secure({ ca: ca.cert, requestCert: true, ...own }));
        const failed = event(picky, 'clientError');
        const nobody = openClient(t, picky, { ...TRUST, ...own });
        const [error] = await event(nobody, 'error');
        codes.push([(await failed)[0].code, error.code]);
        const wrong = openClient(t, picky, { ca: certificates.otherCa.cert, servername: 'localhost', ...own });
        codes.push([(await event(wrong, 'error'))[0].code]);
      }
      assert.deepEqual(codes.slice(2), codes.slice(0, 2));
      assert.equal(codes[1][0], 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    });
  });
}

describe('threads by default', () => {
  const source = `console.log(require(${JSON.stringify(path.join(__dirname, '../../lib/transport/waker.js'))}).defaultThreads())`;

  test('are no more than the process may use cores, and at most eight', async () => {
    const { stdout } = await run(process.execPath, ['-e', source]);
    // There are fewer where a quota allows less than the affinity does, of which Node.js 20 knows nothing.
    assert.ok(Number(stdout) <= Math.min(os.availableParallelism(), 8), stdout);
  });

  test('are none where affinity leaves one core', { skip: skipWithoutTaskset }, async () => {
    const [core] = /Cpus_allowed_list:\s*(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8')).slice(1);
    const { stdout } = await run('taskset', ['-c', core, process.execPath, '-e', source]);
    assert.equal(stdout, '0\n');
  });
});

describe('what the application notices', { skip }, () => {
  test('a listener that throws does so as on the event loop, and the others are served', async (t) => {
    const throwing = await startServer(t, secure({ handshakeThreads: 2 }));
    throwing.once('secureConnection', () => {
      throw new Error('on purpose');
    });
    const clients = [];
    const error = await uncaught(async () => {
      for (let index = 0; index < 5; index++) clients.push(openClient(t, throwing, TRUST));
      await Promise.all(clients.map((each) => event(each, 'secureConnect')));
      // In DTLS 1.3, a client is there before its server.
      while (throwing.stats.handshakesCompleted < 5) await sleep(1);
    });
    assert.equal(error.message, 'on purpose');
  });

  test('listeners run in the asynchronous context of their own endpoint', async (t) => {
    const storage = new AsyncLocalStorage();
    const own = await startServer(t, secure({ handshakeThreads: 2 }));
    const seen = await Promise.all(
      ['one', 'two'].map((name) =>
        storage.run(name, () => {
          const each = openClient(t, own, { ...TRUST, handshakeThreads: 2 });
          return new Promise((resolve) => each.once('secureConnect', () => resolve(storage.getStore())));
        }),
      ),
    );
    assert.deepEqual(seen, ['one', 'two']);
  });

  test('closing at any moment of a handshake ends it once', async (t) => {
    for (let round = 0; round < 40; round++) {
      const closing = await startServer(t, secure({ handshakeThreads: 2 }));
      const each = openClient(t, closing, { ...TRUST, handshakeThreads: 2 });
      const [errors, closes] = [t.mock.fn(), t.mock.fn()];
      each.on('error', errors).on('close', closes);
      const ended = event(each, 'close');
      await sleep(round % 8);
      if (round % 2 === 0) each.destroy();
      else await new Promise((resolve) => closing.close(resolve));
      if (round % 2 === 1) each.destroy();
      await ended;
      await new Promise(setImmediate);
      assert(errors.mock.callCount() <= 1);
      assert.equal(closes.mock.callCount(), 1);
    }
  });
});

const INDEX = JSON.stringify(path.join(__dirname, '..', '..'));

// A server and more and more clients in one thread, which reports when the first handshake is over, and goes on.
const STORM = `
const fs = require('node:fs');
const { connect, createServer } = require(${INDEX});
const read = (file) => fs.readFileSync(file);
const options = {
  key: read(${JSON.stringify(serverRsa?.keyPath)}),
  cert: read(${JSON.stringify(serverRsa?.certPath)}),
  handshakeThreads: 4,
};
const trust = { ca: read(${JSON.stringify(ca?.certPath)}), servername: 'localhost', handshakeThreads: 4 };
const server = createServer({ ...options, maxHandshakesPerAddress: 1000 }, () => {});
server.listen(0, '${HOST}', () => {
  const open = () => {
    const client = connect({ host: '${HOST}', port: server.address().port, ...trust });
    client.on('error', () => {});
    client.once('secureConnect', () => client.destroy());
    return client;
  };
  open().once('secureConnect', report);
  setInterval(() => { for (let count = 0; count < 4; count++) open(); }, 5);
});
`;
const IN_WORKER = `${STORM} function report() { require('node:worker_threads').parentPort.postMessage('ready'); }`;

describe('an end with steps under way', { skip }, () => {
  test('of a thread, while others go on', async (t) => {
    const survivor = await startServer(t, secure({ handshakeThreads: 2 }), echo);
    for (let round = 0; round < 2; round++) {
      const workers = [1, 2].map(() => new Worker(IN_WORKER, { eval: true }));
      await Promise.all(workers.map((worker) => event(worker, 'message')));
      await sleep(15 * round);
      assert.deepEqual(await Promise.all(workers.map((worker) => worker.terminate())), [1, 1]);
    }
    const each = openClient(t, survivor, { ...TRUST, handshakeThreads: 2 });
    const received = messages(each, 1);
    each.write('still here');
    assert.deepEqual(await received, ['still here']);
  });

  const ends = {
    'of a process by process.exit()': [`${STORM} function report() { setTimeout(() => process.exit(7), 20); }`, 7],
    'of a process by an exception': [
      `${STORM} function report() { setTimeout(() => {
        process.once('uncaughtException', () => process.exit(8)); throw new Error('on purpose');
      }, 20); }`,
      8,
    ],
    'of a process that only workers have loaded us in': [
      `const { Worker } = require('node:worker_threads');
       const worker = new Worker(${JSON.stringify(IN_WORKER)}, { eval: true });
       worker.once('message', async () => {
         await worker.terminate();
         const next = new Worker(${JSON.stringify(IN_WORKER)}, { eval: true });
         next.once('message', () => process.exit(9));
       });`,
      9,
    ],
    'of a worker by process.exit()': [
      `const { Worker } = require('node:worker_threads');
       const source = ${JSON.stringify(`${STORM} function report() { setTimeout(() => process.exit(3), 20); }`)};
       new Worker(source, { eval: true }).once('exit', (code) => { process.exitCode = code; });`,
      3,
    ],
  };
  for (const [how, [script, expected]] of Object.entries(ends)) {
    test(how, async () => {
      const failure = await run(process.execPath, ['-e', script], { timeout: 30_000 }).catch((error) => error);
      assert.equal(failure.signal, null, 'it was ended by a signal');
      assert.equal(failure.code, expected, failure.stderr);
    });
  }

  test('comes by itself when everything is closed, and does not wait for idle threads', async () => {
    const script = `${STORM.replace(/setInterval.*/, '')} function report() {
      setTimeout(() => server.close(), 10);
    }`;
    const began = performance.now();
    await run(process.execPath, ['-e', script], { timeout: 30_000 });
    assert.ok(performance.now() - began < 8000, 'it waited');
  });

  test('does not prevent garbage collection', async () => {
    const script = `
      const { createServer } = require(${INDEX});
      const fs = require('node:fs');
      const key = fs.readFileSync(${JSON.stringify(server?.keyPath)});
      const cert = fs.readFileSync(${JSON.stringify(server?.certPath)});
      let collected = 0;
      const registry = new FinalizationRegistry(() => collected++);
      (function make() {
        for (let count = 0; count < 50; count++) registry.register(createServer({ key, cert, handshakeThreads: 2 }));
      })();
      let rounds = 0;
      (function look() {
        global.gc();
        if (collected < 45 && ++rounds < 100) setTimeout(look, 10);
        else console.log(collected);
      })();`;
    const { stdout } = await run(process.execPath, ['--expose-gc', '-e', script], { timeout: 30_000 });
    assert.ok(Number(stdout) >= 45, `${stdout} of 50 servers were collected`);
  });

  test('does not prevent garbage collection of servers and clients that had a handshake', async () => {
    const script = `
      const { connect, createServer } = require(${INDEX});
      const fs = require('node:fs');
      const key = fs.readFileSync(${JSON.stringify(server?.keyPath)});
      const cert = fs.readFileSync(${JSON.stringify(server?.certPath)});
      const ca = fs.readFileSync(${JSON.stringify(ca?.certPath)});
      let collected = 0;
      const registry = new FinalizationRegistry(() => collected++);
      function handshake(done) {
        const server = createServer({ key, cert, handshakeThreads: 2 }).listen(0, '${HOST}', () => {
          const { port } = server.address();
          const trust = { ca, servername: 'localhost', handshakeThreads: 2 };
          const client = connect({ host: '${HOST}', port, ...trust }, () => client.destroy());
          registry.register(client);
          client.on('close', () => server.close(done));
        });
        registry.register(server);
      }
      let rounds = 0;
      (async () => {
        for (let count = 0; count < 10; count++) await new Promise(handshake);
        for (; collected < 18 && rounds < 100; rounds++) {
          global.gc();
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        console.log(collected);
      })();`;
    const { stdout } = await run(process.execPath, ['--expose-gc', '-e', script], { timeout: 60_000 });
    assert.ok(Number(stdout) >= 18, `${stdout} of 10 servers and 10 clients were collected`);
  });
});
