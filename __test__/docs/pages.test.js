'use strict';

// The pages that are published: their links resolve inside the package, and their programs run.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { createPublicKey } = require('node:crypto');
const dgram = require('node:dgram');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const process = require('node:process');
const { test } = require('node:test');
const { promisify } = require('node:util');

const certificates = require('../support/certificates');
const { byAwsLc } = require('../support/verifier.js');

const run = promisify(execFile);
const ROOT = path.join(__dirname, '..', '..');

/** The files that npm would publish. */
async function packedFiles() {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'];
  const { stdout } = await run('npm', args, { cwd: ROOT, shell: process.platform === 'win32' });
  return JSON.parse(stdout)[0].files.map((file) => file.path);
}

function read(page) {
  return fs.readFileSync(path.join(ROOT, page), 'utf8');
}

/** The text without its blocks of code. */
function prose(page) {
  return read(page).replace(/^```.*?^```/gms, '');
}

/** The names by which GitHub and npm link to the headings of a page. */
function anchors(page) {
  return [...prose(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

test('every link of a published page leads to a published file and to a heading that is there', async () => {
  const packed = await packedFiles();
  const pages = packed.filter((file) => file.endsWith('.md'));
  assert(pages.includes('README.md') && pages.includes('docs/api.md'));
  const broken = [];
  for (const page of pages) {
    for (const [, link] of prose(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link)) continue;
      const [file, anchor] = link.split('#');
      const target = file === '' ? page : path.posix.join(path.posix.dirname(page), file).replace(/\/$/, '');
      const isThere = packed.some((other) => other === target || other.startsWith(`${target}/`));
      if (!isThere || (anchor !== undefined && !anchors(target).includes(anchor))) broken.push(`${page}: ${link}`);
    }
  }
  assert.deepEqual(broken, []);
});

for (const [page, count] of [
  ['README.md', 5],
  ['docs/api.md', 5],
]) {
  test(`every program of ${page} runs and ends`, {
    skip: !certificates.available && 'openssl was not found',
  }, async (t) => {
    const project = makeProject();
    t.after(() => fs.rmSync(project, { recursive: true }));
    const programs = [...read(page).matchAll(/^```js\n(.*?)^```/gms)].map(([, program]) => program);
    assert.equal(programs.length, count);
    for (const [index, program] of programs.entries()) {
      if (program.includes('DTLSv1.3') && !byAwsLc) {
        t.diagnostic(`program ${index + 1} was not run: this build has no AWS-LC, and so no DTLS 1.3`);
        continue;
      }
      const file = path.join(project, `program-${index}.js`);
      fs.writeFileSync(file, program.replaceAll('5684', String(await freePort())));
      const { stdout } = await run(process.execPath, [file], { cwd: project, timeout: 20_000 });
      // The programs of README.md print what has come of the connection; those of docs/api.md print nothing of the kind.
      if (page === 'README.md') assert.match(stdout, /^(hello|connected:) \S/, program);
    }
  });
}

/** An empty project that has this package installed, and the files that the programs read. */
function makeProject() {
  const project = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-pages-'));
  fs.mkdirSync(path.join(project, 'node_modules'));
  fs.symlinkSync(ROOT, path.join(project, 'node_modules', 'mbed-dtls'), 'junction');
  const write = (name, content) => fs.writeFileSync(path.join(project, name), content);
  write('ca.crt', certificates.ca.cert);
  for (const [name, { key, cert }] of [
    ['server', certificates.server],
    ['device', certificates.client],
  ]) {
    write(`${name}.key`, key);
    write(`${name}.crt`, cert);
    write(`${name}.pub`, createPublicKey(key).export({ type: 'spki', format: 'pem' }));
  }
  return project;
}

async function freePort() {
  const socket = dgram.createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}
