'use strict';

// An empty project in a directory of its own, and a PATH that holds node and npm only.

const { execFile } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const process = require('node:process');
const { promisify } = require('node:util');

const run = promisify(execFile);
const ROOT = path.join(__dirname, '..', '..');
const NPM = findNpm();

// The main job: a secure echo. `load` makes `dtls` of the module.
const ECHO = `
const psk = Buffer.from('8f3c0d94e1a24b7c9d5e6f708192a3b4', 'hex');
const server = dtls.createServer({ psk: { bob: psk } }, (socket) => socket.on('data', (data) => socket.write(data)));
server.listen(0, '127.0.0.1', () => {
  const client = dtls.connect({ port: server.address().port, host: '127.0.0.1', psk, pskIdentity: 'bob' });
  client.write('echo');
  client.on('data', (data) => {
    console.log(data.toString(), client.getCipher().name);
    client.end();
    server.close();
  });
});
`;
const ECHO_FILES = {
  'echo.cjs': `const dtls = require('mbed-dtls');\n${ECHO}`,
  'echo.mjs': `import * as dtls from 'mbed-dtls';\n${ECHO}`,
};

/** An empty project; the directory goes with the test. */
function emptyProject(t) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-project-'));
  t.after(() => fs.rmSync(directory, { recursive: true, force: true }));
  fs.writeFileSync(path.join(directory, 'package.json'), '{ "name": "project", "version": "1.0.0" }\n');
  const bin = path.join(directory, 'bin');
  fs.mkdirSync(bin);
  fs.symlinkSync(process.execPath, path.join(bin, 'node'));
  fs.symlinkSync(NPM, path.join(bin, 'npm'));
  const env = { PATH: bin, HOME: directory, npm_config_cache: path.join(directory, 'npm-cache') };
  return {
    directory,
    write: (name, text) => fs.writeFileSync(path.join(directory, name), text),
    node: (...args) => run(path.join(bin, 'node'), args, { cwd: directory, env, timeout: 60_000 }),
    npm: (...args) => run(path.join(bin, 'npm'), args, { cwd: directory, env, timeout: 60_000 }),
    /** Another program that is allowed for a while, with the environment's own PATH. */
    run: (command, args, options = {}) => run(command, args, { cwd: directory, ...options }),
  };
}

/** Installs mbed-dtls from a registry and answers how long that took, in milliseconds. */
async function install(project, registry, ...args) {
  const began = Date.now();
  await project.npm('install', 'mbed-dtls', '--registry', registry.url, '--no-audit', '--no-fund', ...args);
  return Date.now() - began;
}

/** Bytes of all files below a directory. */
function sizeOf(directory) {
  return fs
    .readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + fs.statSync(path.join(entry.parentPath ?? entry.path, entry.name)).size, 0);
}

function findNpm() {
  const candidates = (process.env.PATH ?? '').split(path.delimiter).map((directory) => path.join(directory, 'npm'));
  return fs.realpathSync(candidates.find((candidate) => fs.existsSync(candidate)));
}

module.exports = { ECHO_FILES, ROOT, emptyProject, install, sizeOf };
