'use strict';

// A system that takes no more datagrams for a while. The test needs Linux, and the right to make a network namespace.

const assert = require('node:assert/strict');
const { execFile, spawnSync } = require('node:child_process');
const path = require('node:path');
const { test } = require('node:test');
const { promisify } = require('node:util');

const NETWORK = [
  'ip link set lo up',
  'ip link add v0 type veth peer name v1',
  'ip link set v0 up',
  'ip link set v1 up',
  'ip addr add 10.77.0.1/24 dev v0',
].join(' && ');

const inNamespace = (command) => ['-Urn', 'sh', '-c', `${NETWORK} && ${command}`];
const skip = spawnSync('unshare', inNamespace('true')).status !== 0 && 'skipped (no network namespaces)';

test('datagrams that the system does not take wait, delay no connection for ever, and lose no callback', {
  skip,
}, async () => {
  const script = path.join(__dirname, '..', 'load', 'congestion.js');
  const { stdout } = await promisify(execFile)('unshare', inNamespace(`"${process.execPath}" "${script}"`));
  const { written, longest, left } = JSON.parse(stdout);
  assert.equal(written, 8);
  assert(longest > 0, 'the system has taken everything: nothing was tested');
  assert.equal(left, 0);
});
