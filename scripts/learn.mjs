#!/usr/bin/env node
// Learns the models of servers and clients again, and writes their pages in docs/models: npm run learn [-- NAME [WORDS]]
//
// NAME is the beginning of a page's name, or empty for all. WORDS is how many random words in a row each model has to explain.

import { spawnSync } from 'node:child_process';
import process from 'node:process';

const [name = '', words = '20000'] = process.argv.slice(2);
if (!/^[\w-]*$/.test(name) || !/^\d+$/.test(words)) {
  console.error('usage: npm run learn [-- NAME [WORDS]]');
  process.exit(2);
}
const env = { ...process.env, LEARN_ONLY: name, LEARN_TESTS: words };
const args = ['test', '--lib', 'proto::tests::learner::learn', '--', '--exact', '--ignored', '--nocapture'];
const { status } = spawnSync('cargo', args, { env, stdio: 'inherit' });
process.exit(status ?? 1);
