'use strict';

// What is typed: help, versions, and everything that is wrong with a command line. A message says what is wrong, and
// nothing has a stack.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const process = require('node:process');
const { test } = require('node:test');

const { MAIN, makeKeys, run, temporaryDirectory } = require('../support/cli');

const ROOT = path.join(__dirname, '..', '..');
const COMMANDS = ['server', 'client', 'ping', 'inspect', 'keygen', 'bench'];
const SCREEN = { lines: 24, columns: 80 };

test('the package has the tool, which can be run', () => {
  const { bin, files } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  assert.equal(path.join(ROOT, bin['mbed-dtls']), MAIN);
  assert(files.some((file) => bin['mbed-dtls'].startsWith(`${file}/`)));
  assert.match(fs.readFileSync(MAIN, 'utf8'), /^#!\/usr\/bin\/env node\n/);
  if (process.platform !== 'win32') assert.equal(fs.statSync(MAIN).mode & 0o111, 0o111);
});

test('the tool uses nothing of the package but what everybody can use', () => {
  const directory = path.dirname(MAIN);
  const sources = fs.readdirSync(directory, { recursive: true }).filter((file) => file.endsWith('.js'));
  assert(sources.length > 10);
  for (const source of sources) {
    const file = path.join(directory, source);
    for (const [, name] of fs.readFileSync(file, 'utf8').matchAll(/require\('([^']+)'\)/g)) {
      if (name.startsWith('node:')) continue;
      const target = path.resolve(path.dirname(file), name);
      assert(target === ROOT || target.startsWith(`${directory}${path.sep}`), `${source} requires ${name}`);
    }
  }
});

for (const command of ['', ...COMMANDS]) {
  test(`the help of ${command || 'the tool'} fits one screen`, async (t) => {
    const { code, stdout, stderr } = await run(t, [...(command === '' ? [] : [command]), '--help']);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    assert.match(stdout, /^usage: mbed-dtls /);
    const lines = stdout.trimEnd().split('\n');
    assert(lines.length <= SCREEN.lines, `${lines.length} lines`);
    for (const line of lines) assert(line.length <= SCREEN.columns, line);
  });

  if (command === '') continue;
  test(`the help of ${command} names every option of the command`, async (t) => {
    const { stdout } = await run(t, [command, '--help']);
    const { OPTIONS } = require(path.join(path.dirname(MAIN), 'commands', command));
    // The option with the key itself is for emergencies; it warns, and docs/cli.md describes it.
    const names = Object.keys(OPTIONS).filter((name) => name !== 'psk-key');
    for (const name of names) assert(stdout.includes(`--${name} `), name);
    assert(stdout.includes('--json'));
  });
}

test('--version prints the versions of the package and of its engine', async (t) => {
  const { code, stdout } = await run(t, ['--version']);
  assert.equal(code, 0);
  assert.match(stdout, /^mbed-dtls \d+\.\d+\.\d+/m);
  assert.match(stdout, /^mbedtls \d/m);
});

// The arguments, and what the message has to say.
const WRONG = [
  [[], /a command is missing/],
  [['serve'], /no command "serve".*\n.*server, client/],
  [['ping'], /an argument is missing; the form is mbed-dtls ping HOST:PORT/],
  [['ping', 'localhost:1', 'localhost:2'], /too many arguments/],
  [['ping', 'localhost'], /"localhost" is not HOST:PORT/],
  [['ping', 'localhost:65536'], /is not HOST:PORT.*\n.*Ports go from 1 to 65535/],
  [['ping', 'localhost:0'], /is not HOST:PORT/],
  [['ping', '::1:5684'], /is not HOST:PORT.*\n.*\[::1\]:5684/],
  [['client', '5684'], /is not HOST:PORT/],
  [['server', 'localhost:ssh'], /is not \[HOST:\]PORT/],
  [['ping', 'localhost:1', '--loss'], /Unknown option '--loss'/],
  [['ping', 'localhost:1', '--count'], /'--count.*argument missing/],
  [['ping', 'localhost:1', '--count', 'many'], /--count takes a whole number from 0 to 1000000, not "many"/],
  [['ping', 'localhost:1', '--count=-1'], /--count takes a whole number/],
  [['ping', 'localhost:1', '--interval', '1e9'], /--interval takes seconds from 0 to 3600/],
  [['ping', 'localhost:1', '--size', '15'], /--size takes a whole number from 16 to 16384/],
  [['ping', 'localhost:1', '--size', '20', '--coap'], /--coap and --size exclude each other/],
  [['client', 'localhost:1', '--timeout', '0'], /--timeout takes seconds from 0.1/],
  [['client', 'localhost:1', '--psk-identity', 'me'], /--psk-identity needs --psk/],
  [['client', 'localhost:1', '--ciphers', 'ROT13'], /ROT13.*ERR_DTLS_INVALID_CIPHER/],
  [['server', '0'], /needs something to prove itself with.*\n.*keygen/],
  [['bench', 'fast'], /too many arguments/],
  [['keygen', 'rsa'], /no kind "rsa".*\n.*psk, rpk, certificates, device/],
  [['keygen', 'toString'], /no kind "toString"/],
  [['constructor'], /no command "constructor"/],
];
for (const [args, message] of WRONG) {
  test(`"mbed-dtls ${args.join(' ')}" is refused with exit code 2`, async (t) => {
    const { code, stdout, stderr } = await run(t, args);
    assert.equal(code, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n {4}at /);
  });
}

test('with --json, what is wrong is on stdout too', async (t) => {
  const { code, stdout } = await run(t, ['ping', 'nowhere', '--json']);
  assert.equal(code, 2);
  const { ok, error } = JSON.parse(stdout);
  assert.equal(ok, false);
  assert.equal(error.code, 'USAGE');
  assert.match(error.message, /is not HOST:PORT/);
});

test('files that are missing, unreadable, endless or wrong are named with what is wrong about them', async (t) => {
  const directory = makeKeys(t, 'certificates');
  const write = (name, content) => fs.writeFileSync(path.join(directory, name), content);
  write('empty', '');
  write('text', 'This is no key.\n');
  write('odd.psk', 'device-1:abc\n');
  write('long.psk', `device-1:${'ab'.repeat(65)}\n`);
  write('two.psk', 'a:00\nb:01\n');
  write('large', Buffer.alloc(1024 * 1024 + 1));
  const cases = [
    [['--psk', 'missing'], /--psk missing: there is no such file/],
    [['--psk', '.'], /--psk \.: this is a directory/],
    [['--psk', 'empty'], /empty holds no pre-shared key/],
    [['--psk', 'text'], /text: line 1 is not a pre-shared key.*\n.*IDENTITY:KEY/],
    [['--psk', 'odd.psk'], /odd\.psk: line 1/],
    [['--psk', 'long.psk'], /long\.psk: line 1.*\n.*1 to 64 bytes/],
    [['--psk', 'two.psk'], /there are 2 pre-shared keys, "a", "b".*\n.*--psk-identity/],
    [['--psk', 'two.psk', '--psk-identity', 'c'], /no pre-shared key for the identity "c"/],
    [['--ca', 'large'], /--ca large: it is longer than 1048576 bytes/],
    [['--ca', 'text'], /ERR_DTLS_INVALID_CA/],
    [['--key', 'text'], /ERR_DTLS_INVALID_KEY/],
    [['--key', 'device-1.key', '--cert', 'text'], /ERR_DTLS_INVALID_CERT/],
    [['--key', 'device-1.key', '--cert', 'server.crt'], /ERR_DTLS_KEY_MISMATCH/],
    [['--cert', 'device-1.crt'], /--cert needs the private key/],
    [['--pfx', 'text'], /ERR_DTLS_INVALID_PFX/],
    [['--peer-key', 'text'], /ERR_DTLS_INVALID_PUBLIC_KEY/],
  ];
  if (fs.existsSync('/dev/zero')) cases.push([['--key', '/dev/zero'], /longer than/]);
  for (const [args, message] of cases) {
    const { code, stderr } = await run(t, ['ping', '127.0.0.1:9', ...args], { cwd: directory });
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n {4}at /);
  }
});

test('a key that is given where a file belongs is not repeated', async (t) => {
  const secret = '8f3c0d94e1a24b7c9d5e6f708192a3b4';
  for (const args of [
    ['--psk', `device-1:${secret}`],
    ['--key', `-----BEGIN PRIVATE KEY-----${secret}`],
    ['--psk-key', secret],
  ]) {
    const { code, stdout, stderr } = await run(t, ['client', '127.0.0.1:9', `${args[0]}=${args[1]}`, '--json']);
    assert.equal(code, 2);
    assert(!`${stdout}${stderr}`.includes(secret), stderr);
  }
});

test('without a binary for this platform, the tool says so and keygen still works', (t) => {
  const directory = temporaryDirectory(t);
  const hook = path.join(directory, 'hook.js');
  fs.writeFileSync(
    hook,
    `const Module = require('node:module');
const load = Module._load;
Module._load = function (name, ...rest) {
  if (/binding(\\.js)?$/.test(name)) throw Object.assign(new Error('no binary'), { code: 'MODULE_NOT_FOUND' });
  return load.call(this, name, ...rest);
};`,
  );
  const tool = (...args) =>
    spawnSync(process.execPath, ['--require', hook, MAIN, ...args], { cwd: directory, encoding: 'utf8' });
  const ping = tool('ping', 'localhost:1');
  assert.equal(ping.status, 1, ping.stderr);
  assert.match(ping.stderr, /ERR_DTLS_NO_BINARY/);
  assert.doesNotMatch(ping.stderr, /\n {4}at /);
  const keygen = tool('keygen', 'psk');
  assert.equal(keygen.status, 0, keygen.stderr);
});

test('docs/cli.md describes every command and variable, and no option that is not there', () => {
  const page = fs.readFileSync(path.join(ROOT, 'docs', 'cli.md'), 'utf8');
  const sources = path.dirname(MAIN);
  const known = new Set(['help', 'json']);
  for (const command of COMMANDS) {
    assert.match(page, new RegExp(`^## .*\\b${command}\\b`, 'm'));
    for (const name of Object.keys(require(path.join(sources, 'commands', command)).OPTIONS)) known.add(name);
  }
  const named = new Set([...page.matchAll(/--([a-z][a-z-]*)/g)].map(([, name]) => name));
  assert.deepEqual(
    [...named].filter((name) => !known.has(name)),
    [],
  );
  const variables = (text) => [...new Set(text.match(/\bMBED_DTLS_[A-Z]+/g))].sort();
  const code = fs.readFileSync(path.join(sources, 'credentials.js'), 'utf8');
  assert.deepEqual(variables(page), variables(code));
});
