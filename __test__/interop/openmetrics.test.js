'use strict';

// The text of openMetrics() by the parser of the format's own project, which refuses what it does not allow.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { test } = require('node:test');

const { openMetrics } = require('../..');
const { connectedPair } = require('../support/endpoints.js');
const { installed } = require('./matrix/installed.js');

const PYTHON = installed('python', 'bin', 'python');
const PARSE = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(sys.stdin.read()))
print(json.dumps([[f.name, f.type, [[s.name, s.labels, s.value] for s in f.samples]] for f in families]))
`;

const hasParser = spawnSync(PYTHON, ['-c', 'import prometheus_client.openmetrics.parser']).status === 0;
const skip = hasParser ? false : 'prometheus_client was not found (npm run setup -- --interop)';

test("Prometheus's parser reads openMetrics() as what the counters say", { skip }, async (t) => {
  const { server, client } = await connectedPair(t);
  client.write('hello');
  const { stats } = server;
  for (const text of [openMetrics(server), openMetrics({ 'a "name"\n': server, other: client })]) {
    const { status, stdout, stderr } = spawnSync(PYTHON, ['-c', PARSE], { input: text, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const families = new Map(JSON.parse(stdout).map(([name, type, samples]) => [name, { type, samples }]));
    assert.equal(families.get('mbed_dtls_handshakes_completed').type, 'counter');
    assert.equal(families.get('mbed_dtls_connections').type, 'gauge');
    const { type, samples } = families.get('mbed_dtls_handshake_duration_seconds');
    assert.equal(type, 'histogram');
    const sum = samples.find(([name]) => name.endsWith('_sum'))[2];
    assert.equal(sum, stats.handshakeTimes.sum / 1000);
  }
});
