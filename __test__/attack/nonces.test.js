'use strict';

// No nonce twice: whoever gets two records under one key and one nonce has the XOR of their plaintexts, and under GCM the
// key that authenticates. Nonces are read from the wire here, whatever clocks the processes have that restore a connection.

const assert = require('node:assert/strict');
const { execFileSync, fork } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const process = require('node:process');
const { before, describe, test } = require('node:test');

const { BOB, event, startServer } = require('../support/endpoints.js');
const { Address } = require('./engine/address.js');
const { Client } = require('./engine/client.js');
const { explicitNonce } = require('./engine/record.js');

const RESTORES = 1_000;

/** What each process believes, in seconds ahead of the truth. */
const HOUR = 3_600;
const YEAR = 365.25 * 24 * HOUR;
const CLOCKS = {
  'that is right': 0,
  'of 2020': -Math.round((new Date().getFullYear() - 2020) * YEAR),
  'an hour back': -HOUR,
  'ten years ahead': Math.round(10 * YEAR),
};

const LINUX_ONLY = process.platform === 'linux' ? false : 'clocks are changed as Linux allows it';

let clockLibrary;

before(() => {
  if (LINUX_ONLY) return;
  clockLibrary = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-clock-')), 'clock.so');
  execFileSync(process.env.CC ?? 'cc', [
    '-shared',
    '-fPIC',
    '-o',
    clockLibrary,
    path.join(__dirname, 'clock', 'clock.c'),
  ]);
  process.on('exit', () => fs.rmSync(path.dirname(clockLibrary), { recursive: true, force: true }));
});

/** A process whose clock is so many seconds ahead; answers its reports. */
function startProcess(t, offset) {
  const child = fork(path.join(__dirname, 'clock', 'restorer.js'), {
    env: { ...process.env, LD_PRELOAD: clockLibrary, CLOCK_OFFSET: String(offset) },
  });
  t.after(() => child.kill('SIGKILL'));
  return async (task) => {
    child.send(task);
    const [report] = await once(child, 'message');
    // The clock is the one that was asked for.
    assert(Math.abs(report.clock - Date.now() - 1000 * offset) < 60_000, `${new Date(report.clock)}`);
    return report;
  };
}

/** A connection, a copy of it, and its peer, which hears whatever comes to its address. */
async function savedConnection(t, suite) {
  const options = { psk: { bob: BOB.psk }, ciphers: suite };
  const server = await startServer(t, { ...options, sendClose: false });
  const secured = event(server, 'secureConnection');
  const address = await Address.open(t);
  const client = await address.handshake(server.address().port, new Client({ suite }));
  const [socket] = await secured;
  const copy = socket.session;
  for (let count = 0; count < 5; count++) socket.write(`${count}`);
  await address.listen(client, () => client.received.length === 5, 'message');
  socket.reset();
  const remote = { address: address.host, port: address.port };
  return { address, client, copy, remote, options };
}

async function hear({ address, client }) {
  for (const datagram of await address.rest()) client.handle(datagram);
}

/** Restores a connection RESTORES times in four processes with four clocks, and answers what was on the wire. */
async function restoreEverywhere(t, connection) {
  const { copy, remote, options } = connection;
  const restorers = Object.values(CLOCKS).map((offset) => startProcess(t, offset));
  // A life that itself was restored leaves a copy as well.
  const first = await restorers[0]({ copies: [copy], remote, times: 1, options });
  const copies = first.copy === null ? [copy] : [copy, first.copy];
  const times = RESTORES / restorers.length;
  const reports = Promise.all(restorers.map((restorer) => restorer({ copies, remote, times, options })));
  let done = false;
  const end = () => {
    done = true;
  };
  reports.then(end, end);
  while (!done) await hear(connection);
  await hear(connection);
  return [first, ...(await reports)];
}

function assertNoneRepeats(nonces) {
  const repeated = nonces.length - new Set(nonces).size;
  assert.equal(repeated, 0, `${repeated} of ${nonces.length} nonces were there before`);
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

describe('a connection that is restored 1,000 times in four processes with four clocks', { skip: LINUX_ONLY }, () => {
  for (const suite of ['PSK-AES128-CCM8', 'PSK-AES128-GCM-SHA256']) {
    test(`uses no nonce twice with ${suite}`, async (t) => {
      const connection = await savedConnection(t, suite);
      const reports = await restoreEverywhere(t, connection);
      const { records } = connection.client;
      // Finished and five messages, then one for each restore.
      assert.equal(records.length, 6 + sum(reports.map(({ restored }) => restored)));
      assert.equal(sum(reports.map(({ restored, refused }) => restored + refused)), 1 + RESTORES);
      assert(reports[0].restored === 1 && reports[1].restored > 0, 'a clock that is right restores');
      const nonces = records.map((record) => explicitNonce(record).toString('hex'));
      assertNoneRepeats(nonces);
    });
  }

  // RFC 7905: the nonce is the record's number, and nothing else.
  test('uses no nonce twice with PSK-CHACHA20-POLY1305, or is not restored', async (t) => {
    const connection = await savedConnection(t, 'PSK-CHACHA20-POLY1305');
    await restoreEverywhere(t, connection);
    assertNoneRepeats(connection.client.records.map(({ number }) => number));
  });
});

describe('a process whose clock was set back', { skip: LINUX_ONLY }, () => {
  for (const clock of ['of 2020', 'an hour back']) {
    test(`is heard by the peer of a connection that it restores, or says that it is not: ${clock}`, async (t) => {
      const connection = await savedConnection(t, 'PSK-AES128-CCM8');
      const { client, copy, remote, options } = connection;
      await startProcess(t, 0)({ copies: [copy], remote, times: 1, options });
      await hear(connection);
      const highest = Math.max(...client.records.map(({ number }) => number));
      const report = await startProcess(t, CLOCKS[clock])({ copies: [copy], remote, times: 1, options });
      if (report.refused > 0 || report.warnings > 0) return;
      await hear(connection);
      assert.equal(client.records.length, 8);
      assert(client.records.at(-1).number > highest, 'its peer takes what it says for old');
    });
  }
});

test('within one life the explicit nonce of a record never comes again (CVE-2026-26014)', async (t) => {
  const server = await startServer(t, { psk: { bob: BOB.psk }, ciphers: 'PSK-AES128-GCM-SHA256', hibernateAfter: 1 });
  const secured = event(server, 'secureConnection');
  const address = await Address.open(t);
  const suite = 'PSK-AES128-GCM-SHA256';
  const client = await address.handshake(server.address().port, new Client({ suite }));
  const [socket] = await secured;
  for (let count = 0; count < 300; count++) {
    await new Promise((resolve) => socket.write(`${count}`, resolve));
    // It goes to sleep now and then, and wakes again.
    if (count % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await address.listen(client, () => client.received.length === 300, 'message');
  const nonces = client.records.map((record) => explicitNonce(record).toString('hex'));
  assertNoneRepeats(nonces);
});
