'use strict';

// The table of docs/mistakes.md: each mistake, and what it prints.

const SUBJECTS = [require('./options.js'), require('./handshakes.js'), require('./peers.js'), require('./calls.js')];

/** Title of a section -> mistake -> what makes it, and answers with lines. */
const MISTAKES = Object.assign({}, ...SUBJECTS);

const COUNT = Object.values(MISTAKES).reduce((sum, section) => sum + Object.keys(section).length, 0);

/** One row of the table. */
function row(mistake, lines) {
  const cells = lines.map((text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' '));
  return `| ${mistake} | ${cells.join('<br>')} |`;
}

module.exports = { COUNT, MISTAKES, row };
