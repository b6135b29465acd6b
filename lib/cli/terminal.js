'use strict';

// What a command says and where: results to stdout, everything else to stderr, and progress only to a terminal.

const process = require('node:process');

/** Characters that would act on a terminal or reorder its text. What a peer sends must not. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const UNPRINTABLE = /[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

class Terminal {
  /** @param {AbortController} stop is told when nobody reads any more */
  constructor(stop) {
    this._name = 'mbed-dtls';
    this._isJson = false;
    this._hasProgress = false;
    // The reader of a pipe has gone (EPIPE), or the terminal has closed (EIO).
    process.stdout.on('error', () => stop.abort());
    process.stderr.on('error', () => stop.abort());
  }

  /** Says which command speaks, and whether its results are JSON. */
  use(command, isJson) {
    this._name = `mbed-dtls ${command}`;
    this._isJson = isJson;
  }

  get isJson() {
    return this._isJson;
  }

  /** Lines of a result. */
  line(text) {
    this._clearProgress();
    process.stdout.write(`${printableLines(text)}\n`);
  }

  /** A whole result: one line of JSON, or lines of text. */
  result(value, text) {
    if (this._isJson) this._json({ ok: true, ...value });
    else this.line(text);
  }

  /** Something that has happened: a line of JSON on stdout, or text on stderr. */
  event(name, value, text) {
    if (this._isJson) this._json({ event: name, ...value });
    else this.note(text);
  }

  /** The payload of a datagram. A pipe gets the bytes, and a terminal gets nothing that could act on it. */
  message(bytes, peer, { raw }) {
    this._clearProgress();
    if (this._isJson) this._json({ event: 'message', peer, ...asText(bytes) });
    else if (process.stdout.isTTY) process.stdout.write(`${printable(bytes.toString())}\n`);
    else process.stdout.write(raw ? bytes : Buffer.concat([bytes, Buffer.from('\n')]));
  }

  note(text) {
    this._clearProgress();
    process.stderr.write(`${printableLines(text)}\n`);
  }

  warning(text) {
    this.note(`${this._name}: warning: ${text}`);
  }

  /** The state of a command that takes time; each replaces the one before. */
  progress(text) {
    if (!process.stderr.isTTY) return;
    process.stderr.write(`\r\x1b[K${text.slice(0, Math.max(0, (process.stderr.columns || 80) - 1))}`);
    this._hasProgress = true;
  }

  /** Why the command has failed. */
  fail({ code, message, advice, isUsage }) {
    if (this._isJson) this._json({ ok: false, error: { code, message } });
    const name = code === 'USAGE' || code === 'FAILED' ? '' : ` (${code})`;
    this.note(`${this._name}: ${message}${name}`);
    if (advice !== '') this.note(advice);
    else if (isUsage) this.note(`See ${this._name} --help.`);
  }

  /** A peer's or user's text in quotes, without anything that acts on a terminal. */
  quote(text) {
    return printable(JSON.stringify(text));
  }

  /** Lets the process end although somebody could still type. */
  close() {
    this._clearProgress();
    process.stdin.destroy();
  }

  _json(value) {
    this._clearProgress();
    // All of these are inside strings, where JSON has this form for them.
    const text = JSON.stringify(value).replace(UNPRINTABLE, (character) => `\\u${hex(character, 4)}`);
    process.stdout.write(`${text}\n`);
  }

  _clearProgress() {
    if (this._hasProgress) process.stderr.write('\r\x1b[K');
    this._hasProgress = false;
  }
}

function printable(text) {
  return text.replace(UNPRINTABLE, (character) =>
    character.charCodeAt(0) < 0x100 ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`,
  );
}

function printableLines(text) {
  return text.split('\n').map(printable).join('\n');
}

function hex(character, length) {
  return character.charCodeAt(0).toString(16).padStart(length, '0');
}

/** Text where the bytes are UTF-8, base64 where they are not. */
function asText(bytes) {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { base64: bytes.toString('base64') };
  }
}

module.exports = { Terminal, printable };
