'use strict';

// The package that is published holds what a source build needs: built from the packed tarball, far from the clone.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const process = require('node:process');
const { test } = require('node:test');

const { ECHO_FILES, emptyProject, install } = require('./project.js');
const { startRegistry } = require('./registry.js');

test('a source build from the packed tarball echoes', async (t) => {
  const project = emptyProject(t);
  await install(project, await startRegistry(t), '--omit=optional');
  const directory = path.join(project.directory, 'node_modules', 'mbed-dtls');
  const before = fs.readdirSync(directory);

  const began = Date.now();
  const script = path.join(directory, 'scripts', 'build-from-source.mjs');
  const { stdout } = await project.run(process.execPath, [script]);
  t.diagnostic(`built in ${((Date.now() - began) / 1000).toFixed(0)} s`);
  assert.match(stdout, /^Built .*mbed-dtls\.node in \d+ s\.$/m);
  assert.deepEqual(
    fs.readdirSync(directory).filter((name) => !before.includes(name)),
    ['mbed-dtls.node'],
  );

  for (const [name, text] of Object.entries(ECHO_FILES)) {
    project.write(name, text);
    assert.equal((await project.node(name)).stdout, 'echo TLS_AES_128_GCM_SHA256\n');
  }
});
