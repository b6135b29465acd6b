#!/usr/bin/env node
// Random mutations of real traffic against server and clients, for as long as one likes: npm run fuzz [-- SECONDS [SEED]]

import { spawnSync } from 'node:child_process';
import process from 'node:process';

const [seconds = '600', seed] = process.argv.slice(2);
if (!/^\d+$/.test(seconds) || (seed !== undefined && !/^\d+$/.test(seed))) {
  console.error('usage: npm run fuzz [-- SECONDS [SEED]]');
  process.exit(2);
}
const env = { ...process.env, FUZZ_SECONDS: seconds };
if (seed !== undefined) env.FUZZ_SEED = seed;
const { status } = spawnSync('cargo', ['test', '--lib', 'fuzz', '--', '--nocapture'], { env, stdio: 'inherit' });
process.exit(status ?? 1);
