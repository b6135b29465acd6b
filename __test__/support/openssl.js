'use strict';

// OpenSSL's s_client and s_server as peers: started, talked to through their standard streams, and ended with the test.

const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');

const version = spawnSync('openssl', ['version'], { encoding: 'utf8' });

/** Why tests with OpenSSL cannot run here, or false. */
const missing = version.error ? 'openssl not found' : false;

/** How long a peer may take for anything, ms. */
const PATIENCE = 10_000;

/** An openssl program and all that it has printed. */
class Peer {
  constructor(args) {
    this.output = '';
    this._child = spawn('openssl', args, { stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [this._child.stdout, this._child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.output += text;
        this._child.emit('output');
      });
    }
    this._child.stdin.on('error', () => {});
    this._child.on('exit', () => this._child.emit('output'));
  }

  say(line) {
    this._child.stdin.write(`${line}\n`);
  }

  /** Until the peer has printed this. */
  async printed(text) {
    const overdue = AbortSignal.timeout(PATIENCE);
    while (!this.output.includes(text)) {
      if (this._child.exitCode !== null) throw new Error(`openssl ended without "${text}":\n${this.output}`);
      await once(this._child, 'output', { signal: overdue }).catch(() => {
        throw new Error(`openssl did not print "${text}":\n${this.output}`);
      });
    }
  }

  async exit() {
    if (this._child.exitCode === null) await once(this._child, 'exit', { signal: AbortSignal.timeout(PATIENCE) });
    return this._child.exitCode;
  }

  kill() {
    this._child.kill('SIGKILL');
  }
}

/** Starts `openssl s_client -dtls1_2` against a local port; it is ended with the test. */
function sClient(test, port, args) {
  const peer = new Peer(['s_client', '-dtls1_2', '-connect', `127.0.0.1:${port}`, ...args]);
  test.after(() => peer.kill());
  return peer;
}

/** Starts `openssl s_server -dtls1_2` on a local port. */
function sServer(test, port, args) {
  const peer = new Peer(['s_server', '-dtls1_2', '-accept', `127.0.0.1:${port}`, ...args]);
  test.after(() => peer.kill());
  return peer;
}

module.exports = { missing, version: version.stdout?.trim(), sClient, sServer };
