#!/usr/bin/env node
// Makes this machine able to build mbed-dtls, or says in one line what its user has to run.
//
//   node scripts/setup.mjs [--check] [--build] [--interop]
//
//   --check     report only: install nothing
//   --build     only what a build from the published package needs
//   --interop   also install the optional programs that the interop tests talk to
//
// Plain Node without a dependency, because it runs before node_modules exists.

import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const NODE_MINIMUM = '20.17';
const RUST_MINIMUM = '1.88';
const CMAKE_MINIMUM = '3.10';

const WINDOWS = process.platform === 'win32';
const MAC = process.platform === 'darwin';

// Where the crate clang-sys looks for libclang when no environment variable and no llvm-config says it.
const LIBCLANG_DIRECTORIES = WINDOWS
  ? [
      'C:/Program Files*/LLVM/bin',
      'C:/LLVM/bin',
      'C:/Users/*/scoop/apps/llvm/current/bin',
      'C:/Program Files*/Microsoft Visual Studio/*/*/VC/Tools/Llvm/bin',
      'C:/Program Files*/Microsoft Visual Studio/*/*/VC/Tools/Llvm/*/bin',
    ]
  : MAC
    ? [
        '/usr/local/opt/llvm*/lib/llvm*/lib',
        '/Library/Developer/CommandLineTools/usr/lib',
        '/Applications/Xcode.app/Contents/Developer/Toolchains/XcodeDefault.xctoolchain/usr/lib',
        '/usr/local/opt/llvm*/lib',
      ]
    : [
        '/usr/local/llvm*/lib*',
        '/usr/lib/llvm*/lib*',
        '/usr/local/lib*',
        '/usr/lib*',
        '/usr/local/lib*/*',
        '/usr/lib*/*',
        '/usr/local/lib*/*/*',
        '/usr/lib*/*/*',
      ];

// What each tool is called where. A list of packages, or `line`: a command of its own.
const MANAGERS = {
  apt: {
    there: () => onPath('apt-get'),
    install: (packages) => `${sudo()}apt-get update && ${sudo()}apt-get install -y ${packages}`,
    packages: { compiler: 'gcc libc6-dev', make: 'make', cmake: 'cmake', libclang: 'libclang-dev', openssl: 'openssl' },
    peers: { 'gnutls-cli': 'gnutls-bin' },
  },
  dnf: {
    there: () => onPath('dnf'),
    install: (packages) => `${sudo()}dnf install -y ${packages}`,
    packages: { compiler: 'gcc', make: 'make', cmake: 'cmake', libclang: 'clang-devel', openssl: 'openssl' },
    peers: { 'gnutls-cli': 'gnutls-utils', 'coap-client-openssl': 'libcoap-utils' },
  },
  apk: {
    there: () => onPath('apk'),
    install: (packages) => `${sudo()}apk add ${packages}`,
    // Alpine's own Rust: rustup's links statically there and cannot load libclang.
    packages: {
      rust: 'rust cargo',
      compiler: 'gcc musl-dev',
      make: 'make',
      cmake: 'cmake',
      libclang: 'clang-dev',
      openssl: 'openssl',
    },
    peers: { 'gnutls-cli': 'gnutls-utils', 'coap-client-openssl': 'libcoap' },
  },
  brew: {
    there: () => MAC,
    install: (packages) => `brew install ${packages}`,
    packages: { cmake: 'cmake', openssl: 'openssl' },
    lines: { compiler: 'xcode-select --install', make: 'xcode-select --install', libclang: 'xcode-select --install' },
    peers: { 'gnutls-cli': 'gnutls', 'coap-client-openssl': 'libcoap' },
  },
  winget: {
    there: () => WINDOWS,
    install: (packages) => `winget install ${packages}`,
    packages: {
      rust: 'Rustlang.Rustup',
      cmake: 'Kitware.CMake',
      libclang: 'LLVM.LLVM',
      openssl: 'ShiningLight.OpenSSL.Light',
    },
    lines: {
      compiler:
        'winget install Microsoft.VisualStudio.2022.BuildTools --override "--wait --passive --add Microsoft.VisualStudio.Workload.VCTools --includeRecommended"',
    },
    peers: {},
  },
};

const options = process.argv.slice(2);
const unknown = options.find((option) => !['--check', '--build', '--interop'].includes(option));
if (unknown !== undefined) {
  console.error(`setup: unknown option ${unknown}; there are --check, --build and --interop`);
  process.exit(2);
}
await main({
  checkOnly: options.includes('--check'),
  buildOnly: options.includes('--build'),
  interop: options.includes('--interop'),
});

async function main({ checkOnly, buildOnly, interop }) {
  const manager = Object.values(MANAGERS).find((candidate) => candidate.there());
  const probe = async () => (await probeAll()).filter((tool) => !(buildOnly && tool.optional));
  let tools = await probe();
  const packages = tools
    .filter((tool) => tool.lacks && !tool.line)
    .flatMap((tool) => manager?.packages[tool.name]?.split(' ') ?? []);
  if (packages.length > 0 && !checkOnly && mayInstall(manager)) {
    installWithApt(packages);
    tools = await probe();
  }

  const lacking = tools.filter((tool) => tool.lacks);
  const complete = lacking.every((tool) => tool.optional);
  if (checkOnly || !complete) {
    for (const tool of tools)
      console.log(`${tool.name.padEnd(9)} ${tool.lacks ? `lacking: ${tool.lacks}` : tool.found}`);
  }
  if (!complete) {
    console.error(`\nThe build lacks something. Run this, then start again:\n\n  ${lineFor(lacking, manager)}\n`);
    process.exit(1);
  }

  if (interop) await offerPeers(manager, checkOnly);
  if (checkOnly || buildOnly) return;
  installModules();
  for (const { name, lacks } of lacking) console.log(`Set-up: ${lacks} (${lineFor([{ name }], manager)}).`);
  console.log(`Set-up: the build has all that it needs (${tools.flatMap((tool) => tool.found ?? []).join(', ')}).`);
}

// ---- The tools that a build needs

function probeAll() {
  return Promise.all([
    probeNode(),
    probeRust(),
    probeCompiler(),
    probeMake(),
    probeCmake(),
    probeLibclang(),
    probeOpenssl(),
  ]);
}

function probeNode() {
  const version = process.versions.node;
  if (isAtLeast(version, NODE_MINIMUM)) return { name: 'node', found: `Node ${version}` };
  return { name: 'node', lacks: `Node ${version} is too old: the build needs ${NODE_MINIMUM} or newer` };
}

async function probeRust() {
  const name = 'rust';
  const [rustc, cargo] = await Promise.all([run('rustc', ['--version']), run('cargo', ['--version'])]);
  const version = versionIn(rustc);
  if (version && cargo) {
    if (isAtLeast(version, RUST_MINIMUM)) return { name, found: `Rust ${version}` };
    return { name, lacks: `Rust ${version} is too old: the build needs ${RUST_MINIMUM} or newer` };
  }
  if (onPath('rustup')) return { name, lacks: 'rustup is there, but no toolchain of it works' };
  if (existsSync(path.join(homedir(), '.cargo', 'bin', executable('cargo')))) {
    const line = WINDOWS ? '(open a new terminal)' : '. "$HOME/.cargo/env"';
    return { name, lacks: 'Rust is installed, but its directory .cargo/bin is not on the PATH', line };
  }
  return { name, lacks: `rustc and cargo were not found (${RUST_MINIMUM} or newer)` };
}

async function probeCompiler() {
  const name = 'compiler';
  if (WINDOWS) {
    const programs = process.env['ProgramFiles(x86)'] ?? '';
    const vswhere = path.join(programs, 'Microsoft Visual Studio', 'Installer', 'vswhere.exe');
    const query = ['-latest', '-products', '*', '-requires', 'Microsoft.VisualStudio.Component.VC.*', '-requiresAny'];
    const there = (await run(vswhere, [...query, '-property', 'installationPath']))?.trim() || onPath('cl');
    return there ? { name, found: 'Visual C++' } : { name, lacks: 'the Visual C++ build tools were not found' };
  }
  const [command, ...args] = (process.env.CC ?? 'cc').split(' ');
  if (!onPath(command)) return { name, lacks: `the C compiler ${command} was not found` };
  const headers = '#include <stdint.h>\n#include <stdlib.h>\n#include <string.h>\n';
  const output = await run(command, [...args, '-E', '-x', 'c', '-'], headers);
  return output
    ? { name, found: command }
    : { name, lacks: `${command} does not find the header files of the C library` };
}

function probeMake() {
  if (WINDOWS) return { name: 'make', found: 'no make needed' };
  const name = process.env.CMAKE_GENERATOR?.startsWith('Ninja') ? 'ninja' : 'make';
  return onPath(name) ? { name, found: name } : { name, lacks: `${name} was not found; cmake builds with it` };
}

async function probeCmake() {
  const name = 'cmake';
  const version = versionIn(await run(process.env.CMAKE ?? 'cmake', ['--version']));
  if (!version) return { name, lacks: 'cmake was not found' };
  if (isAtLeast(version, CMAKE_MINIMUM)) return { name, found: `cmake ${version}` };
  return { name, lacks: `cmake ${version} is too old: the build needs ${CMAKE_MINIMUM} or newer` };
}

async function probeLibclang() {
  const name = 'libclang';
  const library = await findLibclang();
  if (!library) {
    const where = process.env.LIBCLANG_PATH;
    if (!where) return { name, lacks: 'libclang was not found' };
    const line = WINDOWS ? 'Remove-Item Env:LIBCLANG_PATH' : 'unset LIBCLANG_PATH';
    return { name, lacks: `LIBCLANG_PATH is ${where}, but no libclang is there`, line };
  }
  if (!WINDOWS && !MAC && !hasClangHeaders(library) && !onPath('clang')) {
    return { name, lacks: `${library} is there, but not the header files that belong to it` };
  }
  return { name, found: path.basename(library) };
}

async function probeOpenssl() {
  const name = 'openssl';
  const output = await run('openssl', ['version']);
  if (output) return { name, optional: true, found: output.split(' ').slice(0, 2).join(' ') };
  return { name, optional: true, lacks: 'openssl was not found: tests and demos with certificates will be skipped' };
}

// ---- libclang, as the crate clang-sys looks for it, and nowhere else

async function findLibclang() {
  if (process.env.LIBCLANG_PATH) {
    const where = process.env.LIBCLANG_PATH;
    return isLibclang(path.basename(where)) && existsSync(where) ? where : libclangIn(where);
  }
  for (const directories of [await toolDirectories(), listedDirectories(), systemDirectories()]) {
    for (const directory of directories) {
      const library = libclangIn(directory);
      if (library) return library;
    }
  }
}

async function toolDirectories() {
  const prefix = (await run(process.env.LLVM_CONFIG_PATH ?? 'llvm-config', ['--prefix']))?.trim();
  const directories = prefix ? ['bin', 'lib', 'lib64'].map((name) => path.join(prefix, name)) : [];
  const xcode = MAC && (await run('xcode-select', ['--print-path']))?.trim();
  if (xcode) directories.push(path.join(xcode, 'Toolchains/XcodeDefault.xctoolchain/usr/lib'));
  return directories;
}

function listedDirectories() {
  return [process.env.LD_LIBRARY_PATH, process.env.LIBRARY_PATH]
    .flatMap((list) => (list ?? '').split(path.delimiter))
    .filter((directory) => directory !== '');
}

function* systemDirectories() {
  for (const pattern of LIBCLANG_DIRECTORIES) yield* expand(pattern);
}

function libclangIn(directory) {
  const name = namesIn(directory).find(isLibclang);
  return name && path.join(directory, name);
}

function isLibclang(name) {
  if (WINDOWS) return name === 'libclang.dll';
  if (MAC) return name === 'libclang.dylib';
  return /^libclang(-[\d.]+)?\.so(\.|$)/.test(name);
}

/** bindgen reads stddef.h and its like from clang's own directory, which Debian packs apart from the library. */
function hasClangHeaders(library) {
  const directories = [path.dirname(library), path.dirname(realpathSync(library))];
  const patterns = directories.flatMap((directory) => [`${directory}/clang/*`, `${directory}/../lib/clang/*`]);
  return [...patterns, '/usr/lib/clang/*', '/usr/lib*/llvm*/lib*/clang/*'].some((pattern) =>
    [...expand(pattern)].some((directory) => existsSync(path.join(directory, 'include', 'stddef.h'))),
  );
}

// ---- Installing and advising

function mayInstall(manager) {
  return manager === MANAGERS.apt && (isRoot() || spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0);
}

function installWithApt(packages) {
  console.log(`Set-up: installing ${packages.join(', ')} with apt-get.`);
  const apt = (...args) => {
    const aptGet = ['DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-o', 'DPkg::Lock::Timeout=120', ...args];
    const [command, ...rest] = isRoot() ? ['env', ...aptGet] : ['sudo', '-n', 'env', ...aptGet];
    return spawnSync(command, rest, { stdio: 'inherit' }).status === 0;
  };
  if (!apt('update')) console.log('Set-up: apt-get update failed; going on with the package lists that are there.');
  if (!apt('install', '-y', '--no-install-recommends', ...packages)) {
    console.log(`Set-up: apt-get could not install ${packages.join(', ')}; its own messages stand above.`);
  }
}

/** The one line that the user has to run. */
function lineFor(lacking, manager) {
  const packages = [];
  const strangers = [];
  const lines = [];
  for (const { name, line } of lacking) {
    if (line) lines.push(line);
    else if (name === 'node') lines.push(`(install Node ${NODE_MINIMUM} or newer)`);
    else if (name === 'rust' && onPath('rustup'))
      lines.push('rustup toolchain install stable && rustup default stable');
    else if (manager?.packages[name]) packages.push(manager.packages[name]);
    else if (manager?.lines?.[name]) lines.push(manager.lines[name]);
    else if (name === 'rust') lines.push("curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh");
    else strangers.push(name);
  }
  if (strangers.length > 0) lines.unshift(`(install ${strangers.join(', ')} with this system's package manager)`);
  if (packages.length > 0) lines.unshift(manager.install(packages.join(' ')));
  return [...new Set(lines)].join(WINDOWS ? '; ' : ' && ');
}

async function offerPeers(manager, checkOnly) {
  // The published package has no tests, nor what installs their peers.
  const { PACKAGES, installPeers } = await import('./interop-peers.mjs');
  const debian = Object.entries(PACKAGES).map(([name, program]) => [program, name]);
  const offered = [...Object.entries(manager?.peers ?? {}), ...(manager === MANAGERS.apt ? debian : [])];
  const peers = offered.filter(([program, name]) => (program ? !onPath(program) : !hasDebianPackage(name)));
  if (peers.length > 0 && (checkOnly || !mayInstall(manager))) {
    console.log(`Optional, for the interop tests: ${manager.install(peers.map(([, name]) => name).join(' '))}`);
  } else {
    // One by one: a distribution that lacks one of them may have the others.
    for (const [, name] of peers) installWithApt(name.split(' '));
  }
  if (!checkOnly) installPeers();
}

function hasDebianPackage(name) {
  return spawnSync('dpkg-query', ['-W', name], { stdio: 'ignore' }).status === 0;
}

/** npm ci, unless node_modules is younger than the lockfile. */
function installModules() {
  const installed = path.join(ROOT, 'node_modules', '.package-lock.json');
  const lockfile = path.join(ROOT, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockfile).mtimeMs) return;
  console.log('Set-up: installing the development tools with npm ci.');
  const npmScript = process.env.npm_execpath ?? '';
  const npm = path.basename(npmScript).startsWith('npm') ? [process.execPath, npmScript] : ['npm'];
  const command = [...npm, 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status } = spawnSync(command[0], command.slice(1), {
    cwd: ROOT,
    stdio: 'inherit',
    shell: WINDOWS && npm.length === 1,
  });
  if (status !== 0) {
    console.error('Set-up: npm ci failed; its own messages stand above.');
    process.exit(1);
  }
}

// ---- Small helpers

/** What the command prints, or null when it is not there, fails, or takes more than 20 s. */
function run(command, args, input = '') {
  return new Promise((resolve) => {
    const child = execFile(command, args, { timeout: 20_000 }, (error, stdout) => resolve(error ? null : stdout));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

function onPath(command) {
  if (path.isAbsolute(command)) return existsSync(command);
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .some((directory) => existsSync(path.join(directory, executable(command))));
}

function executable(command) {
  return WINDOWS ? `${command}.exe` : command;
}

function versionIn(output) {
  return output?.match(/\d+\.\d+(\.\d+)?/)?.[0];
}

function isAtLeast(version, minimum) {
  const [have, want] = [version, minimum].map((text) => text.split('.').map(Number));
  return have[0] !== want[0] ? have[0] > want[0] : have[1] >= want[1];
}

function namesIn(directory) {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** The directories that a pattern names; a star stands for any part of one name. */
function* expand(pattern) {
  const parts = pattern.split('/');
  const star = parts.findIndex((part) => part.includes('*'));
  if (star === -1) {
    yield pattern;
    return;
  }
  const [before, after] = parts[star].split('*');
  const parent = parts.slice(0, star).join('/') || '/';
  for (const name of namesIn(parent)) {
    if (name.length >= before.length + after.length && name.startsWith(before) && name.endsWith(after)) {
      yield* expand([...parts.slice(0, star), name, ...parts.slice(star + 1)].join('/'));
    }
  }
}

function isRoot() {
  return process.getuid?.() === 0;
}

function sudo() {
  return isRoot() ? '' : 'sudo ';
}
