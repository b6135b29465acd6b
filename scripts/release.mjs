#!/usr/bin/env node
// A release, step by step:
//
//   npm run release -- --dry-run [VERSION]   walks through all of it and changes nothing: no file, no tag, no package
//   npm run release -- VERSION               sets the version, closes the changelog's section, commits and tags
//   npm run release -- --verify VERSION      whether this commit is that release; what the workflow asks first
//   npm run release -- --publish             publishes dist/*.tgz; what the workflow does last, and nobody else
//
// Pushing the tag starts .github/workflows/release.yml, which builds, tests and publishes. docs/releasing.md has more.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const SEMVER = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;
// Where the version stands: its file, and what stands before and after it.
const PLACES = [
  ['package.json', /^( {2}"version": ")[^"]+(")/m],
  ['package-lock.json', /^( {2}"version": ")[^"]+(")/m],
  ['package-lock.json', /("": \{\s+"name": "mbed-dtls",\s+"version": ")[^"]+(")/],
  ['Cargo.toml', /(name = "mbed-dtls"\nversion = ")[^"]+(")/],
  ['Cargo.lock', /(name = "mbed-dtls"\nversion = ")[^"]+(")/],
];

const problems = [];
const { values, positionals } = parseArgs({
  options: {
    'dry-run': { type: 'boolean' },
    verify: { type: 'boolean' },
    publish: { type: 'boolean' },
    'skip-tests': { type: 'boolean' },
  },
  allowPositionals: true,
});
const [version = currentVersions()[0]] = positionals;

if (!SEMVER.test(version)) fail(`${version} is no semantic version`);
if (values.verify) verify();
else if (values.publish) publish();
else if (values['dry-run']) dryRun();
else release();

function dryRun() {
  console.log(`A release of ${version}, without publishing anything.\n`);
  step('1. What would be released', () => checkState());
  step('2. The changelog of the release', () => console.log(sectionOf('Unreleased') || sectionOf(version) || '(none)'));
  step('3. Tests: npm test', () => runNpm('test'));
  step('4. The binary of this machine, the packages, and their tests: npm run test:packaging', () =>
    runNpm('run', '--silent', 'test:packaging'),
  );
  step(`5. What would be committed: ${version}, and tagged v${version}`, () => {
    for (const file of new Set(PLACES.map(([place]) => place))) console.log(`${file}: ${version}`);
    console.log(`CHANGELOG.md: ## [${version}] - ${today()}`);
  });
  step('6. What would be published by the workflow, in this order', () => {
    for (const args of publications()) console.log(`npm ${args.join(' ')}`);
    console.log(`(${targetCount()} platforms in all; the others are built by the workflow)`);
  });
  for (const problem of problems) console.log(`not ready: ${problem}`);
  console.log(problems.length > 0 ? `${problems.length} problems` : 'Ready. Nothing was changed.');
  process.exitCode = problems.length > 0 ? 1 : 0;
}

function release() {
  if (positionals.length === 0) fail('which version? (or --dry-run)');
  checkState();
  if (problems.length > 0) fail(problems.join('; '));
  for (const [file, place] of PLACES) edit(file, (text) => text.replace(place, `$1${version}$2`));
  edit('CHANGELOG.md', (text) =>
    text.replace('## [Unreleased]\n', `## [Unreleased]\n\n## [${version}] - ${today()}\n`),
  );
  git('commit', '--all', '--message', `Release ${version}`);
  git('tag', '--annotate', `v${version}`, '--message', `v${version}`);
  console.log(`Committed and tagged. This publishes it: git push --follow-tags`);
}

function verify() {
  const others = currentVersions().filter((other) => other !== version);
  if (others.length > 0) fail(`the tag says ${version}, files say ${[...new Set(others)].join(', ')}`);
  if (!sectionOf(version)) fail(`CHANGELOG.md says nothing about ${version}`);
  console.log(`This is ${version}:\n\n${sectionOf(version)}`);
}

/** Platforms first: the main package must not be there before what it needs. */
function publish() {
  if (!process.env.GITHUB_ACTIONS)
    fail('only the release workflow publishes: a package made elsewhere has no provenance');
  const all = publications();
  if (all.length !== targetCount() + 1) fail(`dist/ holds ${all.length} packages, not ${targetCount() + 1}`);
  for (const args of all) runNpm(...args);
}

function publications() {
  const dist = path.join(ROOT, 'dist');
  const tarballs = existsSync(dist) ? readdirSync(dist).filter((name) => name.endsWith('.tgz')) : [];
  const isMain = (name) => /^mbed-dtls-\d/.test(name);
  const ordered = [...tarballs.filter((name) => !isMain(name)).sort(), ...tarballs.filter(isMain)];
  const tag = version.includes('-') ? ['--tag', 'next'] : [];
  return ordered.map((name) => ['publish', `./dist/${name}`, '--provenance', '--access', 'public', ...tag]);
}

/** Notes what stands in the way of a release of this commit. */
function checkState() {
  const check = (holds, name, problem) => {
    console.log(`${holds ? 'ok ' : 'no '} ${name}`);
    if (!holds) problems.push(problem);
  };
  const changes = git('status', '--porcelain').trim();
  check(changes === '', 'the work tree is clean', `uncommitted changes:\n${changes}`);
  const versions = [...new Set(currentVersions())];
  check(
    versions.length === 1,
    `one version everywhere: ${versions.join(', ')}`,
    `versions differ: ${versions.join(', ')}`,
  );
  check(!git('tag', '--list', `v${version}`).trim(), `v${version} is not tagged yet`, `v${version} is there already`);
  check(
    sectionOf('Unreleased') || sectionOf(version),
    'CHANGELOG.md says what is new',
    'the section Unreleased of CHANGELOG.md is empty',
  );
}

function currentVersions() {
  return PLACES.map(([file, place]) => {
    const found = read(file).match(place);
    if (!found) fail(`${file} has no version where one is expected`);
    return found[0].slice(found[1].length, -found[2].length);
  });
}

/** The text of a section of the changelog, in the form of Keep a Changelog. */
function sectionOf(name) {
  const sections = read('CHANGELOG.md').split(/^(?=## \[)/m);
  const section = sections.find((text) => text.startsWith(`## [${name}]`)) ?? '';
  return section.replace(/^.*\n/, '').trim();
}

function targetCount() {
  return JSON.parse(read('package.json')).napi.targets.length;
}

function step(title, act) {
  console.log(`=== ${title}`);
  act();
  console.log('');
}

function runNpm(...args) {
  if (values['skip-tests'] && args.includes('test')) return console.log('skipped');
  const { status } = spawnSync('npm', args, { cwd: ROOT, stdio: 'inherit', shell: process.platform === 'win32' });
  if (status === 0) return;
  if (values.publish) fail(`npm ${args.join(' ')} failed`);
  problems.push(`npm ${args.join(' ')} failed`);
}

function git(...args) {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' });
}

function edit(file, change) {
  writeFileSync(path.join(ROOT, file), change(read(file)));
}

function read(file) {
  return readFileSync(path.join(ROOT, file), 'utf8');
}

function today() {
  return new Date().toISOString().slice(0, 10);
}

function fail(message) {
  console.error(`release: ${message}`);
  process.exit(1);
}
