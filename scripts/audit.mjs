#!/usr/bin/env node
// What others have found in what we build on: cargo deny (deny.toml) and npm audit.
//
//   npm run audit
//
// A check that cannot be made here, for want of the program or of its database, is named; under CI that is a failure.

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
// Of the other end, not of what is audited.
const UNREACHABLE = /failed to fetch advisory database|audit endpoint returned an error|ENOTFOUND|ECONNREFUSED/;

const checks = [
  ...['licenses', 'bans', 'sources', 'advisories'].map((check) => ['cargo', 'deny', '--locked', 'check', check]),
  ['npm', 'audit', '--loglevel=error'],
];
const installed = run(['cargo', 'deny', '--version']).status === 0;
if (!installed) console.log('cargo deny is not installed: cargo install --locked cargo-deny');

const results = checks.map((command) => {
  if (command[0] === 'cargo' && !installed) return 'not made';
  const { status, output } = run(command);
  const result = status === 0 ? 'passed' : UNREACHABLE.test(output) ? 'not made' : 'failed';
  if (result !== 'passed') console.log(output);
  return result;
});
for (const [index, command] of checks.entries()) console.log(`${results[index].padEnd(8)} ${command.join(' ')}`);
process.exitCode = results.includes('failed') || (process.env.CI && results.includes('not made')) ? 1 : 0;

function run([command, ...args]) {
  const shell = process.platform === 'win32';
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8', shell });
  return { status, output: `${stdout ?? ''}${stderr ?? ''}` };
}
