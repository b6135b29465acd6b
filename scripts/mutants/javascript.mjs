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

/** How many seconds test files may take that seem to be about something else. */
const PATIENCE = 60;

let tests = [];

export async function prepareJavaScript() {
  tests = await coverage();
}

/**
 * Answers `{ verdict, by, seconds }`; verdict: 'caught', 'missed', or 'not run' where no test comes by. Test files that are about the
 * same subject, by their names, are asked first, and others for so many seconds: what none of them notices counts as missed.
 */
export async function judgeJavaScript({ file, text, offset }) {
  const began = Date.now();
  const answer = (verdict, by) => ({ verdict, by, seconds: (Date.now() - began) / 1000 });
  const able = tests.filter(({ runs }) => runs(file, offset));
  if (able.length === 0) return answer('not run');
  const subject = wordsOf(file);
  const affinity = ({ test }) => wordsOf(test).filter((word) => subject.includes(word)).length;
  able.sort((one, other) => affinity(other) - affinity(one) || one.seconds - other.seconds);
  return withText(file, text, async () => {
    let spent = 0;
    for (const one of able) {
      if (spent > PATIENCE && affinity(one) === 0) break;
      spent += one.seconds;
      // A busy machine makes some tests fail now and then: two failures are a verdict.
      if ((await fails(one)) && (await fails(one))) return answer('caught', one.test);
    }
    return answer('missed');
  });
}

function wordsOf(file) {
  return file.split(/[/.-]/).filter((word) => !['lib', '__test__', 'test', 'js', 'index', 'commands'].includes(word));
}

async function fails({ test, seconds }) {
  const { passed } = await run('node', ['--test-reporter=spec', test], {
    seconds: 4 * seconds + 20,
    isEnough: (output) => /^\s*✖ /m.test(output),
  });
  return !passed;
}
