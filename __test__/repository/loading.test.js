'use strict';

// What is said where the addon cannot be loaded.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const process = require('node:process');
const { test } = require('node:test');

const ROOT = path.join(__dirname, '..', '..');

/** Code and message of the error of require(), under these options of Node. */
function failureToLoad(...options) {
  const script = `try { require(${JSON.stringify(ROOT)}) } catch ({ code, message }) { console.log(code, message) }`;
  return spawnSync(process.execPath, [...options, '-e', script], { encoding: 'utf8' }).stdout;
}

const hasPermissions = process.allowedNodeEnvironmentFlags.has('--permission');
for (const [name, options, skip] of [
  ['--no-addons', ['--no-addons'], false],
  ['--permission without --allow-addons', ['--permission', '--allow-fs-read=*'], !hasPermissions],
]) {
  test(`under ${name}, the error says which option lets the addon in`, { skip }, () => {
    const text = failureToLoad(...options);
    assert.match(text, /^ERR_DTLS_NO_BINARY Node\.js has been told to load no native addon/);
    assert.match(text, /--allow-addons/);
    assert.doesNotMatch(text, /npm run build/);
  });
}

test('the heading that the error for a missing binary names is in README.md', () => {
  const source = fs.readFileSync(path.join(ROOT, 'lib', 'native.js'), 'utf8');
  const heading = /README\.md, (\w+)\)/.exec(source)[1];
  assert.match(fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8'), new RegExp(`^#+ ${heading}$`, 'm'));
});
