'use strict';

// A few of Mbed TLS's own scenarios: `npm run upstream` plays all of them.

const { describe, test } = require('node:test');

const { run, situation } = require('./upstream/run.js');
const { upstream } = require('./upstream/scenarios.js');

/** With their client and with their server. */
const QUICK = [
  'Default, DTLS',
  'Session resume using tickets, DTLS: basic',
  'Connection ID: Cli+Srv enabled, Cli+Srv CID nonempty',
  'DTLS proxy: multiple records in same datagram, duplicate every packet',
  'DTLS wrong PSK: badmac alert',
];

const installed = upstream('3.6');

describe("Mbed TLS's own scenarios", { concurrency: 2 }, () => {
  if (installed.missing) {
    test('all', { skip: `skipped (${installed.missing})` }, () => {});
    return;
  }
  const scenarios = installed.scenarios.filter(({ name }) => QUICK.includes(name));
  for (const each of scenarios.flatMap((one) => ['client', 'server'].map((role) => situation(installed, one, role)))) {
    test(`${each.name} | their ${each.theirs.role}`, () => run(each));
  }
});
