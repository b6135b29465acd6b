'use strict';

// The command line tool, run as somebody would run it, and keys for it.

const { spawn, spawnSync } = require('node:child_process');
const dgram = require('node:dgram');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const process = require('node:process');

const { HOST, event } = require('./endpoints');

const MAIN = path.join(__dirname, '..', '..', 'lib', 'cli', 'main.js');

/** How long a command may take, ms. */
const PATIENCE = 30_000;

/** The environment without keys of whoever runs the tests. */
function environment(env) {
  const { MBED_DTLS_PSK, MBED_DTLS_KEY, MBED_DTLS_PASSPHRASE, ...rest } = process.env;
  return { ...rest, ...env };
}

/** A command that goes on while the test does something else. It is ended with the test. */
class Command {
  constructor(t, args, { cwd, env, stdin = 'pipe' } = {}) {
    this.stdout = '';
    this.stderr = '';
    this.child = spawn(process.execPath, [MAIN, ...args], {
      cwd,
      env: environment(env),
      stdio: [stdin, 'pipe', 'pipe'],
    });
    this.child.stdin?.on('error', () => {});
    for (const name of ['stdout', 'stderr']) {
      this.child[name].setEncoding('utf8').on('data', (text) => {
        this[name] += text;
        this.child.emit('printed');
      });
    }
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
        this.child.emit('printed');
      });
    });
    t.after(() => this.child.kill('SIGKILL'));
  }

  /** Waits until it has printed something that matches, and returns the match. */
  async printed(pattern) {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const match = pattern.exec(`${this.stdout}${this.stderr}`);
      if (match !== null) return match;
      const { exitCode, signalCode } = this.child;
      const hasEnded =
        (exitCode !== null || signalCode !== null) && this.child.stderr.closed && this.child.stdout.closed;
      if (hasEnded || Date.now() > deadline) {
        throw new Error(`${pattern} was not printed (exit code ${exitCode}):\n${this.stdout}${this.stderr}`);
      }
      let timer;
      const late = new Promise((resolve) => {
        timer = setTimeout(resolve, 1000);
      });
      await Promise.race([event(this.child, 'printed'), late]);
      clearTimeout(timer);
    }
  }

  /** Waits for its end. A command that does not end fails the test. */
  async end() {
    let timer;
    const overdue = new Promise((_, reject) => {
      const message = `the command did not end:\n${this.stdout}${this.stderr}`;
      timer = setTimeout(() => reject(new Error(message)), PATIENCE);
    });
    try {
      return await Promise.race([this.ended, overdue]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Runs a command to its end, with this input. */
async function run(t, args, { input = '', ...options } = {}) {
  const command = new Command(t, args, options);
  command.child.stdin.end(input);
  return command.end();
}

/** Starts `mbed-dtls server` on a port of the system's choice, which is then in `port`. */
async function startServer(t, args, options) {
  const server = new Command(t, ['server', '127.0.0.1:0', ...args], options);
  [, server.port] = await server
    .printed(/listening on 127\.0\.0\.1:(\d+)|"port":(\d+)/)
    .then((match) => [null, match[1] ?? match[2]]);
  server.address = `127.0.0.1:${server.port}`;
  return server;
}

/** A UDP socket that answers every datagram with what `answer` makes of it. */
async function startStranger(t, answer) {
  const socket = dgram.createSocket('udp4');
  socket.on('message', (message, { address, port }) => {
    for (const datagram of [answer(message)].flat()) socket.send(datagram, port, address, () => {});
  });
  socket.bind(0, HOST);
  t.after(() => socket.close());
  await event(socket, 'listening');
  return `${HOST}:${socket.address().port}`;
}

/** An empty directory that is gone after the test. */
function temporaryDirectory(t) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mbed-dtls-cli-'));
  t.after(() => fs.rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A directory with what `keygen` makes of these kinds. */
function makeKeys(t, ...kinds) {
  const directory = temporaryDirectory(t);
  for (const kind of kinds) {
    const { status, stderr } = spawnSync(process.execPath, [MAIN, 'keygen', kind], {
      cwd: directory,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(stderr);
  }
  return directory;
}

module.exports = { Command, MAIN, makeKeys, run, startServer, startStranger, temporaryDirectory };
