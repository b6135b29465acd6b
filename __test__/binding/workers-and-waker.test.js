'use strict';

// Steps of handshakes on other threads, as one endpoint hands them over and takes them back, and who is told.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const native = require('../../lib/native.js');
const certificates = require('../support/certificates.js');
const { End, meet, pair, settle } = require('../support/native-ends.js');

const skip = certificates.available ? false : 'openssl was not found';
const { ca, server: ofServer, rsa4096 } = certificates;

const ONLY = { psk: undefined, pskIdentity: undefined, maxVersion: 'DTLSv1.2' };
const TRUST = { ...ONLY, rejectUnauthorized: false, ca: ca?.cert, servername: 'localhost' };

/** A server with a certificate, whose steps other threads take. */
const server = (waker, { number = 7, threads = 1, of = ofServer } = {}) =>
  End.server({ maxVersion: 'DTLSv1.2', key: of.key, cert: of.cert }, { waker, number, threads, knowsKeys: false });

/** Clients that have come as far as they can while the server's steps are away. */
function clientsOf(end, count, first = 1) {
  const clients = Array.from({ length: count }, (_, index) => {
    const client = Object.assign(End.client(TRUST), { address: `192.0.3.${first + index}` });
    client.own = client.native.connect(end.address, end.port);
    return client;
  });
  settle(end, ...clients);
  return clients;
}

/** Waits until it is so, for some seconds. */
async function comesTrue(isSo) {
  for (const end = performance.now() + 10_000; !isSo() && performance.now() < end; ) await sleep(1);
  assert(isSo(), String(isSo));
}

const threads = () =>
  fs
    .readdirSync('/proc/self/task')
    .map((task) => {
      try {
        return fs.readFileSync(`/proc/self/task/${task}/comm`, 'latin1').trim();
      } catch {
        return 'gone';
      }
    })
    .filter((name) => name === 'mbed-dtls').length;

/** Whoever is called, and how often. */
function openWaker(t) {
  const waker = new native.Waker();
  const calls = [];
  waker.open((first, hasMore) => {
    calls.push(first);
    for (let number = hasMore ? waker.next() : 0; number !== 0; number = waker.next()) calls.push(number);
  });
  t.after(() => waker.close());
  return { waker, calls };
}

describe('a step on another thread', { skip }, () => {
  test('is under way until it has been taken back, and is done by one thread where one is asked for', async (t) => {
    const { waker, calls } = openWaker(t);
    const [one, other] = [7, 8].map((number) => server(waker, { number, of: rsa4096 }));
    assert.equal(one.hasJobs, 0);
    const clients = new Map([one, other].map((end) => [end, clientsOf(end, 3)]));
    assert.deepEqual([one.hasJobs, other.hasJobs], [1, 1]);
    if (fs.existsSync('/proc/self/task')) {
      // A thread has its name a moment after it was made.
      await comesTrue(() => threads() > 0);
      assert.equal(threads(), 1);
    }
    const isOver = (end) => end.native.stats().handshakesCompleted === 3;
    await comesTrue(() => {
      for (const end of [one, other]) {
        end.native.handleJobs();
        settle(end, ...clients.get(end));
      }
      return isOver(one) && isOver(other);
    });
    assert.deepEqual([one.hasJobs, other.hasJobs], [0, 0]);
    assert.deepEqual([...new Set(calls)].sort(), [7, 8]);
    assert.equal(one.native.stats().handshakeStepsOffloaded, 6);
    // The thread is free for what comes later.
    const [late] = clientsOf(one, 1, 50);
    await comesTrue(() => {
      one.native.handleJobs();
      settle(late, one);
      return one.native.stats().handshakesCompleted === 4;
    });
  });

  test('is one of eight for each thread, and the others wait for theirs', async (t) => {
    const { waker } = openWaker(t);
    const end = server(waker);
    const clients = clientsOf(end, 11);
    assert.equal(end.native.stats().handshakeStepsOffloaded, 8);
    await comesTrue(() => {
      end.native.handleJobs();
      settle(end, ...clients);
      return end.native.stats().handshakesCompleted === 11;
    });
    const wide = server(waker, { threads: 2 });
    const more = clientsOf(wide, 18);
    assert.equal(wide.native.stats().handshakeStepsOffloaded, 16);
    for (const client of more) client.native.abort(client.own);
    await comesTrue(() => {
      wide.native.handleJobs();
      return wide.hasJobs === 0;
    });
  });

  test('is asked for by nobody without a waker', () => {
    const end = server(undefined);
    const { at, client } = meet(end, End.client(TRUST));
    assert(at > 0);
    assert.deepEqual([end.hasJobs, client.hasJobs, end.native.stats().handshakeStepsOffloaded], [0, 0, 0]);
    end.native.handleJobs();
    assert.equal(pair().server.hasJobs, 0);
  });

  test('of a client is told by its number', async (t) => {
    const { waker, calls } = openWaker(t);
    const end = server(undefined);
    const client = End.client(TRUST, { waker, number: 99, threads: 1 });
    client.native.connect(end.address, end.port);
    settle(client, end);
    assert.equal(client.hasJobs, 1);
    await comesTrue(() => calls.length > 0);
    assert.deepEqual(calls, [99]);
    client.native.handleJobs();
    assert.equal(client.hasJobs, 0);
    settle(client, end);
    assert.equal(end.native.stats().handshakesCompleted, 1);
  });
});

/** Whatever threads do meanwhile, the event loop hears of it afterwards. */
function block(milliseconds) {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

describe('a waker', { skip }, () => {
  test('calls once, however many endpoints have something by then', async (t) => {
    const waker = new native.Waker();
    const calls = [];
    waker.open((...args) => calls.push(args));
    t.after(() => waker.close());
    assert.equal(waker.next(), 0);
    const ends = [3, 4, 5].map((number) => server(waker, { number }));
    for (const end of ends) clientsOf(end, 2);
    block(200);
    await comesTrue(() => calls.length > 0);
    const [[first, hasMore]] = calls;
    const numbers = [first, waker.next(), waker.next()];
    assert.deepEqual([numbers.sort(), hasMore, waker.next()], [[3, 4, 5], true, 0]);
    // An endpoint that has something already is not named again, until it has been taken.
    for (const end of ends) end.native.handleJobs();
    assert.deepEqual(
      ends.map(({ hasJobs }) => hasJobs),
      [0, 0, 0],
    );
    clientsOf(ends[0], 1, 60);
    await comesTrue(() => calls.length === 2);
    assert.deepEqual([calls[1], waker.next()], [[3, false], 0]);
  });

  test('that is closed calls nobody, and has nothing left', async () => {
    const waker = new native.Waker();
    let calls = 0;
    waker.open(() => calls++);
    const end = server(waker);
    clientsOf(end, 1);
    await comesTrue(() => calls === 1);
    waker.close();
    assert.equal(waker.next(), 0);
    end.native.handleJobs();
    const later = clientsOf(end, 1, 70);
    await comesTrue(() => {
      end.native.handleJobs();
      return end.hasJobs === 0;
    });
    assert.deepEqual([calls, waker.next(), later.length], [1, 0, 1]);
    assert.throws(() => waker.open('no function'), { code: 'InvalidArg' });
  });

  test('knows how many threads are enough for the machine', () => {
    const cores = require('node:os').availableParallelism();
    assert.equal(native.Waker.defaultThreads(), cores === 1 ? 0 : Math.min(cores, 8));
  });
});
