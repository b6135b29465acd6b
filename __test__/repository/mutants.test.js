'use strict';

// What `npm run mutants` works with: faults that can still be planted, verdicts about code that is still there, and mutants of
// JavaScript that are programs.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const process = require('node:process');
const { test } = require('node:test');
const vm = require('node:vm');

const ROOT = path.join(__dirname, '..', '..');
const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8');

test('each fault that people once planted has its place, once', async () => {
  const { FAULTS, plant } = await import('../../scripts/mutants/faults.mjs');
  assert.equal(new Set(FAULTS.map(({ name }) => name)).size, FAULTS.length);
  for (const fault of FAULTS) {
    const { file, text } = plant(ROOT, fault);
    assert.notEqual(text, read(file), fault.name);
    for (const each of fault.tests ?? []) assert(fs.existsSync(path.join(ROOT, each)), `${fault.name}: ${each}`);
  }
});

test('each row about one of them in docs/testing.md has a fault and a test that are there', async () => {
  const [{ FAULTS }, { readTable }] = await Promise.all([
    import('../../scripts/mutants/faults.mjs'),
    import('../../scripts/mutants/table.mjs'),
  ]);
  const table = readTable(read('docs/testing.md'));
  const names = new Set(FAULTS.map(({ name }) => name));
  for (const name of table.keys()) assert(names.has(name), name);
  const sources = fs.readdirSync(path.join(ROOT, 'src'), { recursive: true }).filter((name) => name.endsWith('.rs'));
  const rust = sources.map((name) => read(path.join('src', name))).join('\n');
  for (const [name, by] of table) {
    const isThere = by.endsWith('.test.js') ? fs.existsSync(path.join(ROOT, by)) : rust.includes(`fn ${by}(`);
    assert(isThere, `${name}: ${by}`);
  }
});

test('each verdict is about code that is there, and has its reason', () => {
  for (const { file, name, code, reason } of JSON.parse(read('scripts/mutants/verdicts.json'))) {
    assert(
      read(file)
        .split('\n')
        .some((line) => line.trim() === code),
      `${file}: ${name}`,
    );
    assert(reason.length > 20, `${file}: ${name}`);
  }
});

test('test files about the same subject judge first, then the shortest', async () => {
  const { inOrder } = await import('../../scripts/mutants/test-files.mjs');
  const able = ['server/stop', 'client/stats', 'observing/server-stats', 'cli/ping'].map((name, index) => {
    return { test: `__test__/${name}.test.js`, seconds: 9 - index };
  });
  const order = (file) => inOrder(file, able).map(({ test }) => test.slice('__test__/'.length, -'.test.js'.length));
  assert.deepEqual(order('lib/server.js'), ['observing/server-stats', 'server/stop', 'cli/ping', 'client/stats']);
  assert.deepEqual(order('src/binding/stats.rs').slice(0, 2), ['observing/server-stats', 'client/stats']);
});

test('mutants of JavaScript differ from the original in one place, and can be compiled', async () => {
  const { mutantsOf } = await import('../../scripts/mutants/mutate.mjs');
  const source = `
    function limit(bytes, { most = 10 } = {}) {
      if (bytes.length >= most && !bytes.isFree) throw new RangeError('too many');
      for (const byte of bytes) if (byte?.value === 0) continue;
      note(bytes);
      return most > 5 ? bytes.length + 1 : (() => false)();
    }`;
  const mutants = mutantsOf(source);
  const names = mutants.map(({ name }) => name);
  for (const expected of [
    'replace `>=` with `>` in `bytes.length >= most`',
    'replace `&&` with `||` in `bytes.length >= most && !bytes.isFree`',
    'delete `!`',
    "delete `throw new RangeError('too many');`",
    'replace `?.` with `.` in `byte?.value`',
    'delete `note(bytes);`',
    'replace `10` with `11`',
    'replace `false` with `true`',
    'replace `+` with `-` in `bytes.length + 1`',
  ]) {
    assert(names.includes(expected), expected);
  }
  for (const { start, end, replacement, name } of mutants) {
    const mutant = source.slice(0, start) + replacement + source.slice(end);
    assert.notEqual(mutant, source, name);
    new vm.Script(mutant);
  }
});

test('faults in one place of a Rust source have a switch each, the inner one within the outer one', async () => {
  const { switchInto } = await import('../../scripts/mutants/switch.mjs');
  const source = 'fn large(n: u8) -> bool { n + 1 > 2 } // ≥';
  const at = (text) => ({ start: source.indexOf(text), end: source.indexOf(text) + text.length });
  const begin = source.indexOf('{') + 1;
  const { text, places } = switchInto(Buffer.from(source), [
    { number: 0, ...at('n + 1'), switch: ['(if FAULT { n - 1 } else { ', ' })'] },
    { number: 1, ...at('n + 1 > 2'), switch: ['(if FAULT { n + 1 < 2 } else { ', ' })'] },
    { number: 2, ...at('1'), switch: ['(if FAULT { 2 } else { ', ' })'] },
    { number: 3, start: begin, end: begin, switch: [' if FAULT { return true; }', ''] },
  ]);
  const planted = (number) => `crate::planted(${number})`;
  const sum = `(if ${planted(0)} { n - 1 } else { n + (if ${planted(2)} { 2 } else { 1 }) })`;
  assert.equal(
    text,
    `fn large(n: u8) -> bool { if ${planted(3)} { return true; } (if ${planted(1)} { n + 1 < 2 } else { ${sum} > 2 }) } // ≥`,
  );
  const { start, end } = places.find(({ number }) => number === 0);
  assert.equal(text.slice(start, end), sum);
});

test('the score of a sample leaves out what does not build or changes nothing', async () => {
  const { interval, scoreLine } = await import('../../scripts/mutants/score.mjs');
  const judged = ['caught', 'caught', 'caught', 'missed', 'unviable', 'equivalent'].map((verdict) => ({ verdict }));
  assert.match(scoreLine('wire', judged), /^wire: 3 of 4 caught, 75 % .*; 1 do not build; 1 change nothing$/);
  const [low, high] = interval(54, 60);
  assert(low > 0.79 && low < 0.81 && high > 0.94 && high < 0.96);
});

test('the directory of a run is the same for the processes that it starts elsewhere', () => {
  const script = "import('./scripts/mutants/tree.mjs').then(({ HOME }) => console.log(HOME))";
  const env = { ...process.env, MUTANTS_HOME: 'target/mutants-here' };
  const { stdout } = spawnSync(process.execPath, ['-e', script], { cwd: ROOT, env, encoding: 'utf8' });
  assert.equal(stdout.trim(), path.join(ROOT, 'target', 'mutants-here'));
});
