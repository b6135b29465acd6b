// A copy of the project in which faults are planted, one at a time, and the commands that run there. It has a target directory
// of its own, so that neither the project's files nor its builds ever have a fault in them.

import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

export const ROOT = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
/** Two runs at once need a directory each. */
export const HOME = path.resolve(process.env.MUTANTS_HOME ?? path.join(ROOT, 'target', 'mutants'));
export const TREE = path.join(HOME, 'tree');

const TARGET = path.join(HOME, 'target');
const HOST = execFileSync('rustc', ['-vV'], { encoding: 'utf8' }).match(/^host: (.*)$/m)[1];
const ENVIRONMENT = {
  ...process.env,
  CARGO_BUILD_TARGET: HOST,
  CARGO_TARGET_DIR: TARGET,
  CARGO_TERM_COLOR: 'never',
};

/**
 * What nobody debugs is linked in a third of the time, and what runs hundreds of times shall be quick; overflows and assertions are
 * noticed as before. Its dependencies stay as the project has built them.
 */
const CONFIGURATION = Buffer.from('[profile.dev.package.mbed-dtls]\ndebug = 0\nopt-level = 1\n');

/**
 * Begins with what the project has built, so that its dependencies need not be built again: they are the same, and only the crate
 * itself has another place.
 */
function beginTarget() {
  writeIfDifferent(path.join(HOME, '.cargo', 'config.toml'), CONFIGURATION);
  if (existsSync(TARGET)) return;
  for (const directory of ['debug', path.join(HOST, 'debug')]) {
    const built = path.join(ROOT, 'target', directory);
    const filter = (name) => path.basename(name) !== 'incremental';
    const options = { recursive: true, preserveTimestamps: true, verbatimSymlinks: true, filter };
    if (existsSync(built)) cpSync(built, path.join(TARGET, directory), options);
  }
}

/** Makes the copy what the project is now. Files that are the same stay as they are, so that little is built again. */
export function refreshTree() {
  beginTarget();
  mkdirSync(TREE, { recursive: true });
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT });
  const wanted = new Set(list.toString().split('\0').filter(Boolean));
  const made = ['binding.js', 'binding.d.ts', ...readdirSync(ROOT).filter((name) => name.endsWith('.node'))];
  for (const name of [...wanted, ...made]) {
    const from = path.join(ROOT, name);
    if (!existsSync(from)) continue;
    wanted.add(name);
    writeIfDifferent(path.join(TREE, name), readFileSync(from));
  }
  for (const name of readdirSync(TREE, { recursive: true, withFileTypes: true })) {
    const file = path.join(name.parentPath, name.name);
    const relative = path.relative(TREE, file);
    const isOther = /^(node_modules|target|mbedtls-overlay.include)/.test(relative);
    if (name.isFile() && !isOther && !wanted.has(relative.replaceAll('\\', '/'))) rmSync(file);
  }
  // Without its optional peers, a test would not run, and notice nothing.
  for (const name of ['node_modules', path.join('target', 'interop')]) {
    const [from, to] = [path.join(ROOT, name), path.join(TREE, name)];
    if (existsSync(to) || !existsSync(from)) continue;
    mkdirSync(path.dirname(to), { recursive: true });
    symlinkSync(from, to, 'junction');
  }
}

function writeIfDifferent(file, contents) {
  if (existsSync(file) && readFileSync(file).equals(contents)) return;
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, contents);
}

/** What cargo has built there. */
export function built(name) {
  return path.join(TARGET, HOST, 'debug', name);
}

/** The text of a file of the copy. */
export function readSource(name) {
  return readFileSync(path.join(TREE, name), 'utf8');
}

/** Another copy, for a fault that is judged while another one is in the first. */
export function copyTree(number) {
  const copy = path.join(HOME, `tree-${number}`);
  rmSync(copy, { recursive: true, force: true });
  cpSync(TREE, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}

/** Runs `act` while a file of a copy has another text. */
export async function withText(name, text, act, tree = TREE) {
  const file = path.join(tree, name);
  const original = readFileSync(file);
  writeFileSync(file, text);
  const restore = () => writeFileSync(file, original);
  const interrupted = () => {
    restore();
    process.exit(130);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    return await act();
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    restore();
  }
}

/** Files that have other texts, and their own. */
let replaced = new Map();

/** Gives files of the copy other texts until it is called again, or the copy is made anew. */
export function replaceTexts(texts) {
  for (const [name, original] of replaced) writeFileSync(path.join(TREE, name), original);
  replaced = new Map([...texts.keys()].map((name) => [name, readSource(name)]));
  for (const [name, text] of texts) writeFileSync(path.join(TREE, name), text);
}

/**
 * Runs a command in a copy, and ends it with all its children when it takes too long.
 * Answers `{ passed, overdue, output, seconds }`.
 */
export function run(command, args, { seconds = 600, env = {}, cwd = TREE, isEnough = () => false } = {}) {
  return new Promise((resolve) => {
    const began = Date.now();
    const child = spawn(command, args, {
      cwd,
      env: { ...ENVIRONMENT, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let output = '';
    let overdue = false;
    const end = () => {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // Nothing of it is left.
      }
    };
    const timer = setTimeout(() => {
      overdue = true;
      end();
    }, seconds * 1000);
    const listen = (chunk) => {
      output += chunk;
      if (isEnough(output)) end();
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    const finish = (passed) => {
      clearTimeout(timer);
      end();
      resolve({ passed, overdue, output, seconds: (Date.now() - began) / 1000 });
    };
    child.on('error', (error) => {
      output += error.message;
      finish(false);
    });
    child.on('close', (code, signal) => {
      // So a process ends whose processor time is over (`ulimit -t`).
      overdue ||= signal === 'SIGXCPU';
      finish(code === 0);
    });
  });
}
