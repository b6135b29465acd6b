// Mutants of lib/: faults in its JavaScript, judged by the test files that run the place.

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { coverage } from './coverage.mjs';
import { mutantsOf } from './mutate.mjs';
import { readSource, run, TREE, withText } from './tree.mjs';

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

export async function prepareJavaScript() {
  tests = await coverage();
}

/** Answers `{ verdict, by, seconds }`; verdict: 'caught', 'missed', or 'not run' where no test comes by. */
export async function judgeJavaScript({ file, text, offset }) {
  const began = Date.now();
  const answer = (verdict, by) => ({ verdict, by, seconds: (Date.now() - began) / 1000 });
  const able = tests.filter(({ runs }) => runs(file, offset)).sort((a, b) => a.seconds - b.seconds);
  if (able.length === 0) return answer('not run');
  return withText(file, text, async () => {
    for (const { test, seconds } of able) {
      // A busy machine makes some tests fail now and then: two failures are a verdict.
      if ((await fails(test, seconds)) && (await fails(test, seconds))) return answer('caught', test);
    }
    return answer('missed');
  });
}

async function fails(test, seconds) {
  const { passed } = await run('node', ['--test-reporter=spec', test], {
    seconds: 4 * seconds + 20,
    isEnough: (output) => /^\s*✖ /m.test(output),
  });
  return !passed;
}
