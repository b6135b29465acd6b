'use strict';

// What an installation of the packed packages gives an empty project, on a machine with node and npm only.
// Run by `npm run test:packaging`, which builds and packs first.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { describe, test } = require('node:test');

const { ECHO_FILES, ROOT, emptyProject, install, sizeOf } = require('./project.js');
const { DIST, startRegistry } = require('./registry.js');

const TSC = path.join(ROOT, 'node_modules', '.bin', 'tsc');

const platforms = fs.readdirSync(path.join(DIST, 'npm')).map((platform) => `mbed-dtls-${platform}`);
const version = JSON.parse(fs.readFileSync(path.join(DIST, 'main', 'package.json'), 'utf8')).version;
const packed = platforms.filter((name) => fs.existsSync(path.join(DIST, `${name}-${version}.tgz`)));

describe('the packed packages', () => {
  for (const args of [[], ['--ignore-scripts']]) {
    test(`install${args.map((arg) => ` with ${arg}`)} in seconds and echo over CommonJS and ESM`, async (t) => {
      const registry = await startRegistry(t);
      const project = emptyProject(t);
      const milliseconds = await install(project, registry, ...args);

      const modules = path.join(project.directory, 'node_modules');
      const size = sizeOf(modules);
      t.diagnostic(`installed in ${(milliseconds / 1000).toFixed(1)} s, ${(size / 1024 / 1024).toFixed(2)} MiB`);
      assert(milliseconds < 30_000);
      assert(size < 9 * 1024 * 1024);
      const installed = fs.readdirSync(modules).filter((name) => !name.startsWith('.'));
      assert.equal(installed.length, 2, `main package and one for the platform, not ${installed}`);

      for (const [name, text] of Object.entries(ECHO_FILES)) {
        project.write(name, text);
        const { stdout } = await project.node(name);
        assert.equal(stdout, 'echo TLS_AES_128_GCM_SHA256\n');
      }
    });
  }

  test('hold one binary with its licences', async (t) => {
    const project = emptyProject(t);
    await install(project, await startRegistry(t));
    const files = fs.readdirSync(path.join(project.directory, 'node_modules', packed[0])).sort();
    const expected = ['LICENSE', 'LICENSE-THIRD-PARTY', 'README.md', binary(packed[0]), 'package.json'];
    assert.deepEqual(files, expected);
  });

  test('download one binary only', async (t) => {
    const registry = await startRegistry(t);
    await install(emptyProject(t), registry);
    const tarballs = registry.requests.filter((url) => url.endsWith('.tgz'));
    assert.equal(tarballs.length, 2, tarballs.join());
  });

  for (const [moduleResolution, module] of [
    ['node16', 'node16'],
    ['bundler', 'esnext'],
  ]) {
    test(`compile in a strict TypeScript project, moduleResolution ${moduleResolution}`, async (t) => {
      const project = emptyProject(t);
      await install(project, await startRegistry(t));
      const types = path.join(project.directory, 'node_modules', '@types');
      fs.mkdirSync(types);
      fs.symlinkSync(path.join(ROOT, 'node_modules', '@types', 'node'), path.join(types, 'node'));
      for (const name of ['commonjs.cts', 'module.mts']) {
        const text = fs.readFileSync(path.join(ROOT, '__test__', 'types', name), 'utf8');
        const own = (_, entry) => (entry === undefined || entry === 'index' ? "'mbed-dtls'" : `'mbed-dtls/${entry}'`);
        project.write(name, text.replace(/'\.\.\/\.\.(?:\/([\w-]+)\.js)?'/g, own));
      }
      // require() of a TypeScript file belongs to node16; a bundler's sources are modules.
      const include = moduleResolution === 'node16' ? ['commonjs.cts', 'module.mts'] : ['module.mts'];
      const compilerOptions = {
        strict: true,
        noEmit: true,
        target: 'es2022',
        module,
        moduleResolution,
        types: ['node'],
      };
      project.write('tsconfig.json', JSON.stringify({ compilerOptions, include }));
      await project.run(TSC, ['-p', '.']).catch((error) => assert.fail(error.stdout));
    });
  }
});

describe('without the package of the platform', () => {
  test('loading fails with one message that says what was looked for and how to build', async (t) => {
    const project = emptyProject(t);
    await install(project, await startRegistry(t), '--omit=optional');
    for (const load of ["require('mbed-dtls')", "import('mbed-dtls')"]) {
      const script = `(async () => ${load})().catch((error) => console.log(error.code, String(error.cause), error.message))`;
      const { stdout } = await project.node('-e', script);
      assert.match(stdout, /^ERR_DTLS_NO_BINARY undefined mbed-dtls has no native binary that runs here/);
      assert.match(stdout, /Not found: the package mbed-dtls-/);
      assert.match(stdout, /Rust 1\.88, a C compiler, make, cmake 3\.10 and libclang/);
      const script2 = /node "(.*build-from-source\.mjs)"/.exec(stdout)?.[1];
      assert(fs.existsSync(script2), stdout);
    }
  });

  test('the source build says what is lacking in one line, and runs no compiler', async (t) => {
    const project = emptyProject(t);
    await install(project, await startRegistry(t), '--omit=optional');
    const script = path.join('node_modules', 'mbed-dtls', 'scripts', 'build-from-source.mjs');
    const failure = await project.node(script).then(
      () => assert.fail('there is no Rust on this PATH'),
      (error) => error,
    );
    assert.equal(failure.code, 1);
    assert.match(failure.stdout, /^rust +lacking: /m);
    assert.match(failure.stdout, /^cmake +lacking: /m);
    assert.match(failure.stderr, /^The build lacks something\. Run this, then start again:$/m);
    assert.doesNotMatch(failure.stdout + failure.stderr, /error\[|panicked| {4}at /);
  });

  test('a broken binary is named with the reason', async (t) => {
    const project = emptyProject(t);
    await install(project, await startRegistry(t));
    const directory = path.join(project.directory, 'node_modules', packed[0]);
    fs.writeFileSync(path.join(directory, binary(packed[0])), 'this is no library');
    const { stdout } = await project.node(
      '-e',
      "try { require('mbed-dtls') } catch (error) { console.log(error.message) }",
    );
    assert.match(stdout, /In the way: .*\.node: /);
  });
});

function binary(platformPackage) {
  return `mbed-dtls.${platformPackage.replace('mbed-dtls-', '')}.node`;
}
