'use strict';

// The packages that the forks have published on npm, with our entry in place of their index.js: the tests of their
// JavaScript API, and their echo example, as they were published. The tests that need their native object are not ours.

const assert = require('node:assert/strict');
const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const process = require('node:process');
const { test } = require('node:test');

const { event, isFree, messages } = require('../support/endpoints.js');
const { closeAfter, keyPair } = require('../support/legacy.js');

const ENTRIES = path.join(__dirname, '..', '..', 'lib', 'adapters', 'entries');

// Both programs use the port that their authors have written into them.
const TESTED = { name: 'node-mbed-dtls', version: '3.0.0-rc.14', entry: 'particle', port: 5683 };
const SHOWN = { name: 'node-mbedtls-server', version: '3.1.1', entry: 'matasarei', port: 5684 };

/** The unpacked package with our entry as its index.js; null, and the test is skipped, when that is impossible here. */
async function unpack(t, { name, version, entry, port }) {
  if (!(await isFree(port))) {
    t.skip(`something else has port ${port}`);
    return null;
  }
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-'));
  t.after(() => fs.rmSync(directory, { recursive: true }));
  try {
    npm(directory, 'pack', `${name}@${version}`);
  } catch (error) {
    t.skip(`npm cannot get ${name}: ${error.message.split('\n')[0]}`);
    return null;
  }
  execFileSync('tar', ['-xzf', `${name}-${version}.tgz`], { cwd: directory });
  const unpacked = path.join(directory, 'package');
  fs.writeFileSync(
    path.join(unpacked, 'index.js'),
    `module.exports = require(${JSON.stringify(path.join(ENTRIES, entry))});\n`,
  );
  return unpacked;
}

function npm(cwd, ...args) {
  const options = { cwd, encoding: 'utf8', timeout: 120_000, stdio: 'pipe', shell: process.platform === 'win32' };
  return execFileSync('npm', [...args, '--loglevel=error'], options);
}

test(`the tests that ${TESTED.name} ships for its JavaScript API pass`, { timeout: 300_000 }, async (t) => {
  const unpacked = await unpack(t, TESTED);
  if (unpacked === null) return;
  npm(unpacked, 'install', '--ignore-scripts', '--no-audit', '--no-fund');
  const mocha = path.join(unpacked, 'node_modules', 'mocha', 'bin', '_mocha');
  const args = [mocha, '--reporter', 'json', 'index.test.js'];
  const output = execFileSync(process.execPath, args, { cwd: unpacked, encoding: 'utf8', timeout: 60_000 });
  const { stats } = JSON.parse(output.slice(output.indexOf('{')));
  assert.deepEqual(
    { tests: stats.tests, passes: stats.passes, failures: stats.failures },
    { tests: 3, passes: 3, failures: 0 },
  );
});

test(`the echo example that ${SHOWN.name} ships serves a client`, { timeout: 180_000 }, async (t) => {
  const unpacked = await unpack(t, SHOWN);
  if (unpacked === null) return;
  const example = spawn(process.execPath, ['examples/echo.js'], { cwd: unpacked, stdio: ['ignore', 'pipe', 'ignore'] });
  t.after(() => example.kill());
  let output = '';
  example.stdout.on('data', (chunk) => {
    output += chunk;
  });
  while (!output.includes('dtls listening')) await event(example.stdout, 'data');

  const { connect } = require(path.join(ENTRIES, SHOWN.entry));
  const own = { psk: Buffer.from('asdasdadasd'), PSKIdent: Buffer.from('foo'), key: keyPair().pem };
  const client = closeAfter(t, connect({ host: '127.0.0.1', port: SHOWN.port, ...own }));
  client.write('close the server');
  assert.deepEqual(await messages(client, 1), ['close the server']);
  const [code] = await event(example, 'exit');
  assert.equal(code, 0);
  assert.match(output, /newSession: .*secure connection from|secure connection from .*newSession: /s);
});
