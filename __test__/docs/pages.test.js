'use strict';

// The pages that are published: their links resolve inside the package, and their programs run.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const process = require('node:process');
const { test } = require('node:test');
const { promisify } = require('node:util');

const certificates = require('../support/certificates');
const { programsOf, writeKeys, writeProgram } = require('../support/page-programs');
const { byAwsLc } = require('../support/verifier.js');
const { fileInDefaultVersions } = require('../support/older-version.js');

fileInDefaultVersions();

const run = promisify(execFile);
const ROOT = path.join(__dirname, '..', '..');
const RUNNER = path.join(__dirname, '..', 'support', 'run-programs.js');

let packed;

/** The files that npm would publish. */
function packedFiles() {
  packed ??= listPackedFiles();
  return packed;
}

async function listPackedFiles() {
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

/** @returns {string[]} what is wrong with the tables of a page: a blank line ends one, and what follows it is a paragraph */
function faultsOfTables(page) {
  const lines = prose(page).split('\n');
  const isRow = (line) => line?.startsWith('|') === true;
  const cells = (line) => line.replace(/\\\|/g, '').split('|').length;
  const faults = [];
  let head = null;
  for (const [index, line] of lines.entries()) {
    if (!isRow(line)) head = null;
    else if (head === null) {
      head = cells(line);
      if (!/^\|(?: ?:?-+:? ?\|)+$/.test(lines[index + 1] ?? '')) faults.push(`${page}: no head: ${line}`);
    } else if (cells(line) !== head) faults.push(`${page}: ${cells(line)} cells below ${head}: ${line}`);
  }
  return faults;
}

test('every table has a head, and as many cells in each row', () => {
  const files = fs.readdirSync(path.join(ROOT, 'docs'), { recursive: true }).map((file) => path.join('docs', file));
  const pages = [...fs.readdirSync(ROOT), ...files].filter((file) => file.endsWith('.md'));
  assert(pages.includes('README.md') && pages.includes(path.join('docs', 'security.md')));
  assert.deepEqual(pages.flatMap(faultsOfTables), []);
});

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

/** Programs that end by themselves, and how many there are. */
const ENDING = { 'README.md': 5, 'docs/api.md': 5 };

/** Programs that serve until they are ended, or that only show functions. */
const SERVING = {
  'docs/cluster.md': 4,
  'docs/dashboard.md': 1,
  'docs/fleet.md': 1,
  'docs/migrating.md': 2,
  'docs/nat.md': 4,
  'docs/observing.md': 4,
  'docs/restarts.md': 4,
};

/** Pages that have a test of their own. */
const ELSEWHERE = /^docs\/(coaps\.md|guide\/.*)$/;

const skip = !certificates.available && 'openssl was not found';

test('every program of a published page is run by a test', async () => {
  const counted = {};
  for (const page of (await packedFiles()).filter((file) => file.endsWith('.md') && !ELSEWHERE.test(file))) {
    const count = programsOf(read(page)).length;
    if (count > 0) counted[page] = count;
  }
  assert.deepEqual(counted, { ...ENDING, ...SERVING });
});

for (const page of Object.keys(ENDING)) {
  test(`every program of ${page} runs and ends`, { skip }, async (t) => {
    const project = makeProject(t);
    for (const [index, program] of programsOf(read(page)).entries()) {
      if (program.includes('DTLSv1.3') && !byAwsLc) {
        t.diagnostic(`program ${index + 1} was not run: this build has no AWS-LC, and so no DTLS 1.3`);
        continue;
      }
      const file = await writeProgram(project, `program-${index}.js`, program);
      const { stdout } = await run(process.execPath, [file], { cwd: project, timeout: 20_000 });
      // The programs of README.md print what has come of the connection; those of docs/api.md print nothing of the kind.
      if (page === 'README.md') assert.match(stdout, /^(hello|connected:) \S/, program);
    }
  });
}

test('every program that serves starts as it stands on its page', { skip }, async (t) => {
  const project = makeProject(t);
  const files = [];
  for (const program of Object.keys(SERVING).flatMap((page) => programsOf(read(page)))) {
    files.push(await writeProgram(project, `program-${files.length}.js`, program));
  }
  const env = { ...process.env, EXPORT_KEY: '00'.repeat(32) };
  await run(process.execPath, [RUNNER, ...files], { cwd: project, env, timeout: 20_000 });
});

/** An empty project that has this package installed, and the files that the programs read. */
function makeProject(t) {
  const project = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-pages-'));
  t.after(() => fs.rmSync(project, { recursive: true }));
  fs.mkdirSync(path.join(project, 'node_modules'));
  fs.symlinkSync(ROOT, path.join(project, 'node_modules', 'mbed-dtls'), 'junction');
  writeKeys(project);
  return project;
}
