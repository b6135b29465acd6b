// Installs the implementations that the interop tests talk to: into target/interop, which is the project's own, and with
// apt-get where that is the system's. Versions are pinned where the project chooses them.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** Debian's suite whose NSS has DTLS 1.3 and ML-KEM, and the packages of it that its programs need, whatever the system has. */
const NSS_SUITE = 'sid';
const NSS_PACKAGES = ['libnss3-tools', 'libnss3', 'libnspr4', 'libsqlite3-0', 'zlib1g', 'libc6'];

/** Debian's suite whose Mbed TLS is of version 3.6, and the crate that has the sources of a wolfSSL with connection IDs and DTLS 1.3. */
const MBEDTLS_3_SUITE = 'trixie';
const WOLFSSL_CRATE = { name: 'wolfssl-sys', version: '5.3.0' };
const WOLFSSL_OPTIONS = [
  'DTLS',
  'DTLS13',
  'DTLS_CH_FRAG',
  'DTLS_CID',
  'PSK',
  'AESCCM',
  'CURVE25519',
  'MLKEM',
  'SESSION_TICKET',
].map((option) => `-DWOLFSSL_${option}=yes`);

/** The crate that has the sources of BoringSSL, and of its test runner but for the test keys. */
const BORINGSSL_CRATE = { name: 'boring-sys', version: '5.2.0' };
const BOGO_SOURCES = ['go.mod', 'go.sum', 'ssl/test/runner', 'util/testresult'];
const BOGO_KEYS = {
  rsa_1024_key: ['RSA', 'rsa_keygen_bits:1024'],
  rsa_2048_key: ['RSA', 'rsa_keygen_bits:2048'],
  ecdsa_p256_key: ['EC', 'ec_paramgen_curve:P-256'],
  ecdsa_p384_key: ['EC', 'ec_paramgen_curve:P-384'],
  ecdsa_p521_key: ['EC', 'ec_paramgen_curve:P-521'],
  channel_id_key: ['EC', 'ec_paramgen_curve:P-256'],
  ed25519_key: ['ED25519'],
};
/** The runner takes an ACK only when BoringSSL would send one, which waits with it; RFC 9147 section 7.1 has no such rule. */
const BOGO_PATCH = {
  file: 'ssl/test/runner/conn.go',
  before: `	case recordTypeACK:
		if typ != want || !c.isDTLS {
			c.in.setErrorLocked(c.sendAlert(alertUnexpectedMessage))
			break
		}
`,
  after: `	case recordTypeACK:
		if !c.isDTLS {
			c.in.setErrorLocked(c.sendAlert(alertUnexpectedMessage))
			break
		}
		if typ != want {
			goto Again
		}
`,
};

const JARS = ['bcprov', 'bcutil', 'bcpkix', 'bctls'].map((name) => `/usr/share/java/${name}.jar`);

/** Everything that is not a package of the system's; says a line about each. */
export function installPeers() {
  mkdirSync(path.join(HERE, 'bin'), { recursive: true });
  const steps = [
    ['Mbed TLS', buildMbedtls],
    ['Mbed TLS 3.6', buildMbedtls3],
    ['wolfSSL', () => run('cc', ['-O1', '-o', at('bin', 'wolfssl'), driver('wolfssl.c'), '-lwolfssl'])],
    ['wolfSSL 5.9', buildWolfssl],
    ['NSS', unpackNss],
    ["BoringSSL's test runner", buildBogo],
    ['BoringSSL', buildBoringssl],
    ['dimpl', buildDimpl],
    ['pion', () => buildPion('v2')],
    ['pion v3', () => buildPion('v3')],
    ['pion v4', () => buildPion('v4')],
    ['BouncyCastle', buildJava],
    ['Californium', () => buildWithMaven('Californium')],
    ['cf-nat', () => fetchWithMaven('cf-nat')],
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
  const { directory: crate, failure } = crateDirectory(ROOT, 'mbedtls-sys-auto');
  if (failure) return failure;
  return buildMbedtlsPrograms('mbedtls', path.join(crate, 'vendor'));
}

/** Those of a later version, which has connection IDs. */
function buildMbedtls3() {
  if (existsSync(at('mbedtls3', 'version')) && hasProxy('mbedtls3')) return null;
  const sources = at('mbedtls3-debian');
  const failure = existsSync(sources) ? null : debianSources('mbedtls', MBEDTLS_3_SUITE, sources);
  return failure ?? buildMbedtlsPrograms('mbedtls3', sources);
}

function buildMbedtlsPrograms(name, vendor) {
  const headers = ['build_info.h', 'version.h'].map((header) => path.join(vendor, 'include', 'mbedtls', header));
  const header = readFileSync(headers.find(existsSync), 'utf8');
  const version = header.match(/MBEDTLS_VERSION_STRING\s+"(.*)"/)[1];
  const directory = at(name);
  const recorded = path.join(directory, 'version');
  if (existsSync(recorded) && readFileSync(recorded, 'utf8') === version && hasProxy(name)) return null;
  // A copy: the build writes into its sources.
  const sources = at(`${name}-sources`);
  cpSync(vendor, sources, { recursive: true });
  const options = ['-DCMAKE_BUILD_TYPE=Release', '-DENABLE_TESTING=OFF', '-DGEN_FILES=OFF'];
  const failure =
    run('cmake', ['-S', sources, '-B', directory, ...options]) ??
    run('cmake', ['--build', directory, '--target', 'ssl_client2', 'ssl_server2', 'udp_proxy']);
  if (failure === null) writeFileSync(recorded, version);
  return failure;
}

/** Whether a build has the proxy of Mbed TLS's own scenarios, which an earlier one may lack. */
function hasProxy(name) {
  return existsSync(at(name, 'programs', 'test', 'udp_proxy'));
}

/** A library beside the system's, which has no connection IDs. */
function buildWolfssl() {
  // A build without DTLS 1.3 may be there under its old name.
  const directory = at('wolfssl13');
  const program = at('bin', 'wolfssl59');
  if (!existsSync(path.join(directory, 'libwolfssl.a'))) {
    const { directory: crate, failure } = fetchCrate(WOLFSSL_CRATE);
    if (failure) return failure;
    const sources = at('wolfssl-sources');
    cpSync(path.join(crate, 'wolfssl-src'), sources, { recursive: true });
    const flags = '-DCMAKE_C_FLAGS=-DWOLFSSL_STATIC_PSK -DHAVE_RPK';
    const options = ['-DCMAKE_BUILD_TYPE=Release', '-DBUILD_SHARED_LIBS=no', flags];
    const without = ['-DWOLFSSL_EXAMPLES=no', '-DWOLFSSL_CRYPT_TESTS=no'];
    const built =
      run('cmake', ['-S', sources, '-B', directory, ...options, ...WOLFSSL_OPTIONS, ...without]) ??
      run('cmake', ['--build', directory, '--target', 'wolfssl']);
    if (built !== null) return built;
  }
  const headers = ['-DHAVE_RPK', `-I${directory}`, `-I${at('wolfssl-sources')}`];
  const args = ['-O1', '-o', program, ...headers, driver('wolfssl.c'), path.join(directory, 'libwolfssl.a'), '-lm'];
  return run('cc', [...args, '-pthread']);
}

/** BoringSSL's test runner, which `npm run bogo` runs. */
function buildBogo() {
  const program = at('bin', 'bogo');
  if (existsSync(program)) return null;
  const { directory: crate, failure } = fetchCrate(BORINGSSL_CRATE);
  if (failure) return failure;
  const sources = at('boringssl');
  rmSync(sources, { recursive: true, force: true });
  for (const part of BOGO_SOURCES) {
    cpSync(path.join(crate, 'deps', 'boringssl', part), path.join(sources, part), { recursive: true });
  }
  for (const [name, [algorithm, ...options]] of Object.entries(BOGO_KEYS)) {
    const file = path.join(sources, 'ssl', 'test', 'runner', `${name}.pem`);
    const parameters = options.flatMap((option) => ['-pkeyopt', option]);
    const made = run('openssl', ['genpkey', '-quiet', '-algorithm', algorithm, ...parameters, '-out', file]);
    if (made !== null) return made;
  }
  const patched = path.join(sources, BOGO_PATCH.file);
  const text = readFileSync(patched, 'utf8');
  if (!text.includes(BOGO_PATCH.before)) return `${BOGO_PATCH.file} is not as it was`;
  writeFileSync(patched, text.replace(BOGO_PATCH.before, BOGO_PATCH.after));
  return run('go', ['test', '-C', sources, '-c', '-o', program, './ssl/test/runner']);
}

/** The library as it came, and a program. */
function buildBoringssl() {
  const { directory: crate, failure } = fetchCrate(BORINGSSL_CRATE);
  if (failure) return failure;
  const [sources, directory] = [path.join(crate, 'deps', 'boringssl'), at('boringssl-libraries')];
  const libraries = ['ssl', 'crypto'].map((name) => path.join(directory, `lib${name}.a`));
  if (!libraries.every(existsSync)) {
    // Its own flags take many times as long, and nothing here is measured.
    const options = ['-DCMAKE_BUILD_TYPE=Release', '-DCMAKE_CXX_FLAGS_RELEASE=-O1 -g0 -w', '-DBUILD_TESTING=OFF'];
    const built =
      run('cmake', ['-S', sources, '-B', directory, ...options]) ??
      run('cmake', ['--build', directory, '--target', 'ssl', '--parallel', '2']);
    if (built !== null) return built;
  }
  const version = `-DVERSION="${BORINGSSL_CRATE.name} ${BORINGSSL_CRATE.version}"`;
  const args = ['-O1', '-o', at('bin', 'boringssl'), version, `-I${path.join(sources, 'include')}`];
  return run('cc', [...args, driver('boringssl.c'), ...libraries, '-lstdc++', '-pthread']);
}

/** Of the version that its lockfile names. */
function buildDimpl() {
  const places = ['--root', HERE, '--target-dir', at('dimpl')];
  return run('cargo', ['install', '--locked', '--no-track', '--force', '--path', driver('dimpl'), ...places]);
}

/** Of the versions that the module file names. */
function buildPion(version) {
  const name = version === 'v2' ? 'pion' : `pion${version.slice(1)}`;
  return run('go', ['build', '-C', driver('pion'), '-o', at('bin', name), `./${version}`]);
}

/** Where the sources of a crate are that a project depends on, fetched where they are missing: { directory } or { failure }. */
function crateDirectory(project, name) {
  const args = ['metadata', '--format-version=1', '--locked'];
  const metadata = spawnSync('cargo', args, { cwd: project, encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (metadata.status !== 0) return { failure: lastLine(metadata.stderr ?? 'cargo was not found') };
  const crate = JSON.parse(metadata.stdout).packages.find((each) => each.name === name);
  return { directory: path.dirname(crate.manifest_path) };
}

/** The sources of a crate that the project does not depend on. */
function fetchCrate({ name, version }) {
  const project = at(`crate-${name}`);
  mkdirSync(path.join(project, 'src'), { recursive: true });
  const manifest = `[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n\n[workspace]\n\n[dependencies]\n${name} = "=${version}"\n`;
  writeFileSync(path.join(project, 'Cargo.toml'), manifest);
  writeFileSync(path.join(project, 'src', 'lib.rs'), '');
  const failure = run('cargo', ['fetch', '--manifest-path', path.join(project, 'Cargo.toml')]);
  return failure ? { failure } : crateDirectory(project, name);
}

/** NSS's programs, in a folder with the C library and all else that they need. */
function unpackNss() {
  if (existsSync(at('nss', 'version'))) return null;
  const { place, failure } = fromDebian(NSS_SUITE, 'deb', ['download', ...NSS_PACKAGES]);
  if (failure) return failure;
  const archives = readdirSync(place).filter((file) => file.endsWith('.deb'));
  mkdirSync(at('nss'), { recursive: true });
  for (const archive of archives) {
    const unpacked = run('dpkg-deb', ['-x', path.join(place, archive), at('nss')]);
    if (unpacked !== null) return unpacked;
  }
  const [, version] = archives.join('\n').match(/^libnss3_(?:\d+%3a)?([\d.]+)/m);
  writeFileSync(at('nss', 'version'), version);
  return null;
}

/**
 * The sources of a package in another suite of Debian's.
 *
 * @returns {string | null} what went wrong
 */
function debianSources(name, suite, destination) {
  const { place, failure } = fromDebian(suite, 'deb-src', ['source', '--download-only', name]);
  if (failure) return failure;
  const archive = readdirSync(place).find((file) => file.startsWith(`${name}_`) && file.includes('.orig.tar.'));
  rmSync(destination, { recursive: true, force: true });
  mkdirSync(destination, { recursive: true });
  return run('tar', ['-xf', path.join(place, archive), '-C', destination, '--strip-components=1']);
}

/**
 * Has apt-get download from another suite of Debian's, by the mirror that the system uses. The system's own lists stay as they are.
 *
 * @returns {{ place: string } | { failure: string }} where everything is
 */
function fromDebian(suite, kind, command) {
  const targets = ['indextargets', '--format', '$(ORIGIN) $(REPO_URI)', 'Created-By: Packages'];
  const listed = spawnSync('apt-get', targets, { encoding: 'utf8' });
  const mirror = listed.stdout?.match(/^Debian (\S+)$/m)?.[1];
  if (mirror === undefined) return { failure: 'this system has no mirror of Debian' };
  const own = at(`apt-${suite}`);
  for (const part of ['lists/partial', 'cache/archives/partial', 'files']) {
    mkdirSync(path.join(own, part), { recursive: true });
  }
  const [list, place] = [path.join(own, 'sources.list'), path.join(own, 'files')];
  writeFileSync(list, `${kind} [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} ${suite} main\n`);
  const settings = [
    `Dir::Etc::sourcelist=${list}`,
    'Dir::Etc::sourceparts=-',
    `Dir::State::lists=${path.join(own, 'lists')}`,
    `Dir::Cache=${path.join(own, 'cache')}`,
  ].flatMap((setting) => ['-o', setting]);
  const failure =
    run('apt-get', [...settings, '-q', 'update']) ?? run('apt-get', [...settings, '-q', ...command], { cwd: place });
  return failure ? { failure } : { place };
}

function buildJava() {
  const lacking = JARS.find((jar) => !existsSync(jar));
  if (lacking) return `${lacking} is not there`;
  return run('javac', ['-nowarn', '-d', at('java'), '-cp', JARS.join(':'), driver('Peer.java')]);
}

/** With its libraries, of the versions that its project file names, from Maven Central. */
/** The libraries that a driver is compiled and run with, or a program that comes as one. */
function fetchWithMaven(directory) {
  const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
  const pom = driver(`${directory}.pom.xml`);
  return run('mvn', ['-q', '-B', '-f', pom, goal, `-DoutputDirectory=${at(directory, 'lib')}`]);
}

function buildWithMaven(name) {
  const directory = name.toLowerCase();
  const failure = fetchWithMaven(directory);
  const classpath = at(directory, 'lib', '*');
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
function run(command, args, options = {}) {
  const { status, error, stderr, stdout } = spawnSync(command, args, {
    ...options,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
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
