// Mutants of lib/: faults in its JavaScript, judged by the test files that run the place.

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { coverage } from './coverage.mjs';
import { mutantsOf } from './mutate.mjs';
import { WIDTH } from './parallel.mjs';
import { judgeByFiles } from './test-files.mjs';
import { copyTree, readSource, TREE, withText } from './tree.mjs';

/** All mutants of files below these paths, as `{ file, name, line, offset, text }`. */
export function listJavaScript(paths) {
  const files = readdirSync(path.join(TREE, 'lib'), { recursive: true })
    .map((name) => `lib/${name.replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith('.js') && paths.some((wanted) => file === wanted || file.startsWith(`${wanted}/`)));
  return files.sort().flatMap((file) => {
    const source = readSource(file);
    return mutantsOf(source).map(({ start, end, replacement, name }) => ({
      file,
      name,
      line: source.slice(0, start).split('\n').length,
      offset: start,
      text: source.slice(0, start) + replacement + source.slice(end),
    }));
  });
}

let tests = [];
let trees;

export async function prepareJavaScript() {
  tests = await coverage();
  trees = Array.from({ length: WIDTH }, (_, number) => copyTree(number));
}

/**
 * Answers `{ verdict, by, seconds, judgeOn }`; verdict: 'caught', 'missed', or 'not run' where no test comes by. `judgeOn(place)` lets
 * the test files judge that have not yet.
 */
export async function judgeJavaScript({ file, text, offset }, place) {
  const judge = (able, at, patience) =>
    withText(file, text, () => judgeByFiles(file, able, { cwd: trees[at] }, patience), trees[at]);
  const able = tests.filter(({ runs }) => runs(file, offset));
  const { left, ...result } = await judge(able, place);
  return { ...result, judgeOn: left.length === 0 ? undefined : (at) => judge(left, at, Number.POSITIVE_INFINITY) };
}
