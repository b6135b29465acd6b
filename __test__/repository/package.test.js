'use strict';

// What is published, seen from the clone: the files, and the types under both ways in which TypeScript resolves them.
// `npm run test:packaging` tests the packages themselves.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const process = require('node:process');
const { test } = require('node:test');
const { promisify } = require('node:util');

const run = promisify(execFile);
const ROOT = path.join(__dirname, '..', '..');
const WINDOWS = process.platform === 'win32';

test('the package holds what its users and a source build need, and nothing else', async () => {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'];
  const { stdout } = await run('npm', args, { cwd: ROOT, shell: WINDOWS });
  const files = JSON.parse(stdout)[0].files.map((file) => file.path);

  const unwanted =
    /test|^bench\/|fuzz|target|\.map$|\.node$|mbedtls-overlay\/include|(^|\/)(node_modules|dist|npm|prototypes)\//;
  assert.deepEqual(
    files.filter((file) => !file.startsWith('docs/') && unwanted.test(file)),
    [],
  );
  const wanted = [
    'index.js',
    'index.d.ts',
    'node-dtls-client.d.ts',
    'cluster.d.ts',
    'lib/adapters/node-dtls-client.js',
    'binding.js',
    'lib/cli/main.js',
    'lib/native.js',
    'docs/errors.md',
    'LICENSE',
    'README.md',
    'Cargo.toml',
    'Cargo.lock',
    'build.rs',
    '.cargo/config.toml',
    'mbedtls-overlay/CMakeLists.txt',
    'src/lib.rs',
    'src/tls/mbed/ffi/layout.c',
    'src/tls/mbed/ffi/layout.h',
    'scripts/build-from-source.mjs',
    'scripts/setup.mjs',
  ];
  assert.deepEqual(
    wanted.filter((file) => !files.includes(file)),
    [],
  );
});

test('nothing runs when it is installed', () => {
  const { scripts } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) assert.equal(scripts[name], undefined);
  // npm runs node-gyp by itself for a package that has this file.
  assert(!fs.existsSync(path.join(ROOT, 'binding.gyp')));
});

test('the addon asks for nothing newer than Node-API 8', { skip: process.platform !== 'linux' }, async () => {
  const { readElf } = await import('../../scripts/elf.mjs');
  const nodeApi = readElf(addon()).undefinedSymbols.filter((name) => /^(napi|node_api)_/.test(name));
  assert.notEqual(nodeApi.length, 0);
  // All newer functions begin with this.
  assert.deepEqual(
    nodeApi.filter((name) => name.startsWith('node_api_')),
    [],
  );
});

test("the addon's calls cannot end up in an Mbed TLS of Node's", { skip: process.platform !== 'linux' }, async () => {
  const { readElf } = await import('../../scripts/elf.mjs');
  const { exportedSymbols, symbolic } = readElf(addon());
  assert(symbolic || exportedSymbols.every((name) => name.startsWith('napi_')), exportedSymbols.join());
});

test('the check of release binaries refuses unfit ones', { skip: process.platform !== 'linux' }, async (t) => {
  const { checkBinary } = await import('../../scripts/check-binary.mjs');
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-binary-'));
  t.after(() => fs.rmSync(directory, { recursive: true }));
  // Node itself: too large, with symbols, and it calls nothing of Node-API. Under the name of another architecture.
  const file = path.join(directory, `node.linux-${process.arch === 'x64' ? 'arm64' : 'x64'}-musl.node`);
  fs.symlinkSync(process.execPath, file);
  const faults = checkBinary(file).faults.join('\n');
  for (const fault of [/exceed the limit/, /it is for/, /it needs GLIBC_/, /which Node does not/])
    assert.match(faults, fault);
});

for (const [moduleResolution, module] of [
  ['node16', 'node16'],
  ['bundler', 'esnext'],
]) {
  test(`its types resolve with moduleResolution ${moduleResolution}`, async (t) => {
    const project = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-types-'));
    t.after(() => fs.rmSync(project, { recursive: true }));
    const modules = path.join(project, 'node_modules');
    fs.mkdirSync(path.join(modules, '@types'), { recursive: true });
    fs.symlinkSync(ROOT, path.join(modules, 'mbed-dtls'), 'junction');
    fs.symlinkSync(path.join(ROOT, 'node_modules', '@types', 'node'), path.join(modules, '@types', 'node'), 'junction');
    fs.writeFileSync(
      path.join(project, 'consumer.mts'),
      [
        "import { connect, type DtlsClient } from 'mbed-dtls';",
        "import { dtls } from 'mbed-dtls/node-dtls-client';",
        'export const client: DtlsClient = connect({ port: 5684 });',
        'export const { createSocket } = dtls;',
      ].join('\n'),
    );
    const tsc = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const options = ['--strict', '--noEmit', '--target', 'es2022', '--types', 'node'];
    const resolution = ['--module', module, '--moduleResolution', moduleResolution];
    await run(process.execPath, [tsc, ...options, ...resolution, 'consumer.mts'], { cwd: project }).catch((error) =>
      assert.fail(error.stdout),
    );
  });
}

/** The addon under test. */
function addon() {
  require('../..');
  return Object.keys(require.cache).find((file) => file.endsWith('.node'));
}
