#!/usr/bin/env node
// Packs what is published: the main package, and one package for each platform whose binary is there.
//
//   npm run pack                 the binaries that are in this directory
//   npm run pack -- --all DIR    all of napi.targets, from DIR; one that is missing is an error
//
// Leaves the tarballs in dist/. The main package's package.json differs from ours in what only its users need (the
// platform packages, as optional dependencies) and what only we need (scripts, development tools). It has no install
// script: prebuilt binaries work under --ignore-scripts, and where none fits, loading says how to build one.

import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { checkBinary } from './check-binary.mjs';
import { thirdPartyLicenses } from './licenses.mjs';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const DIST = path.join(ROOT, 'dist');
const PLATFORMS = path.join(DIST, 'npm');
const MAIN = path.join(DIST, 'main');

const all = process.argv[2] === '--all';
const binaries = path.resolve(process.argv[all ? 3 : 2] ?? ROOT);
const ours = readJson(path.join(ROOT, 'package.json'));

rmSync(DIST, { recursive: true, force: true });
const napi = path.join(ROOT, 'node_modules', '@napi-rs', 'cli', 'dist', 'cli.js');
execFileSync(process.execPath, [napi, 'create-npm-dirs', '--npm-dir', 'dist/npm'], { cwd: ROOT, stdio: 'pipe' });

const platforms = readdirSync(PLATFORMS).sort();
const there = platforms.filter((platform) => existsSync(path.join(binaries, binaryOf(platform))));
const missing = platforms.filter((platform) => !there.includes(platform));
if (there.length === 0 || (all && missing.length > 0)) {
  fail(`no binary in ${binaries} for ${missing.join(', ')}; npm run build:release makes this machine's`);
}
const licenses = thirdPartyLicenses(ROOT);
for (const platform of there) packPlatform(platform);
packMain();
if (missing.length > 0) console.log(`not packed, for want of a binary: ${missing.join(', ')}`);

function packPlatform(platform) {
  const binary = path.join(binaries, binaryOf(platform));
  const { facts, faults } = checkBinary(binary);
  console.log(`${binaryOf(platform)}: ${facts.join(', ')}`);
  if (faults.length > 0) {
    fail(`${binary} is no release build: ${faults.join('; ')}. npm run build:release makes this machine's`);
  }
  const directory = path.join(PLATFORMS, platform);
  copyFileSync(binary, path.join(directory, binaryOf(platform)));
  copyFileSync(path.join(ROOT, 'LICENSE'), path.join(directory, 'LICENSE'));
  writeFileSync(path.join(directory, 'LICENSE-THIRD-PARTY'), licenses);
  const manifest = readJson(path.join(directory, 'package.json'));
  manifest.files.push('LICENSE-THIRD-PARTY');
  writeJson(path.join(directory, 'package.json'), manifest);
  pack(directory);
}

function packMain() {
  for (const file of packed(ROOT)) {
    mkdirSync(path.dirname(path.join(MAIN, file)), { recursive: true });
    copyFileSync(path.join(ROOT, file), path.join(MAIN, file));
  }
  const { scripts, devDependencies, ...published } = ours;
  published.optionalDependencies = Object.fromEntries(
    platforms.map((platform) => {
      const { name, version } = readJson(path.join(PLATFORMS, platform, 'package.json'));
      return [name, version];
    }),
  );
  writeJson(path.join(MAIN, 'package.json'), published);
  pack(MAIN);
}

/** The files that npm would pack. */
function packed(directory) {
  return npmPack(directory, '--dry-run').files.map((file) => file.path);
}

function pack(directory) {
  const { filename, size, unpackedSize, entryCount } = npmPack(directory, '--pack-destination', DIST);
  console.log(`dist/${filename}: ${kib(size)}, unpacked ${kib(unpackedSize)}, ${entryCount} files`);
}

function npmPack(directory, ...args) {
  const options = { cwd: directory, encoding: 'utf8', shell: process.platform === 'win32' };
  return JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--loglevel=error', ...args], options),
  )[0];
}

function binaryOf(platform) {
  return `${ours.napi.binaryName}.${platform}.node`;
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function writeJson(file, value) {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}

function kib(bytes) {
  return `${(bytes / 1024).toFixed(0)} KiB`;
}

function fail(message) {
  console.error(`pack: ${message}`);
  process.exit(1);
}
