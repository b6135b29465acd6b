// Mutants of Rust that are built together, and switched on one at a time, so that each costs the tests that come by it and no build.

import { buildTests, judgeNumber, watchTests } from './rust-tests.mjs';
import { ROOM, SWITCH, switchInto } from './switch.mjs';
import { readSource, replaceTexts } from './tree.mjs';

const numbers = new Map();

/** Those whose types or lifetimes do not allow for a switch. */
const unbuildable = new Set();

let watched;

export async function prepareSwitched(mutants) {
  for (const mutant of mutants) numbers.set(mutant, numbers.size);
  const { program } = await plantAndBuild(mutants, buildTests);
  watched = await watchTests(program);
}

/**
 * Plants these mutants and builds, without those that do not build.
 *
 * @param {() => Promise<{ errors?: object[] }>} build
 */
async function plantAndBuild(mutants, build) {
  replaceTexts(new Map());
  const sources = new Map([ROOM, ...mutants.map(({ file }) => file)].map((file) => [file, readSource(file)]));
  for (;;) {
    const places = plantAll(
      mutants.filter((mutant) => !unbuildable.has(mutant)),
      sources,
    );
    const built = await build();
    if (built.errors === undefined) return built;
    const guilty = new Set(built.errors.flatMap((error) => blame(error, places)));
    if (guilty.size === 0) throw new Error(`nobody is to blame:\n${built.errors[0].rendered}`);
    for (const mutant of mutants) if (guilty.has(numbers.get(mutant))) unbuildable.add(mutant);
    console.log(`mutants: ${guilty.size} do not build`);
  }
}

/** Answers where each fault is, by file. */
function plantAll(mutants, sources) {
  const texts = new Map();
  const places = new Map();
  for (const [file, source] of sources) {
    const own = mutants.filter((mutant) => mutant.file === file);
    const faults = own.map((mutant) => {
      const { start, end, switch: text } = mutant;
      return { number: numbers.get(mutant), start, end, switch: text };
    });
    const planted = switchInto(Buffer.from(source), faults);
    texts.set(file, file === ROOM ? planted.text + SWITCH : planted.text);
    places.set(file, planted.places);
  }
  replaceTexts(texts);
  return places;
}

/**
 * Whose fault an error of the compiler is: the one whose own text the error is about, or the innermost around it. Without any of them, it
 * is the next above.
 */
function blame({ spans, children }, places) {
  const all = [...spans, ...children.flatMap((child) => child.spans)].flatMap(withOrigin);
  for (const some of [all.filter(({ is_primary: isPrimary }) => isPrimary), all]) {
    const guilty = some.flatMap((span) => owners(span, places.get(span.file_name) ?? []));
    if (guilty.length > 0) return guilty;
  }
  return all.flatMap(({ file_name: file, byte_start: start }) => {
    const above = (places.get(file) ?? []).filter((place) => place.start < start);
    return above
      .sort((one, other) => other.start - one.start)
      .slice(0, 1)
      .map(({ number }) => number);
  });
}

function owners({ byte_start: start, byte_end: end }, places) {
  const own = places.filter((place) => place.own.some(([from, to]) => from < end && start < to));
  const around = places.filter((place) => place.start <= start && end <= place.end);
  around.sort((one, other) => one.end - one.start - (other.end - other.start));
  return (own.length > 0 ? own : around.slice(0, 1)).map(({ number }) => number);
}

/** What a macro has written stands where the macro is called. */
function withOrigin(span) {
  return span.expansion ? [span, ...withOrigin(span.expansion.span)] : [span];
}

/** Answers `{ verdict, by, seconds }`; verdict: 'caught', 'missed', 'unviable', or 'not run' where no test comes by. */
export async function judgeSwitched(mutant) {
  return unbuildable.has(mutant) ? { verdict: 'unviable' } : judgeNumber(watched, numbers.get(mutant));
}
