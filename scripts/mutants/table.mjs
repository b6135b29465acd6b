// The table of planted faults in docs/testing.md: which test notices each. `npm run mutants -- planted` writes the rows of those that
// it has judged.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FAULTS } from './faults.mjs';

const PAGE = fileURLToPath(new URL('../../docs/testing.md', import.meta.url));
const HEAD = '| planted fault | noticed by |\n|---|---|\n';

const ROWS = /^(\|.*\n)*/;

/** The rows of the page, as a Map from a fault's name to what notices it. */
export function readTable(page) {
  const [, after = ''] = page.split(HEAD);
  const rows = after.match(ROWS)[0].matchAll(/^\| (.+) \| `(.+)` \|$/gm);
  return new Map([...rows].map(([, name, by]) => [name, by]));
}

export function updateTable(judged) {
  const page = readFileSync(PAGE, 'utf8');
  const known = readTable(page);
  for (const { name, verdict, by, test } of judged) {
    if (verdict === 'caught') known.set(name, test ?? by.split('::').at(-1));
    else known.delete(name);
  }
  const rows = FAULTS.filter(({ name }) => known.has(name)).map(({ name }) => `| ${name} | \`${known.get(name)}\` |`);
  const [before, after] = page.split(HEAD);
  writeFileSync(PAGE, `${before}${HEAD}${rows.map((row) => `${row}\n`).join('')}${after.replace(ROWS, '')}`);
}
