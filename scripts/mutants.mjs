#!/usr/bin/env node
// Plants faults, one at a time, and sees whether a test notices: npm run mutants
//
//   npm run mutants                                  all mutants of wire, tls, proto, binding and lib: days
//   npm run mutants -- --count 60 --seed 7           a random sample of so many of each layer; the same seed chooses the same ones
//   npm run mutants -- src/proto --minutes 10        a random sample of this layer, directory or file, for so long
//   npm run mutants -- --changed main                the lines that have changed since
//   npm run mutants -- --missed                      what the last run has found no test for
//   npm run mutants -- planted [WORD]                the faults that people once planted (scripts/mutants/planted.mjs)
//   npm run mutants -- overlay [--minutes N]         one edit of Mbed TLS missing at a time
//
// Works in target/mutants, on a copy of the project as it is now. Prints each survivor, and a score for each layer. What no
// test can notice, because it changes nothing, is in scripts/mutants/verdicts.json.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { judgeInAddon, prepareAddon } from './mutants/addon.mjs';
import { judgeJavaScript, listJavaScript, prepareJavaScript } from './mutants/javascript.mjs';
import { judgeEdit, listEdits } from './mutants/overlay.mjs';
import { inParallel, WIDTH } from './mutants/parallel.mjs';
import { judgePlanted, listPlanted, orderPlanted, preparePlanted } from './mutants/planted.mjs';
import { judgeRust, listRust, prepareRust } from './mutants/rust.mjs';
import { chance, scoreLine } from './mutants/score.mjs';
import { judgeSwitched, prepareSwitched } from './mutants/switched.mjs';
import { updateTable } from './mutants/table.mjs';
import { HOME, ROOT, readSource, refreshTree } from './mutants/tree.mjs';
import { readVerdicts, reasonOf } from './mutants/verdicts.mjs';

const LAYERS = { wire: 'src/wire', tls: 'src/tls', proto: 'src/proto', binding: 'src/binding', lib: 'lib' };

/** Where a sample is limited by its time alone, so many mutants of each layer are made ready at most. */
const MOST_READY = 300;

const KINDS = {
  switched: { prepare: prepareSwitched, judge: judgeSwitched },
  rust: { prepare: prepareRust, judge: judgeRust },
  addon: { prepare: prepareAddon, judge: judgeInAddon, width: WIDTH },
  javascript: { prepare: prepareJavaScript, judge: judgeJavaScript, width: WIDTH },
  planted: { prepare: preparePlanted, judge: judgePlanted, order: orderPlanted },
  overlay: { prepare: prepareRust, judge: judgeEdit },
};

const { values, positionals } = readArguments();
refreshTree();
const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : Number(values.minutes);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const file = path.join(HOME, `result-${new Date().toISOString().replaceAll(':', '')}.json`);
const results = await judgeAll(choose(list()));
if (positionals[0] === 'planted') updateTable(results);
report(results);

function readArguments() {
  const options = Object.fromEntries(['minutes', 'count', 'seed', 'changed'].map((name) => [name, { type: 'string' }]));
  options.missed = { type: 'boolean' };
  try {
    const read = parseArgs({ options, allowPositionals: true });
    for (const name of ['minutes', 'count', 'seed']) {
      if (read.values[name] !== undefined && !/^\d+$/.test(read.values[name])) {
        throw new Error(`--${name} wants a whole number`);
      }
    }
    return read;
  } catch (error) {
    console.error(`mutants: ${error.message}`);
    return process.exit(2);
  }
}

function list() {
  const [first, word] = positionals;
  if (first === 'planted') return listPlanted(word).map((fault) => ({ ...fault, kind: 'planted', layer: 'planted' }));
  if (first === 'overlay') return listEdits().map((edit) => ({ ...edit, kind: 'overlay', layer: 'overlay' }));
  const paths = (positionals.length === 0 ? Object.values(LAYERS) : positionals).map(
    (name) => LAYERS[name] ?? path.relative(ROOT, path.resolve(name)).replaceAll('\\', '/'),
  );
  const strange = paths.find((name) => layerOf(name) === undefined);
  if (strange !== undefined) {
    console.error(`mutants: ${strange} is in none of ${Object.values(LAYERS).join(', ')}`);
    process.exit(2);
  }
  const rust = paths.filter((name) => name.startsWith('src/'));
  const javascript = paths.filter((name) => !name.startsWith('src/'));
  const all = [
    ...(rust.length > 0 ? listRust(rust) : []),
    ...(javascript.length > 0 ? listJavaScript(javascript) : []),
  ].filter((mutant) => kindOf(mutant) !== undefined);
  for (const mutant of all) {
    mutant.kind = kindOf(mutant);
    mutant.layer = layerOf(mutant.file);
    mutant.code = readSource(mutant.file).split('\n')[mutant.line - 1].trim();
  }
  if (values.missed) return all.filter(isMissed());
  return values.changed === undefined ? all : all.filter(isChangedSince(values.changed));
}

/** What the compiler itself computes cannot be switched. Of the binding it is left alone: each would be an addon of its own. */
function kindOf({ file, switch: text }) {
  const layer = layerOf(file);
  if (layer === 'lib') return 'javascript';
  if (layer === 'binding') return text === null ? undefined : 'addon';
  return text === null ? 'rust' : 'switched';
}

/** Whether the last run has found no test for a mutant. */
function isMissed() {
  const keyOf = ({ file, name, code }) => JSON.stringify([file, name, code]);
  const last = readdirSync(HOME)
    .filter((name) => name.startsWith('result-'))
    .sort()
    .at(-1);
  if (last === undefined) throw new Error('there was no run');
  const missed = new Set(
    JSON.parse(readFileSync(path.join(HOME, last), 'utf8'))
      .judged.filter(survives)
      .map(keyOf),
  );
  return (mutant) => missed.has(keyOf(mutant));
}

function survives({ verdict }) {
  return verdict === 'missed' || verdict === 'not run';
}

function layerOf(file) {
  return Object.keys(LAYERS).find((layer) => file === LAYERS[layer] || file.startsWith(`${LAYERS[layer]}/`));
}

/** Whether the line of a mutant is not as it was in this commit. */
function isChangedSince(commit) {
  const diff = execFileSync('git', ['diff', '--unified=0', '--no-color', commit], { cwd: ROOT, encoding: 'utf8' });
  const changed = new Set();
  let file;
  for (const line of diff.split('\n')) {
    file = line.match(/^\+\+\+ b\/(.*)$/)?.[1] ?? file;
    const [, first, length = '1'] = line.match(/^@@ .*\+(\d+)(?:,(\d+))? @@/) ?? [];
    for (let index = 0; first !== undefined && index < Number(length); index++) {
      changed.add(`${file}:${Number(first) + index}`);
    }
  }
  return (mutant) => changed.has(`${mutant.file}:${mutant.line}`);
}

/** In random order where only some will have their turn; the rest in the order of the files. */
function choose(mutants) {
  if (values.count === undefined && minutes === Number.POSITIVE_INFINITY) return mutants;
  const random = chance(seed);
  const shuffled = mutants.map((mutant) => [random(), mutant]).sort(([a], [b]) => a - b);
  const most = Number(values.count ?? MOST_READY);
  const sample = [];
  for (const layer of new Set(mutants.map((mutant) => mutant.layer))) {
    const own = shuffled.map(([, mutant]) => mutant).filter((mutant) => mutant.layer === layer);
    sample.push(...own.slice(0, most));
  }
  return sample;
}

async function judgeAll(mutants) {
  const kinds = Object.keys(KINDS).filter((kind) => mutants.some((mutant) => mutant.kind === kind));
  console.log(`mutants: ${mutants.length} to judge${mutants.length > 0 ? `, seed ${seed}` : ''}`);
  const judged = [];
  for (const kind of kinds) {
    const own = mutants.filter((one) => one.kind === kind);
    judged.push(...(await judgeKind(KINDS[kind], own, (some) => save([...judged, ...some]))));
  }
  return judged;
}

/** What has been found out so far is kept, should the run be ended early. */
function save(judged) {
  writeFileSync(file, JSON.stringify({ seed, judged }, null, 2));
}

async function judgeKind({ prepare, judge, order, width = 1 }, mutants, keep) {
  const verdicts = readVerdicts();
  await prepare(mutants);
  const end = Date.now() + minutes * 60_000;
  const judged = [];
  const judgeOne = async (mutant, place) => {
    if (Date.now() > end) return;
    const reason = reasonOf(verdicts, mutant);
    const result = reason === undefined ? await judge(mutant, place) : { verdict: 'equivalent', reason };
    judged.push({ ...mutant, text: undefined, ...result });
    say(judged.at(-1));
    keep(judged);
  };
  await inParallel(order?.(mutants) ?? mutants, judgeOne, width);
  // What many tests come by has its own turn: the longest of them take minutes.
  const judgeOn = async (result, place) => {
    if (Date.now() > end) return;
    Object.assign(result, await result.judgeOn(place));
    say(result);
    keep(judged);
  };
  await inParallel(
    judged.filter((result) => result.judgeOn !== undefined),
    judgeOn,
    width,
  );
  return judged;
}

function say({ verdict, name, by, seconds = 0, ...place }) {
  console.log(`${verdict.padEnd(10)} ${placeOf(place)} ${name}${by ? ` [${by}]` : ''}, ${seconds.toFixed(0)} s`);
}

function placeOf({ file, line }) {
  return line === undefined ? file : `${file}:${line}`;
}

function report(judged) {
  const survivors = judged.filter(survives);
  if (survivors.length > 0) console.log(`\nNo test notices:`);
  for (const mutant of survivors) {
    const code = mutant.code === undefined ? '' : `\n      ${mutant.code}`;
    console.log(
      `  ${placeOf(mutant)} ${mutant.name}${mutant.verdict === 'not run' ? ' (no test runs it)' : ''}${code}`,
    );
  }
  console.log('');
  for (const layer of new Set(judged.map((mutant) => mutant.layer))) {
    console.log(
      scoreLine(
        layer,
        judged.filter((mutant) => mutant.layer === layer),
      ),
    );
  }
  if (survivors.length > 0) process.exitCode = 1;
}
