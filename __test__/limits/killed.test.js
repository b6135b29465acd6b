'use strict';

// Processes that are killed at any moment, and disks that are full: whoever comes next can serve.

const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const process = require('node:process');
const { pipeline } = require('node:stream/promises');
const { test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const { connect } = require('../..');
const { HOST, connectedPair, event } = require('../support/endpoints.js');

const PROGRAM = path.join(__dirname, '..', 'support', 'endurance-server.js');

/** When somebody is killed after a successor was started, ms, and who. */
const MOMENTS = [
  [60, 'successor'],
  [140, 'predecessor'],
];

const skip = process.platform === 'win32' && 'skipped (no descriptors are passed on here)';

test('whoever is killed in whichever moment of a handover, the next process serves', { skip }, async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-'));
  const key = randomBytes(32).toString('hex');
  const children = [];
  t.after(() => {
    for (const child of children) child.kill('SIGKILL');
    fs.rmSync(directory, { recursive: true });
  });
  let port = 0;
  const start = () => {
    const child = fork(PROGRAM, [String(port), key, directory], { stdio: 'ignore', execArgv: ['--expose-gc'] });
    children.push(child);
    return child;
  };
  for (const [delay, victim] of MOMENTS) {
    const predecessor = start();
    [{ port }] = await once(predecessor, 'message');
    const client = connect({ host: HOST, port, psk: key, pskIdentity: 'bob' });
    client.on('error', () => {});
    await once(client, 'secureConnect');
    const successor = start();
    await sleep(delay);
    const killed = { predecessor, successor }[victim];
    killed.kill('SIGKILL');
    if (killed.exitCode === null && killed.signalCode === null) await once(killed, 'exit');
    client.destroy();

    const next = start();
    const [told] = await once(next, 'message');
    assert.equal(told.port, port);
    const other = connect({ host: HOST, port, psk: key, pskIdentity: 'bob' });
    await once(other, 'secureConnect');
    other.write('bob/1');
    assert.equal(String((await once(other, 'data'))[0]), 'answer to bob/1');
    other.destroy();
    for (const child of children.splice(0)) {
      const isGone = child.exitCode !== null || child.signalCode !== null;
      if (child.kill('SIGKILL') && !isGone) await once(child, 'exit');
    }
  }
});

const noFullDisk = !fs.existsSync('/dev/full') && 'there is no /dev/full';

test('an export onto a full disk fails with ENOSPC, and the server still closes', { skip: noFullDisk }, async (t) => {
  const { server } = await connectedPair(t);
  const closed = event(server, 'close');
  const exporting = server.exportConnections({ key: randomBytes(32) });
  await assert.rejects(pipeline(exporting, fs.createWriteStream('/dev/full')), { code: 'ENOSPC' });
  await closed;
});
