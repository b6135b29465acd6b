'use strict';

// Files that commands write, without a process for each: all or none, never over others unasked, and secrets for their owner only.

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const process = require('node:process');
const { describe, test } = require('node:test');

const { Failure, UsageError } = require('../../lib/cli/failures');
const { keyLog } = require('../../lib/cli/keylog');
const { writeFiles } = require('../../lib/cli/outfiles');
const { temporaryDirectory } = require('../support/cli');

const WINDOWS = process.platform === 'win32';
const OUT = 'Choose another directory with --out.';

const files = (...names) => names.map((name) => ({ name, content: `new ${name}`, isSecret: name.endsWith('.key') }));
const read = (directory) =>
  Object.fromEntries(
    fs
      .readdirSync(directory)
      .sort()
      .map((name) => [name, fs.readFileSync(path.join(directory, name), 'utf8')]),
  );
const modeOf = (file) => fs.statSync(file).mode & 0o777;

function refused(act, kind, message, advice, code) {
  assert.throws(act, (error) => {
    assert(error instanceof kind, error.stack);
    assert.deepEqual([error.message, error.advice, error.code], [message, advice, code]);
    return true;
  });
}

describe('files', () => {
  test('are made with their directory, and those with secrets are for their owner', (t) => {
    const directory = path.join(temporaryDirectory(t), 'a', 'b');
    const names = ['one.crt', 'one.key'];
    const paths = names.map((name) => path.join(directory, name));
    assert.deepEqual(writeFiles(directory, files(...names), { force: false }), paths);
    assert.deepEqual(read(directory), { 'one.crt': 'new one.crt', 'one.key': 'new one.key' });
    if (WINDOWS) return;
    assert.equal(modeOf(directory), 0o700);
    assert.deepEqual(paths.map(modeOf), [0o644 & ~process.umask(), 0o600]);
  });

  test('that are there stay as they are, and no other is made', (t) => {
    const directory = temporaryDirectory(t);
    const where = (name) => path.join(directory, name);
    const write = (...names) => writeFiles(directory, files(...names), { force: false });
    const there = (subject, ...names) =>
      refused(
        () => write('new', ...names),
        UsageError,
        `${subject}; nothing was written`,
        'Choose another directory with --out, or replace them with --force.',
        'EEXIST',
      );
    fs.writeFileSync(where('a'), 'old');
    there(`${where('a')} is there already`, 'a');
    for (const name of ['b', 'c', 'd']) fs.writeFileSync(where(name), 'old');
    there(`${where('a')}, ${where('b')} are there already`, 'a', 'b');
    there(`${['a', 'b', 'c'].map(where).join(', ')} are there already`, 'a', 'b', 'c');
    there(`${['a', 'b', 'c'].map(where).join(', ')} ... are there already`, 'a', 'b', 'c', 'd');
    assert.deepEqual(read(directory), { a: 'old', b: 'old', c: 'old', d: 'old' });
  });

  test('that are there as dangling links count as there', { skip: WINDOWS }, (t) => {
    const directory = temporaryDirectory(t);
    fs.symlinkSync('nowhere', path.join(directory, 'a'));
    assert.throws(() => writeFiles(directory, files('a'), { force: false }), { code: 'EEXIST' });
  });

  test('are replaced when that is asked for, with nothing left beside them', (t) => {
    const directory = temporaryDirectory(t);
    fs.writeFileSync(path.join(directory, 'a.key'), 'old', { mode: 0o644 });
    assert.deepEqual(writeFiles(directory, files('a.key', 'b'), { force: true }), [
      path.join(directory, 'a.key'),
      path.join(directory, 'b'),
    ]);
    assert.deepEqual(read(directory), { 'a.key': 'new a.key', b: 'new b' });
    if (!WINDOWS) assert.equal(modeOf(path.join(directory, 'a.key')), 0o600);
  });

  test('that cannot all be written are not written at all', (t) => {
    const directory = temporaryDirectory(t);
    const inside = path.join('no', 'b');
    const message = `${path.join(directory, inside)}: ENOENT`;
    assert.throws(
      () => writeFiles(directory, files('a', inside), { force: false }),
      (error) => {
        assert(error instanceof Failure);
        assert(error.message.startsWith(message) && error.message.endsWith('; nothing was written'), error.message);
        assert.deepEqual([error.advice, error.code], [OUT, 'ENOENT']);
        return true;
      },
    );
    assert.deepEqual(read(directory), {});
  });

  test('that cannot all be replaced are named with how many have been', (t) => {
    const directory = temporaryDirectory(t);
    fs.mkdirSync(path.join(directory, 'b'));
    fs.writeFileSync(path.join(directory, 'a'), 'old');
    const b = path.join(directory, 'b');
    const replace = (...names) => writeFiles(directory, files(...names), { force: true });
    const reason = `${b}: a directory is there already; `;
    refused(() => replace('b', 'a'), Failure, `${reason}nothing was written`, OUT, 'EISDIR');
    assert.equal(fs.readFileSync(path.join(directory, 'a'), 'utf8'), 'old');
    refused(() => replace('a', 'b', 'c'), Failure, `${reason}1 files before it have been replaced`, OUT, 'EISDIR');
    assert.deepEqual(fs.readdirSync(directory).sort(), ['a', 'b']);
    assert.equal(fs.readFileSync(path.join(directory, 'a'), 'utf8'), 'new a');
  });

  test('are not written where the path of the directory has a file', (t) => {
    const plain = path.join(temporaryDirectory(t), 'plain');
    fs.writeFileSync(plain, '');
    const below = path.join(plain, 'x');
    const reason = 'a part of this path is a file, and not a directory';
    const write = (directory) => () => writeFiles(directory, files('a'), { force: false });
    refused(write(below), Failure, `${below}: ${reason}; nothing was written`, OUT, 'ENOTDIR');
    refused(write(plain), Failure, `${plain}: something is there already; nothing was written`, OUT, 'EEXIST');
  });
});

describe('the log of keys', () => {
  /** The log of a command whose environment names this file. */
  function logTo(t, file) {
    const before = process.env.SSLKEYLOGFILE;
    t.after(() => {
      if (before === undefined) delete process.env.SSLKEYLOGFILE;
      else process.env.SSLKEYLOGFILE = before;
    });
    process.env.SSLKEYLOGFILE = file;
    return keyLog();
  }

  test('is made before anything is sent, for its owner alone, and gets line after line', (t) => {
    const file = path.join(temporaryDirectory(t), 'keys');
    const emitter = new EventEmitter();
    const log = logTo(t, file);
    assert.equal(fs.readFileSync(file, 'utf8'), '');
    if (!WINDOWS) assert.equal(modeOf(file), 0o600);
    log(emitter, assert.fail);
    emitter.emit('keylog', Buffer.from('a\n'));
    emitter.emit('keylog', Buffer.from('b\n'));
    assert.equal(fs.readFileSync(file, 'utf8'), 'a\nb\n');
  });

  test('is none where the environment names no file', (t) => {
    const emitter = new EventEmitter();
    logTo(t, '')(emitter, assert.fail);
    assert.equal(emitter.listenerCount('keylog'), 0);
  });

  test('that cannot be written is told at once, and later through the other side', (t) => {
    const directory = temporaryDirectory(t);
    const file = path.join(directory, 'keys');
    const emitter = new EventEmitter();
    const failures = [];
    logTo(t, file)(emitter, (error) => failures.push(error));
    fs.rmSync(file);
    fs.mkdirSync(file);
    emitter.emit('keylog', Buffer.from('a\n'));
    const advice = 'Choose a file in a directory that you may write to, or unset SSLKEYLOGFILE.';
    const message = `SSLKEYLOGFILE: cannot write ${file} (EISDIR)`;
    assert.deepEqual(
      failures.map((error) => [error instanceof UsageError, error.message, error.advice, error.code]),
      [[true, message, advice, 'EISDIR']],
    );
    refused(() => logTo(t, file), UsageError, message, advice, 'EISDIR');
  });
});
