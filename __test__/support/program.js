'use strict';

// A program that a test talks to through its standard streams.

const { spawn } = require('node:child_process');
const { once } = require('node:events');

/** How long it may take for anything, ms. */
const PATIENCE = 30_000;

/** A running program and all that it has printed. */
class Program {
  constructor(command, args) {
    this.output = '';
    this._command = command;
    this._child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
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

  /** Until it has printed this. */
  async printed(text) {
    const overdue = AbortSignal.timeout(PATIENCE);
    while (!this.output.includes(text)) {
      if (this._child.exitCode !== null) throw new Error(`${this._command} ended without "${text}":\n${this.output}`);
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
