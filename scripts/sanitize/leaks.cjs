'use strict';

// Preloaded by `npm run sanitize`: looks for lost memory when a process of Node.js ends, but for its threads. At that time everything is
// in its place; later Node.js and Rust give up what they need no more, without freeing it, and much would look lost.

const { appendFileSync } = require('node:fs');
const process = require('node:process');
const { isMainThread } = require('node:worker_threads');

if (isMainThread) {
  const check = load();
  process.on('exit', () => {
    if (check === undefined) return;
    check();
    appendFileSync(process.env.SANITIZE_CHECKED, `${process.pid}\n`);
  });
}

function load() {
  try {
    return require(process.env.SANITIZE_LEAKS);
  } catch {
    // A test of what happens without addons.
    return undefined;
  }
}
