'use strict';

// A program that a test talks to through its standard streams.

const { spawn } = require('node:child_process');
const { once } = require('node:events');

/** How long the program may take to print something, ms. */
const PATIENCE = 30_000;

/** A running program and all that it has printed. */
class Program {
  constructor(command, args, env = process.env) {
    this.output = '';
    this._command = command;
    this._ended = undefined;
    this._child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env });
    for (const stream of [this._child.stdout, this._child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.output += text;
        this._child.emit('output');
      });
    }
    this._child.stdin.on('error', () => {});
    this._child.on('close', (code, signal) => {
      this._ended = signal ?? `exit code ${code}`;
      this._child.emit('output');
    });
  }

  say(line) {
    this._child.stdin.write(`${line}\n`);
  }

  /** Waits until it has printed this. */
  async printed(text, patience = PATIENCE) {
    const overdue = AbortSignal.timeout(patience);
    while (!this.output.includes(text)) {
      if (this._ended) throw new Error(`${this._command} ended without "${text}" (${this._ended}):\n${this.output}`);
      await once(this._child, 'output', { signal: overdue }).catch(() => {
        throw new Error(`${this._command} did not print "${text}":\n${this.output}`);
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

module.exports = { Program };
