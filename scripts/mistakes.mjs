#!/usr/bin/env node
// Makes every mistake in __test__/mistakes/ and writes docs/mistakes.md, a table of what each prints:
//
//   npm run mistakes

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import table from '../__test__/mistakes/table.js';

const { COUNT, MISTAKES, row } = table;
const PAGE = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), 'docs', 'mistakes.md');

const text = [
  '# Mistakes, and what they print',
  '',
  `These are ${COUNT} mistakes that one can make, with the code and the message that each leads to. \`npm run mistakes\` makes all of`,
  'them and writes this page. Codes are permanent and messages are not; [errors.md](errors.md) says of each code what it means.',
];
for (const [title, mistakes] of Object.entries(MISTAKES)) {
  text.push('', `## ${title}`, '', '| mistake | what one hears |', '|---|---|');
  for (const [mistake, make] of Object.entries(mistakes)) {
    text.push(row(mistake, await make()));
  }
}
writeFileSync(PAGE, `${text.join('\n')}\n`);
console.log(`${COUNT} mistakes are in ${PAGE}`);
process.exit(0);
