'use strict';

// The session in docs/cli.md, typed line by line into a shell: it prints what the page says, but for numbers that differ
// from one run to the next.

const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const process = require('node:process');
const { test } = require('node:test');

const { MAIN, temporaryDirectory } = require('../support/cli');
const { freePort } = require('../support/endpoints');

const PAGE = fs.readFileSync(path.join(__dirname, '..', '..', 'docs', 'cli.md'), 'utf8');
const PORT = '5684';

/** How long a line may take, ms. */
const PATIENCE = 60_000;

/** Blocks of a line that is typed and what it prints; a block without typed lines is what the server prints meanwhile. */
function blocks() {
  return [...PAGE.matchAll(/^```console\n(.*?)^```/gms)].map(([, text]) => {
    const [first, ...typed] = `\n${text}`.split('\n$ ');
    const entries = typed.map((entry) => {
      const end = entry.indexOf('\n');
      return { line: end === -1 ? entry : entry.slice(0, end), output: end === -1 ? '' : entry.slice(end + 1) };
    });
    return { entries, ofServer: typed.length === 0 ? first.slice(1) : null };
  });
}

/** What both runs have in common. */
function withoutNumbers(text) {
  return text
    .replace(/\[::1\]:(?=\d)/g, '127.0.0.1:')
    .replace(/listening on (\[::\]|0\.0\.0\.0)/g, 'listening on ANY')
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')
    .replace(/\b\d+\.\d\d(?=[/ ])/g, 'TIME')
    .replace(/^[0-9a-f]{8} (?=\d{7}\.)/gm, 'RANDOM ')
    .replace(/([0-9A-F]{2}:){31}[0-9A-F]{2}/g, 'FINGERPRINT')
    .replace(/sha256:[\w+/]{43}=/g, 'sha256:HASH')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'DATE')
    .trimEnd();
}

test('the session of docs/cli.md prints what the page says', {
  skip: process.platform === 'win32' && 'it is typed into a POSIX shell',
}, async (t) => {
  const cwd = temporaryDirectory(t);
  const port = String(await freePort());
  const shellLine = (line) =>
    line.replaceAll('npx mbed-dtls', `'${process.execPath}' '${MAIN}'`).replaceAll(PORT, port);
  const asOnPage = (text) => withoutNumbers(text.replaceAll(port, PORT));
  const serverOutput = path.join(cwd, 'server.txt');
  let read = 0;
  let typed = 0;

  /** Waits until the server has printed this after what has been read of it. */
  async function serverPrints(expected) {
    const deadline = Date.now() + PATIENCE;
    const printed = () => fs.readFileSync(serverOutput, 'utf8').slice(read);
    const lines = expected.trimEnd().split('\n').length;
    while (printed().split('\n').length <= lines && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal(asOnPage(printed()), withoutNumbers(expected));
    read += printed().length;
  }

  for (const { entries, ofServer } of blocks()) {
    if (ofServer !== null) await serverPrints(ofServer);
    for (const { line, output } of entries) {
      typed += 1;
      if (line.startsWith('npx mbed-dtls server')) {
        // One file for both streams keeps their lines in order.
        const file = fs.openSync(serverOutput, 'w');
        const server = spawn('/bin/sh', ['-c', `exec ${shellLine(line)}`], { cwd, stdio: ['ignore', file, file] });
        fs.closeSync(file);
        t.after(() => server.kill('SIGKILL'));
        await serverPrints(output);
        continue;
      }
      const file = path.join(cwd, 'line.txt');
      const { error } = spawnSync('/bin/sh', ['-c', `{ ${shellLine(line)}\n} > line.txt 2>&1`], {
        cwd,
        timeout: PATIENCE,
      });
      assert.equal(error, undefined, line);
      assert.equal(asOnPage(fs.readFileSync(file, 'utf8')), withoutNumbers(output), line);
    }
  }
  assert(typed >= 5, `${typed} lines were typed`);
});
