// The Rust tests of a program that has many faults, of which one is switched on at a time: who comes by which, and who notices.

import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { hasFailed } from './rust.mjs';
import { NOTED, PLANTED } from './switch.mjs';
import { HOME, run } from './tree.mjs';

const NOTES = path.join(HOME, 'notes');

/** The shortest tests notice most faults: these shares of the time of all tests are spent one after the other. */
const TURNS = [0.03, 0.12];

/** Builds the tests of the copy as it is. Answers `{ program, errors }`: either a path, or what the compiler says. */
export async function buildTests() {
  const { said, errors } = await build(['test', '--lib', '--no-run']);
  if (errors !== undefined) return { errors };
  return { program: said.findLast(({ profile, executable }) => profile?.test && executable).executable };
}

/** Answers `{ said, errors }`: all that cargo says, and what of it the compiler does not accept. */
export async function build(args) {
  const { passed, output } = await run('cargo', [...args, '--message-format=json'], { seconds: 3600 });
  const lines = output.split('\n').filter((line) => line.startsWith('{'));
  const said = lines.map((line) => JSON.parse(line));
  if (passed) return { said };
  const messages = said.map(({ message }) => message);
  const errors = messages.filter((message) => message?.level === 'error' && message.spans.length > 0);
  if (errors.length === 0) throw new Error(`cargo ${args.join(' ')} fails:\n${output.slice(-3000)}`);
  return { said, errors };
}

/**
 * Runs all tests without any fault. Answers `{ program, visits, times }`: which tests come by a fault, by its number, and how many
 * seconds each test takes.
 */
export async function watchTests(program) {
  rmSync(NOTES, { force: true });
  // Stable Rust tells no times unless it is told that it may. The long random run is skipped: it asks for luck.
  const args = ['-Zunstable-options', '--report-time', '--skip', 'fuzz'];
  const { passed, output } = await run(program, args, {
    seconds: 1800,
    env: { [NOTED]: NOTES, RUSTC_BOOTSTRAP: '1' },
  });
  if (!passed) throw new Error(`the Rust tests fail without any fault:\n${output.slice(-3000)}`);
  const lines = output.matchAll(/^test (\S+)(?: - should panic)? \.\.\. ok <([\d.]+)s>$/gm);
  const times = new Map([...lines].map(([, name, seconds]) => [name, Number(seconds)]));
  return { program, times, visits: readNotes(NOTES) };
}

/** By the number of a fault: the threads that have come by it. */
export function readNotes(file) {
  const visits = new Map();
  for (const line of existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []) {
    const [, number, name] = line.match(/^(\d+) (.*)$/);
    if (!visits.has(Number(number))) visits.set(Number(number), new Set());
    visits.get(Number(number)).add(name);
  }
  return visits;
}

/**
 * Answers `{ verdict, by, seconds, judgeOn }`; verdict: 'caught', 'missed', or 'not run' where no test comes by. With `judgeOn()`, only
 * the shorter of the tests that come by have judged; it lets the others judge.
 */
export async function judgeNumber(watched, number) {
  const names = watched.visits.get(number);
  if (names === undefined) return { verdict: 'not run' };
  const [short, long] = inTurns(watched, names);
  const result = await judgeBy(watched, short, number);
  if (result.verdict === 'caught' || long.length === 0) return result;
  return { ...result, judgeOn: () => judgeBy(watched, [long], number) };
}

/** The tests that come by, the short ones first. A thread that has not the name of a test may belong to any. */
function inTurns({ times }, names) {
  const known = [...names].filter((name) => times.has(name));
  const all = known.length < names.size ? [...times.keys()] : known;
  all.sort((one, other) => names.has(other) - names.has(one) || times.get(one) - times.get(other));
  const total = [...times.values()].reduce((sum, seconds) => sum + seconds, 0);
  const short = TURNS.map((share) => {
    let spent = 0;
    const end = all.findIndex((name) => {
      spent += times.get(name);
      return spent > share * total;
    });
    return all.splice(0, end < 0 ? all.length : end);
  });
  return [short, all];
}

async function judgeBy(watched, turns, number) {
  const began = Date.now();
  const answer = (verdict, by) => ({ verdict, by, seconds: (Date.now() - began) / 1000 });
  for (const tests of turns.filter(({ length }) => length > 0)) {
    const by = await whoFails(watched, tests, number);
    if (by !== undefined) return answer('caught', by);
  }
  return answer('missed');
}

async function whoFails({ program, times }, tests, number) {
  // Of a processor's time: on a busy machine everything takes long. What only waits has ten times as long.
  const seconds = Math.ceil(4 * tests.reduce((sum, name) => sum + times.get(name), 0) + 30);
  // What never ends may want memory without end.
  const limits = `ulimit -v 16000000; ulimit -S -t ${seconds}`;
  const args = ['-c', `${limits}; exec "$0" "$@"`, program, '--exact', ...tests];
  const env = { [PLANTED]: String(number) };
  const { passed, overdue, output } = await run('sh', args, { seconds: 10 * seconds, env, isEnough: hasFailed });
  if (passed) return undefined;
  const name = output.match(/^test (\S+).* FAILED$/m)?.[1];
  return name ?? (overdue ? 'it never ended' : 'the tests broke off');
}
