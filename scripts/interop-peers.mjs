// Installs the implementations that the interop tests talk to: into target/interop, which is the project's own, and with
// apt-get where that is the system's. Versions are pinned where the project chooses them.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const DRIVERS = path.join(ROOT, '__test__', 'interop', 'drivers');
const HERE = path.join(ROOT, 'target', 'interop');

/** Debian's names. The programs that the build itself needs, a C compiler and cmake, are there already. */
export const PACKAGES = {
  'libcoap3-bin': 'coap-client-openssl',
  tshark: 'tshark',
  botan: 'botan',
  'redis-server': 'redis-server',
  'erlang-ssl': 'escript',
  'libwolfssl-dev': undefined,
  'libbctls-java': undefined,
  'libbcpkix-java': undefined,
  'default-jdk-headless': 'javac',
  maven: 'mvn',
  'golang-go': 'go',
  'golang-github-pion-dtls.v2-dev': undefined,
  // DTLSSocket is built from source.
  'autoconf automake python3-dev python3-venv': 'autoreconf',
  // Playwright's own download of a browser is not needed.
  'chromium-headless-shell': 'chromium-headless-shell',
};

const PYTHON = [
  'DTLSSocket==0.2.3',
  'python-mbedtls==2.10.1',
  'pyOpenSSL==26.4.0',
  'cryptography==50.0.2',
  'prometheus-client==0.26.0',
];
const NPM = ['node-dtls-client@2.0.3', 'werift-dtls@0.5.8', 'coap@1.5.0', 'redis@6.3.1', 'node-coap-client@2.1.0'];
const JARS = ['bcprov', 'bcutil', 'bcpkix', 'bctls'].map((name) => `/usr/share/java/${name}.jar`);

/** Everything that is not a package of the system's; says a line about each. */
export function installPeers() {
  mkdirSync(path.join(HERE, 'bin'), { recursive: true });
  const steps = [
    ['Mbed TLS', buildMbedtls],
    ['wolfSSL', () => run('cc', ['-O1', '-o', at('bin', 'wolfssl'), driver('wolfssl.c'), '-lwolfssl'])],
    ['pion', buildPion],
    ['pion v3', () => buildPionModule('v3')],
    ['pion v4', () => buildPionModule('v4')],
    ['BouncyCastle', buildJava],
    ['Californium', () => buildWithMaven('Californium')],
    ['Leshan', () => buildWithMaven('Leshan')],
    ['Python', installPython],
    ['npm', installNpm],
  ];
  for (const [name, install] of steps) {
    const failure = install();
    console.log(`Set-up: ${name}: ${failure === null ? 'ready' : `not to be had here: ${failure}`}`);
  }
}

/** The test programs of the engine's own sources, as they came. */
function buildMbedtls() {
  const metadata = spawnSync('cargo', ['metadata', '--format-version=1', '--offline'], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (metadata.status !== 0) return lastLine(metadata.stderr ?? 'cargo was not found');
  const crate = JSON.parse(metadata.stdout).packages.find(({ name }) => name === 'mbedtls-sys-auto');
  const vendor = path.join(path.dirname(crate.manifest_path), 'vendor');
  const version = readFileSync(path.join(vendor, 'include', 'mbedtls', 'version.h'), 'utf8').match(
    /MBEDTLS_VERSION_STRING\s+"(.*)"/,
  )[1];
  const directory = at('mbedtls');
  const recorded = path.join(directory, 'version');
  if (existsSync(recorded) && readFileSync(recorded, 'utf8') === version) return null;
  // A copy: the build writes into its sources.
  const sources = path.join(HERE, 'mbedtls-sources');
  cpSync(vendor, sources, { recursive: true });
  const options = ['-DCMAKE_BUILD_TYPE=Release', '-DENABLE_TESTING=OFF', '-DGEN_FILES=OFF'];
  const failure =
    run('cmake', ['-S', sources, '-B', directory, ...options]) ??
    run('cmake', ['--build', directory, '--target', 'ssl_client2', 'ssl_server2']);
  if (failure === null) writeFileSync(recorded, version);
  return failure;
}

/** From Debian's own sources of it, without the Go module proxy. */
function buildPion() {
  const packed = spawnSync('dpkg-query', ['-W', 'golang-github-pion-dtls.v2-dev'], { encoding: 'utf8' });
  if (packed.status !== 0) return 'golang-github-pion-dtls.v2-dev is not installed';
  const args = ['build', '-ldflags', `-X main.version=${packed.stdout.match(/\d+\.\d+\.\d+/)[0]}`];
  const env = { ...process.env, GOPATH: '/usr/share/gocode', GO111MODULE: 'off', GOCACHE: at('go-cache') };
  return run('go', [...args, '-o', at('bin', 'pion'), driver('pion.go')], env);
}

/** Of the versions that the module file names. They need a newer Go than Debian's pion does. */
function buildPionModule(version) {
  const name = `pion${version.slice(1)}`;
  return run('go', ['build', '-C', driver('pion'), '-o', at('bin', name), `./${version}`]);
}

function buildJava() {
  const lacking = JARS.find((jar) => !existsSync(jar));
  if (lacking) return `${lacking} is not there`;
  return run('javac', ['-nowarn', '-d', at('java'), '-cp', JARS.join(':'), driver('Peer.java')]);
}

/** With its libraries, of the versions that its project file names, from Maven Central. */
function buildWithMaven(name) {
  const directory = name.toLowerCase();
  const libraries = at(directory, 'lib');
  const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
  const failure = run('mvn', [
    '-q',
    '-B',
    '-f',
    driver(`${directory}.pom.xml`),
    goal,
    `-DoutputDirectory=${libraries}`,
  ]);
  const classpath = path.join(libraries, '*');
  return failure ?? run('javac', ['-nowarn', '-d', at(directory), '-cp', classpath, driver(`${name}.java`)]);
}

function installPython() {
  const failure = existsSync(at('python', 'bin', 'python')) ? null : run('python3', ['-m', 'venv', at('python')]);
  return failure ?? run(at('python', 'bin', 'python'), ['-m', 'pip', 'install', '-q', ...PYTHON]);
}

function installNpm() {
  mkdirSync(at('npm'), { recursive: true });
  if (!existsSync(at('npm', 'package.json'))) writeFileSync(at('npm', 'package.json'), '{ "private": true }\n');
  const options = ['--prefix', at('npm'), '--ignore-scripts', '--no-audit', '--no-fund', '--save-exact'];
  return run('npm', ['install', ...options, '--loglevel=error', ...NPM]);
}

/** What went wrong, in a line, or null. */
function run(command, args, env = process.env) {
  const { status, error, stderr, stdout } = spawnSync(command, args, { env, encoding: 'utf8' });
  if (error) return `${command} could not be started (${error.code})`;
  return status === 0 ? null : lastLine(stderr || stdout);
}

function lastLine(text) {
  return text.trimEnd().split('\n').pop();
}

function at(...names) {
  return path.join(HERE, ...names);
}

function driver(name) {
  return path.join(DRIVERS, name);
}
