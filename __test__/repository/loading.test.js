'use strict';

// What is loaded, under which names, and what is said where the addon cannot be loaded.

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

/** What a program prints, as JSON. */
function printed(program, ...options) {
  const { stdout, stderr } = spawnSync(process.execPath, [...options, '-e', program], { cwd: ROOT, encoding: 'utf8' });
  assert.equal(stderr, '');
  return JSON.parse(stdout);
}

const { exports: entries } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
for (const entry of Object.keys(entries).filter((name) => !name.endsWith('.json'))) {
  const name = path.posix.join('mbed-dtls', entry);
  test(`import finds every name in ${name} that require() finds`, () => {
    // The package finds itself by its name.
    const names = (load) => `${load}.then((found) => console.log(JSON.stringify(Object.keys(found))))`;
    const required = printed(names(`Promise.resolve(require('${name}'))`));
    assert.notEqual(required.length, 0);
    const imported = printed(names(`import('${name}')`), '--input-type=module');
    // Both are names of all that require() answers: the second one since Node.js 23.
    const others = imported.filter((found) => !['default', 'module.exports'].includes(found));
    assert.deepEqual(others.sort(), required.sort());
  });
}

test('what few programs want is loaded when it is first called', () => {
  const program = (act) => `
    const mbed = require('mbed-dtls');
    ${act};
    console.log(JSON.stringify(Object.keys(require.cache)))`;
  const inside = (act) => printed(program(act)).map((file) => path.relative(ROOT, file));
  const loaded = (act) => inside(act).filter((file) => /adapters|pkcs12|fleet|handover/.test(file));
  const server = "const server = mbed.createServer({ psk: 'secret' }).listen(0, '127.0.0.1', () => server.close())";
  assert.deepEqual(loaded(server), []);
  const calls = [
    // The profile misses its key.
    ["try { mbed.createServer({ compat: 'neustar' }) } catch {}", 'adapters/compat.js'],
    ["mbed.createDgramSocket({ psk: 'secret' })", 'adapters/dgram.js'],
    ['mbed.dtls.Socket', 'adapters/node-dtls-client.js'],
  ];
  for (const [act, file] of calls) {
    const isLoaded = loaded(act).some((name) => name.endsWith(path.normalize(file)));
    assert(isLoaded, act);
  }
});

test('the heading that the error for a missing binary names is in README.md', () => {
  const source = fs.readFileSync(path.join(ROOT, 'lib', 'native.js'), 'utf8');
  const heading = /README\.md, (\w+)\)/.exec(source)[1];
  assert.match(fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8'), new RegExp(`^#+ ${heading}$`, 'm'));
});
