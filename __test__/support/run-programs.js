'use strict';

// Runs programs of servers, which do not end by themselves, in one process, and ends when they have had time to fail.
//
//   node run-programs.js FILE...

const cluster = require('node:cluster');
const path = require('node:path');
const process = require('node:process');
const { setTimeout: sleep } = require('node:timers/promises');

/** What a program has begun when it was loaded has failed by then, if it fails. ms */
const TIME = 300;

async function main(files) {
  for (const file of files) {
    // Workers of a program run that program alone. They end with this process.
    cluster.setupPrimary({ exec: path.resolve(file), args: [] });
    require(path.resolve(file));
  }
  await sleep(TIME);
  process.exit(0);
}

main(process.argv.slice(2));
