'use strict';

// A page that somebody reads with a terminal beside it: its files are written, and its lines typed into a shell. What they
// print is what the page says, but for numbers that differ from one run to the next.

const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const process = require('node:process');

const { MAIN } = require('./cli');

const PORT = '5684';

/** How long a line may take, ms. */
const PATIENCE = 60_000;

/** Lines whose program goes on while others are typed. */
const SERVES = /^(npx mbed-dtls|node) server/;

/** A program that this version of Node.js cannot run, for want of a module. */
const hasSqlite = process.getBuiltinModule?.('node:sqlite') !== undefined;
const isUnfit = (program) => program.includes("'node:sqlite'") && !hasSqlite;

/** What both runs have in common. */
function withoutNumbers(text) {
  return text
    .replace(/\[::1\]:(?=\d)/g, '127.0.0.1:')
    .replace(/listening on (\[::\]|0\.0\.0\.0)/g, 'listening on ANY')
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')
    .replace(/\b\d+\.\d\d(?=[/ ])/g, 'TIME')
    .replace(/^[0-9a-f]{8} (?=\d{7}\.)/gm, 'RANDOM ')
    .replace(/([0-9A-F]{2}:){31}[0-9A-F]{2}/g, 'FINGERPRINT')
    .replace(/sha256:[\w+/]{43}=/g, 'sha256:HASH')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'DATE')
    .trimEnd();
}

/** The lines that are typed in a block, each with what it prints, and what stands before them: a server's output. */
function typedIn(text) {
  const [first, ...typed] = `\n${text}`.split('\n$ ');
  const entries = typed.map((entry) => {
    const end = entry.indexOf('\n');
    return end === -1 ? { line: entry, output: '' } : { line: entry.slice(0, end), output: entry.slice(end + 1) };
  });
  return { entries, ofServer: typed.length === 0 ? first.slice(1) : null };
}

class Session {
  #cwd;
  #main;
  #port;
  #server = null;
  #serverOutput;
  #read = 0;

  /**
   * @param {{ after: Function }} t
   * @param {string} cwd an empty directory
   * @param {number} port takes the place of 5684
   * @param {string} [main] the program that `npx mbed-dtls` is
   */
  constructor(t, cwd, port, main = MAIN) {
    this.#main = main;
    this.#cwd = cwd;
    this.#port = String(port);
    this.#serverOutput = path.join(cwd, 'server-output.txt');
    t.after(() => this.#server?.kill('SIGKILL'));
  }

  /** Does what the page says, from top to bottom. Returns how many blocks of each language there were. */
  async follow(page, languages) {
    const count = { __proto__: null };
    for (const [, language, text] of page.matchAll(/^```(\w+)\n(.*?)^```/gms)) {
      if (!languages.includes(language)) continue;
      count[language] = (count[language] ?? 0) + 1;
      if (language === 'js') this.#write(text);
      else if (language === 'sh') this.#run(text);
      else await this.#type(text);
    }
    return count;
  }

  /** Where a page offers several programs of one name, the first that can run here is taken. */
  #write(program) {
    const name = /^\/\/ ([\w-]+\.js)\n/.exec(program)?.[1];
    assert(name !== undefined, `a program without a name:\n${program}`);
    const file = path.join(this.#cwd, name);
    if (isUnfit(program) || fs.existsSync(file)) return;
    fs.writeFileSync(file, program.replaceAll(PORT, this.#port));
  }

  /** A script whose output says nothing. */
  #run(script) {
    const { status, stderr, error } = this.#shell(`set -e\n${script}`);
    assert.equal(status, 0, `${script}\n${stderr}${error ?? ''}`);
  }

  async #type(text) {
    const { entries, ofServer } = typedIn(text);
    if (ofServer !== null) await this.#serverPrints(ofServer);
    for (const { line, output } of entries) {
      if (SERVES.test(line)) {
        this.#serve(line);
        await this.#serverPrints(output);
        continue;
      }
      // One file for both streams keeps their lines in order.
      const { error } = this.#shell(`{ ${line}\n} > line.txt 2>&1`);
      assert.equal(error, undefined, line);
      const printed = fs.readFileSync(path.join(this.#cwd, 'line.txt'), 'utf8');
      assert.equal(this.#asOnPage(printed), withoutNumbers(output), line);
    }
  }

  #serve(line) {
    this.#server?.kill('SIGKILL');
    this.#read = 0;
    const file = fs.openSync(this.#serverOutput, 'w');
    this.#server = spawn('/bin/sh', ['-c', `exec ${this.#asHere(line)}`], {
      cwd: this.#cwd,
      env: environment(),
      stdio: ['ignore', file, file],
    });
    fs.closeSync(file);
  }

  /** Waits until the server has printed this after what has been read of it. */
  async #serverPrints(expected) {
    const deadline = Date.now() + PATIENCE;
    const printed = () => fs.readFileSync(this.#serverOutput, 'utf8').slice(this.#read);
    const lines = expected.trimEnd().split('\n').length;
    while (printed().split('\n').length <= lines && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal(this.#asOnPage(printed()), withoutNumbers(expected));
    this.#read += printed().length;
  }

  #shell(script) {
    return spawnSync('/bin/sh', ['-c', this.#asHere(script)], {
      cwd: this.#cwd,
      env: environment(),
      encoding: 'utf8',
      timeout: PATIENCE,
    });
  }

  #asHere(line) {
    const node = `'${process.execPath}'`;
    return line
      .replaceAll('npx mbed-dtls', `${node} '${this.#main}'`)
      .replace(/^(\{ )?node /gm, `$1${node} `)
      .replaceAll(PORT, this.#port);
  }

  #asOnPage(text) {
    return withoutNumbers(text.replaceAll(this.#port, PORT));
  }
}

/** Some versions of Node.js warn that SQLite is experimental. */
function environment() {
  return { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' };
}

module.exports = { Session, hasSqlite };
