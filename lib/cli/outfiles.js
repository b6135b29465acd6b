'use strict';

// Files that a command makes: all of them or none, never over others unasked, and secrets for their owner only.

const fs = require('node:fs');
const path = require('node:path');
const process = require('node:process');

const { Failure, UsageError } = require('./failures');

const SECRET = 0o600;
const PUBLIC = 0o644;

/**
 * @param {string} directory is made if it is not there
 * @param {{ name: string, content: string, isSecret: boolean }[]} files
 * @param {{ force: boolean }} options whether files that are there already may be replaced
 * @returns {string[]} their paths
 */
function writeFiles(directory, files, { force }) {
  const paths = files.map(({ name }) => path.join(directory, name));
  try {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw cannotWrite(directory, error);
  }
  const existing = force ? [] : paths.filter((file) => fs.lstatSync(file, { throwIfNoEntry: false }) !== undefined);
  if (existing.length > 0) throw alreadyThere(existing);
  // What replaces other files is written whole beside them first, so that a full disk leaves them as they were.
  const targets = force ? paths.map((file) => `${file}.${process.pid}.tmp`) : paths;
  const written = [];
  let replaced = 0;
  try {
    for (const [index, { content, isSecret }] of files.entries()) {
      write(targets[index], content, isSecret ? SECRET : PUBLIC, written);
    }
    if (force) {
      for (const [index, file] of paths.entries()) {
        fs.renameSync(targets[index], file);
        replaced += 1;
      }
    }
  } catch (error) {
    for (const file of written) fs.rmSync(file, { force: true });
    throw cannotWrite(error.dest ?? error.path ?? directory, error, replaced);
  }
  return paths;
}

/** Never opens a file that is there already, not even one that has just come. */
function write(name, content, mode, written) {
  const file = fs.openSync(name, 'wx', mode);
  written.push(name);
  try {
    fs.writeFileSync(file, content);
    fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
}

function alreadyThere(files) {
  const some = files.slice(0, 3).join(', ');
  const subject =
    files.length === 1 ? `${some} is there already` : `${some} ${files.length > 3 ? '... ' : ''}are there already`;
  return new UsageError(
    `${subject}; nothing was written`,
    'Choose another directory with --out, or replace them with --force.',
    'EEXIST',
  );
}

const REASONS = {
  __proto__: null,
  EACCES: 'this directory may not be written to',
  EEXIST: 'something is there already',
  EISDIR: 'a directory is there already',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of this path is a file, and not a directory',
  EROFS: 'the file system is read-only',
};

function cannotWrite(file, error, replaced = 0) {
  const reason = REASONS[error.code] ?? error.message;
  const state = replaced === 0 ? 'nothing was written' : `${replaced} files before it have been replaced`;
  return new Failure(`${file}: ${reason}; ${state}`, 'Choose another directory with --out.', error.code);
}

module.exports = { writeFiles };
